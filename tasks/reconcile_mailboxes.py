"""What was sent that a restored database does not know of?"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

from prefect import task
from prefect.cache_policies import NO_CACHE

from cadenza.domain.delivery import Attempt, AttemptResult
from cadenza.domain.sequence import Sequence as ContactSequence
from cadenza.domain.sequence import StepKind
from cadenza.domain.settlement import ClaimedMail, Settlement, settlement_of
from cadenza.errors import CadenzaError, DatabaseUnavailable
from cadenza.mail.letters import own_message_id
from cadenza.runtime import Runtime, current
from cadenza.store import database, deliveries, mailboxes, restored, sequences, witnesses
from cadenza.store.mailboxes import Mailbox
from cadenza.store.restored import DoubtfulStep, SentStep
from tasks.retrying import WAITS, waiting_helps

logger = logging.getLogger(__name__)

#: Mails that a mailbox is asked for at once.
AT_ONCE = 1_000


@task(cache_policy=NO_CACHE, retries=len(WAITS), retry_delay_seconds=WAITS, retry_condition_fn=waiting_helps)
def reconcile_mailboxes() -> int:
    """Learn from mailboxes what they sent since a backup that was restored, and let them go on. Returns how many mails.

    They are paused when it is noticed, and asked when the grace time is over: by then they show what they took. One
    that does not tell waits for a person.
    """
    runtime = current()
    now = runtime.clock.now()
    with database.transaction(runtime.engine) as connection:
        before = now - timedelta(seconds=runtime.settings.witness_grace_seconds)
        ids = restored.stopped_mailboxes(connection, before)
        boxes = mailboxes.mailboxes_by_id(connection, ids) if ids else {}
    found = 0
    for box in boxes.values():
        try:
            found += _reconcile(runtime, box, now)
        except DatabaseUnavailable:
            raise
        except CadenzaError as error:
            logger.warning("mailbox %d cannot tell what it sent yet: %s", box.id, type(error).__name__)
    return found


def _reconcile(runtime: Runtime, box: Mailbox, now: datetime) -> int:
    """Ask one mailbox for the next mail of each enrollment, and where it shows it for the one after."""
    count = 0
    with database.transaction(runtime.engine) as connection:
        known = witnesses.known_message_ids(connection, [box.id])[box.id]
        steps = restored.doubtful_steps(connection, box.id)
    while steps:
        sent = _sent(runtime, box, steps, known)
        if sent is None:
            logger.error("mailbox %d does not tell what it sent: it stays paused", box.id)
            with database.transaction(runtime.engine) as connection:
                restored.leave_to_a_person(connection, box.id)
            return count
        with database.transaction(runtime.engine) as connection:
            mails = restored.claim_sent(connection, sent, now)
            versions = sequences.sequences_by_version(connection, {m.version_id for m in mails}, runtime.versions)
            deliveries.settle(connection, [_settlement(mail, versions[mail.version_id], now) for mail in mails])
            steps = restored.doubtful_steps(connection, box.id, [step.enrollment_id for step in sent])
        count += len(sent)
    with database.transaction(runtime.engine) as connection:
        restored.go_on(connection, box.id)
    logger.warning("mailbox %d sent %d mails that the restored database did not know of", box.id, count)
    return count


def _sent(runtime: Runtime, box: Mailbox, steps: Sequence[DoubtfulStep], known: Sequence[str]) -> list[SentStep] | None:
    """Those steps whose mails the mailbox shows; None: it shows nothing at all."""
    with database.transaction(runtime.engine) as connection:
        versions = sequences.sequences_by_version(connection, {s.version_id for s in steps}, runtime.versions)
    asked = [sent for step in steps if (sent := _next_email(runtime, box, step, versions[step.version_id]))]
    transport = runtime.transports.of(box.id, box.transport, box.imap, box.sent_folder)
    shown: set[str] = set()
    tells = not asked
    for start in range(0, len(asked), AT_ONCE):
        accepted = transport.accepted([step.message_id for step in asked[start : start + AT_ONCE]], known)
        tells = tells or accepted is not None
        shown |= accepted or set()
    return [step for step in asked if step.message_id in shown] if tells else None


def _next_email(runtime: Runtime, box: Mailbox, step: DoubtfulStep, sequence: ContactSequence) -> SentStep | None:
    """The next mail of an enrollment, to-dos passed over: they may have been done."""
    for position in range(step.next_position, len(sequence.steps) + 1):
        if sequence.step(position).kind is StepKind.EMAIL:
            own = own_message_id(runtime.secret_key, box.address, step.enrollment_id, position, step.to_address)
            is_next = position == step.next_position
            return SentStep(step.enrollment_id, position, step.message_id if is_next and step.message_id else own)
    return None


def _settlement(mail: ClaimedMail, sequence: ContactSequence, now: datetime) -> Settlement:
    attempt = Attempt(mail.id, AttemptResult.ACCEPTED, text="Found in the mailbox after a restore.", ended_at=now)
    settlement = settlement_of(mail, attempt, sequence, mail.tries)
    assert settlement is not None
    return settlement
