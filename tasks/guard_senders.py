"""Do so many mails come back, or annoy, that a mailbox or a sequence should stop?"""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence

from prefect.artifacts import create_markdown_artifact

from cadenza.domain.guard import Tally, why_pause
from cadenza.errors import DatabaseUnavailable
from cadenza.runtime import current
from cadenza.store import database, guard

logger = logging.getLogger(__name__)


def guard_mailboxes(mailbox_ids: Collection[int], delivery_ids: Collection[int] = ()) -> list[Tally]:
    """Pause those of some mailboxes, and of those that deliveries went through, whose mails come back too often."""
    if not mailbox_ids and not delivery_ids:
        return []
    runtime = current()
    policy, now = runtime.settings.guard, runtime.clock.now()
    try:
        with database.transaction(runtime.engine) as connection:
            ids = {*mailbox_ids, *guard.mailboxes_of(connection, delivery_ids)}
            tallies = guard.tally_mailboxes(connection, policy.days, now, ids)
        return _pause(tallies)
    except DatabaseUnavailable:
        logger.warning("the database is away: the guard looks again with the next catch-up")
        return []


def guard_senders() -> list[Tally]:
    """Pause every mailbox and every sequence whose mails come back, or are reported as spam, too often.

    A person lets it go on; from then on the guard counts anew.
    """
    runtime = current()
    policy, now = runtime.settings.guard, runtime.clock.now()
    with database.transaction(runtime.engine) as connection:
        tallies = guard.tally_mailboxes(connection, policy.days, now)
        tallies += guard.tally_sequences(connection, policy.days, now)
    return _pause(tallies)


def _pause(tallies: Sequence[Tally]) -> list[Tally]:
    runtime = current()
    judged = {tally: why_pause(tally, runtime.settings.guard) for tally in tallies}
    reasons = {tally: reason for tally, reason in judged.items() if reason}
    if not reasons:
        return []
    with database.transaction(runtime.engine) as connection:
        paused = guard.pause(connection, reasons, runtime.clock.now())
    for tally in paused:
        logger.error("%s %d is paused. %s", tally.what, tally.id, reasons[tally])
        command = f"cadenza {'mailbox' if tally.what == 'mailbox' else 'sequences'} resume"
        create_markdown_artifact(
            f"# {tally.what.capitalize()} {tally.id} is paused\n\n{reasons[tally]}\n\n"
            f"| mails | came back | reported as spam |\n|---:|---:|---:|\n"
            f"| {tally.mails} | {tally.bounces} | {tally.complaints} |\n\n"
            f"Its steps wait. Clean the list that caused it, then let it go on with `{command}`.",
            key=f"guard-{tally.what}-{tally.id}",
            description=f"{tally.what} {tally.id} is paused",
        )
    return paused
