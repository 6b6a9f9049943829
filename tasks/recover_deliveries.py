"""What became of deliveries whose worker died?"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from itertools import groupby

from prefect import task
from prefect.cache_policies import NO_CACHE

from cadenza.domain.delivery import Attempt, AttemptResult
from cadenza.domain.settlement import ClaimedMail, settlement_of
from cadenza.errors import CadenzaError, MailboxRefused
from cadenza.runtime import Runtime, current
from cadenza.store import database, deliveries, mailboxes, sequences, witnesses
from tasks.retrying import WAITS, waiting_helps

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

    def __add__(self, other: Recovery) -> Recovery:
        """Both together."""
        return Recovery(*(getattr(self, each.name) + getattr(other, each.name) for each in fields(self)))


@task(cache_policy=NO_CACHE, retries=len(WAITS), retry_delay_seconds=WAITS, retry_condition_fn=waiting_helps)
def recover_deliveries() -> Recovery:
    """Settle what dead workers left behind (docs/decisions/0008, "Recover").

    A claim with a dead lease never sent its dot. A delivery in flight is looked for through its mailbox's witness.
    """
    runtime = current()
    now = runtime.clock.now()
    with database.transaction(runtime.engine) as connection:
        recovery = Recovery(released=deliveries.release_claims(connection, now))
        mails = deliveries.abandoned(connection, now)
        ids = {mail.mailbox_id for mail in mails}
        boxes = mailboxes.mailboxes_by_id(connection, ids)
        known = witnesses.known_message_ids(connection, ids)
    for mailbox_id, group in groupby(mails, lambda mail: mail.mailbox_id):
        recovery += _look_for(runtime, boxes[mailbox_id], list(group), known[mailbox_id], now)
    if recovery != Recovery():
        logger.warning("recovered: %s", recovery)
    return recovery


def _look_for(
    runtime: Runtime, mailbox: mailboxes.Mailbox, mails: Sequence[ClaimedMail], known: Sequence[str], now: datetime
) -> Recovery:
    """Settle deliveries of one mailbox by what its witness shows."""
    patience = runtime.settings.witness_grace_seconds
    try:
        transport = runtime.transports.of(mailbox.id, mailbox.transport, mailbox.imap, mailbox.sent_folder)
        accepted = transport.accepted([mail.message_id for mail in mails], known)
    except CadenzaError as error:
        logger.warning("the witness of mailbox %d is not reachable: %s", mailbox.id, type(error).__name__)
        accepted, patience = None, max(patience, runtime.settings.witness_patience_seconds)
        if isinstance(error, MailboxRefused):
            with database.transaction(runtime.engine) as connection:
                mailboxes.disconnect(connection, mailbox.id, str(error))
    found = _settle_found(runtime, [mail for mail in mails if accepted and mail.message_id in accepted], now)
    absent = [mail for mail in mails if not accepted or mail.message_id not in accepted]
    over = [mail for mail in absent if mail.claimed_at + timedelta(seconds=patience) <= now]
    told = [mail for mail in absent if accepted is not None and mail.is_witnessed]
    set_aside = [mail for mail in over if accepted is None or not mail.is_witnessed]
    # Absent for the whole grace time, not once long after: clocks may be set, and machines may have slept.
    lost = [mail for mail in told if mail.missed_at and mail.missed_at + timedelta(seconds=patience) <= now]
    with database.transaction(runtime.engine) as connection:
        deliveries.note_missed(connection, told, now)
        resent = deliveries.resend(connection, lost)
        unknown = deliveries.mark_unknown(connection, set_aside, now)
    return Recovery(found=found, resent=resent, waiting=len(absent) - resent - unknown, unknown=unknown)


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
