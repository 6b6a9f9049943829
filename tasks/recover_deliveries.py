"""What became of deliveries whose worker died?"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

from prefect import task
from prefect.cache_policies import NO_CACHE

from cadenza.domain.delivery import Attempt, AttemptResult
from cadenza.domain.settlement import ClaimedMail, settlement_of
from cadenza.errors import CadenzaError
from cadenza.runtime import Runtime, current
from cadenza.store import database, deliveries, mailboxes, sequences

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Recovery:
    """What one recovery did."""

    #: Claims whose dot was never sent: ready again.
    released: int = 0
    #: Found by the witness: they count as sent.
    found: int = 0
    #: Not found after the grace time: ready again, with the same bytes.
    resent: int = 0
    #: Not found yet: looked for again later.
    waiting: int = 0
    #: No witness can tell: a person decides.
    unknown: int = 0


@task(cache_policy=NO_CACHE)
def recover_deliveries() -> Recovery:
    """Settle what dead workers left behind (docs/decisions/0008, "Recover").

    A claim with a dead lease never sent its dot. A delivery in flight is looked for through its mailbox's witness.
    """
    runtime = current()
    now = runtime.clock.now()
    with database.transaction(runtime.engine) as connection:
        released = deliveries.release_claims(connection, now)
        mails = deliveries.abandoned(connection, now)
        boxes = mailboxes.mailboxes_by_id(connection, {mail.mailbox_id for mail in mails})
    found, resent, waiting, unknown = 0, 0, 0, 0
    for mailbox_id, group in groupby(mails, lambda mail: mail.mailbox_id):
        lost = list(group)
        accepted = _accepted(runtime, boxes[mailbox_id], lost)
        if accepted is None:
            with database.transaction(runtime.engine) as connection:
                unknown += deliveries.mark_unknown(connection, lost, now)
            continue
        found += _settle_found(runtime, [mail for mail in lost if mail.message_id in accepted], now)
        absent = [mail for mail in lost if mail.message_id not in accepted]
        grace = timedelta(seconds=runtime.settings.witness_grace_seconds)
        over = [mail for mail in absent if mail.claimed_at + grace <= now]
        with database.transaction(runtime.engine) as connection:
            resent += deliveries.resend(connection, over)
        waiting += len(absent) - len(over)
    recovery = Recovery(released, found, resent, waiting, unknown)
    if recovery != Recovery():
        logger.warning("recovered: %s", recovery)
    return recovery


def _accepted(runtime: Runtime, mailbox: mailboxes.Mailbox, mails: Sequence[ClaimedMail]) -> set[str] | None:
    """The Message-IDs of those that the server took; None: nobody can tell."""
    try:
        transport = runtime.transports.of(mailbox.id, mailbox.transport)
        return transport.accepted([mail.message_id for mail in mails])
    except CadenzaError as error:
        logger.warning("the witness of mailbox %d is not reachable: %s", mailbox.id, type(error).__name__)
        return None


def _settle_found(runtime: Runtime, mails: Sequence[ClaimedMail], now: datetime) -> int:
    """Count mails as sent that the witness has shown, from now on: that is how late they may have left."""
    with database.transaction(runtime.engine) as connection:
        versions = sequences.sequences_by_version(connection, {mail.version_id for mail in mails}, runtime.versions)
        settlements = [
            settlement_of(
                mail,
                Attempt(mail.id, AttemptResult.ACCEPTED, text="Found by the witness.", ended_at=now),
                versions[mail.version_id],
                runtime.settings.max_attempts,
            )
            for mail in mails
        ]
        return len(deliveries.settle(connection, [settlement for settlement in settlements if settlement]))
