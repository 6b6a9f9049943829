"""Which due steps of a time zone may run now? Reserve them, mails rendered, before any byte goes out."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.runtime import task_run

from cadenza.domain.advance import opens_at
from cadenza.domain.claim import Claim, DueStep, OpenTodo, Refused, Reservation
from cadenza.domain.overrides import own_sequence
from cadenza.domain.sequence import Sequence
from cadenza.mail.letters import Writer
from cadenza.mail.message import SenderIdentity
from cadenza.runtime import current
from cadenza.store import claims, database, mailboxes, restored, sequences, variant_tests
from tasks.retrying import WAITS, waiting_helps

logger = logging.getLogger(__name__)

#: A step that lacks a token, or whose sender is away, is looked at again after this time.
HELD_FOR = timedelta(hours=12)
#: The least pause between two claims that take nothing: another wave holds the mailboxes.
PAUSE = timedelta(seconds=1)

#: What says when follow-ups may run: sequence version, country, and days and window of the contact's own.
Timing = tuple[int, str | None, str | None]


@task(cache_policy=NO_CACHE, retries=len(WAITS), retry_delay_seconds=WAITS, retry_condition_fn=waiting_helps)
def claim_steps(
    time_zone: str, size: int | None = None, shard: int = 0, shards: int = 1, read: Collection[int] = ()
) -> Claim:
    """Reserve what the zone's mailboxes may send now, open due to-dos, and end or hold what may no longer run.

    No more than ``size`` emails and as many to-dos, by default as the settings say. ``read`` are the mailboxes whose
    answers were read just before; of others that can be read nothing is claimed. One transaction
    (docs/decisions/0008): the mailboxes stay locked from counting their room to filling it.
    """
    runtime = current()
    settings = runtime.settings
    size = size or settings.claim_size
    if task_run.run_count > 1:
        # Tried again after a while: somebody may have answered since.
        read = ()
    now = runtime.clock.now()
    with database.transaction(runtime.engine) as connection:
        if is_restored := runtime.memory.is_ahead(connection):
            restored.stop_sending(connection, now)
        due_todos = claims.pick_todos(connection, time_zone, shard, shards, size, read, now)
        locked = claims.lock_mailboxes(connection, time_zone, shard, shards, read, now)
        rooms = mailboxes.rooms(connection, locked, settings.limits, now)
        picked = claims.pick_emails(connection, time_zone, quotas(rooms, size), now)
        due = [*due_todos, *picked]
        versions = sequences.sequences_by_version(connection, {step.version_id for step in due}, runtime.versions)
        closed = openings(picked, versions, now)
        postponed = claims.postpone(connection, time_zone, locked, closed, now) if closed else 0
        due_emails = [step for step in picked if step.is_first or _timing(step) not in closed]
        writer = Writer(
            versions,
            {
                id_: SenderIdentity(
                    box.address,
                    box.display_name,
                    box.postal_address,
                    box.sender_values,
                    tuple(box.aliases),
                    box.largest_mail(settings.largest_mail_mb),
                )
                for id_, box in mailboxes.mailboxes_by_id(connection, {step.mailbox_id for step in due}).items()
            },
            runtime.secret_key,
            settings.public_url,
            runtime.composers,
            variant_tests.winners(connection, versions),
            settings.tracking,
        )
        written = [
            *(writer.write_todo(step, now) for step in due_todos),
            *(writer.write_mail(step, now) for step in due_emails),
        ]
        todos = [work for work in written if isinstance(work, OpenTodo)]
        mails = [work for work in written if isinstance(work, Reservation)]
        held = [work for work in written if isinstance(work, Refused) and work.is_held]
        ended = [work for work in written if isinstance(work, Refused) and not work.is_held]
        claims.hold_refused(connection, held, now + HELD_FOR)
        claims.end_refused(connection, ended, now)
        claims.open_todos(connection, todos, now)
        claimed = claims.reserve(connection, mails, due_emails, timedelta(seconds=settings.lease_seconds), now)
        is_full = len(picked) >= size or len(due_todos) >= size
        waiting = {} if is_full else claims.waiting(connection, time_zone, shard, shards, now)
        free = mailboxes.rooms(connection, list(waiting), settings.limits, now)
    if is_restored:
        runtime.memory.forget()
        logger.error("the database knows less than was sent: mailboxes are paused until they tell what it was")
    if claimed:
        runtime.memory.keep(claimed[-1], is_settled=False)
    runtime.claimed = {mail.id: mail for mail in claimed}
    next_at = now if is_full else min((room.free_at for room in free), default=None)
    if next_at and not due:
        next_at = max(next_at, now + PAUSE)
    logger.info(
        "%s: %d mails claimed, %d to-dos, %d held, %d ended, %d put off to their window, %d wait",
        time_zone, len(claimed), len(todos), len(held), len(ended), postponed, sum(waiting.values()),
    )  # fmt: skip
    delivery_ids = tuple(mail.id for mail in claimed)
    return Claim(delivery_ids, len(todos), len(held), len(ended), sum(waiting.values()), next_at)


def openings(steps: Iterable[DueStep], versions: Mapping[int, Sequence], now: datetime) -> dict[Timing, datetime]:
    """When late follow-ups may run whose window is closed now, by what decides on it.

    Queues and pauses may hold a step until its window is over.
    """
    kinds = {_timing(step): step for step in steps if not step.is_first}
    found = {
        kind: opens_at(own_sequence(versions[step.version_id], step.overrides), now, step.time_zone, step.country)
        for kind, step in kinds.items()
    }
    return {kind: opens for kind, opens in found.items() if opens}


def _timing(step: DueStep) -> Timing:
    return step.version_id, step.country, step.follow_ups


def quotas(rooms: Iterable[mailboxes.Room], size: int) -> dict[int, int]:
    """How many steps to claim for each mailbox: its room, and an even share of the claim's size."""
    rooms = [room for room in rooms if room.mails != 0]
    share = -(-size // max(1, len(rooms)))
    return {room.mailbox_id: share if room.mails is None else min(room.mails, share) for room in rooms}
