"""How far is a wave? Its progress, its counts and its pauses, shown in the Prefect UI."""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from prefect.artifacts import create_markdown_artifact, create_progress_artifact, update_progress_artifact
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import (
    FlowFilter,
    FlowFilterName,
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateName,
)

from cadenza.domain.claim import Claim
from cadenza.domain.delivery import Attempt, AttemptResult
from cadenza.domain.wave import Patience, Watching, choose_watching, steps_at_once
from cadenza.runtime import current
from cadenza.store import database, waves

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Wave:
    """A wave as it stands."""

    time_zone: str
    #: Steps that were due when it began.
    steps: int
    watching: Watching
    #: How many steps it claims in one go.
    steps_at_once: int
    started_at: datetime
    progress_id: UUID
    results: tuple[tuple[AttemptResult, int], ...] = ()
    #: Mails accepted in each minute of the wave.
    minutes: tuple[tuple[str, int], ...] = ()
    #: To-dos opened; steps held or ended by a rule that was broken since the enrollment.
    todos: int = 0
    stopped: int = 0
    #: Due steps that no mailbox may send yet, and when the first of them may go.
    waiting: int = 0
    next_at: datetime | None = None

    @property
    def done(self) -> int:
        """Steps that ran, whatever came of it."""
        return sum(count for _, count in self.results) + self.todos + self.stopped

    @property
    def percent(self) -> float:
        """The share of the wave that ran; what came due since it began counts with it."""
        return round(100 * self.done / max(1, self.steps, self.done + self.waiting), 1)


def begin_wave(time_zone: str, shard: int, shards: int) -> Wave:
    """Count what is due in the zone now and choose how closely to watch it."""
    runtime = current()
    now = runtime.clock.now()
    with database.transaction(runtime.engine) as connection:
        steps = -(-waves.steps_due(connection, time_zone, now) // shards)
    watching = choose_watching(steps, runtime.settings.watch_as_flows_up_to, runtime.settings.watch_as_tasks_up_to)
    progress_id = create_progress_artifact(0.0, key=f"wave-{_slug(time_zone)}-progress", description=f"{time_zone}")
    logger.info("wave %s, shard %d of %d: %d steps due, watched as %s", time_zone, shard + 1, shards, steps, watching)
    at_once = steps_at_once(watching, runtime.settings.claim_size)
    return Wave(time_zone, steps, watching, at_once, now, _uuid(progress_id))


def show_progress(wave: Wave, claim: Claim, attempts: Sequence[Attempt]) -> Wave:
    """The wave after another claim, its progress shown."""
    results = Counter(dict(wave.results)) + Counter(attempt.result for attempt in attempts)
    minute = current().clock.now().strftime("%H:%M")
    accepted = sum(attempt.result is AttemptResult.ACCEPTED for attempt in attempts)
    minutes = Counter(dict(wave.minutes)) + Counter({minute: accepted})
    wave = replace(
        wave,
        results=tuple(results.items()),
        minutes=tuple(minutes.items()),
        todos=wave.todos + claim.todos,
        stopped=wave.stopped + claim.held + claim.ended,
        waiting=claim.waiting,
        next_at=claim.next_at,
    )
    update_progress_artifact(wave.progress_id, progress=wave.percent)
    return wave


def wait_for_slot(wave: Wave) -> bool:
    """Wait for the mailboxes' next free slot if it comes soon; False: a later run takes over.

    While waves of other zones wait for a place, none keeps its own longer than its turn: their mailboxes may have room.
    """
    runtime = current()
    now, settings = runtime.clock.now(), runtime.settings
    turn = timedelta(seconds=settings.wave_turn_seconds)
    if now - wave.started_at >= turn and _others_wait():
        return False
    patience = Patience(
        timedelta(seconds=settings.wave_patience_seconds), timedelta(seconds=settings.wave_longest_seconds)
    )
    seconds = patience.seconds_until(wave.next_at, now, wave.started_at)
    if seconds is None:
        return False
    if seconds:
        logger.info("%d steps wait for a free slot: the next in %.0f s", wave.waiting, seconds)
    runtime.clock.wait(seconds)
    return True


def finish_wave(wave: Wave) -> Wave:
    """Publish what the wave did: counts by result, mails by minute, what still waits."""
    most = max((count for _, count in wave.minutes), default=1)
    lines = [
        f"# {wave.time_zone}",
        "",
        f"Began {wave.started_at:%Y-%m-%d %H:%M} UTC with {wave.steps} steps due, watched as {wave.watching.value}.",
        "",
        "| result | steps |",
        "|---|---:|",
        *(f"| mail {result.value} | {count} |" for result, count in wave.results),
        f"| to-do opened | {wave.todos} |",
        f"| held or ended by a rule | {wave.stopped} |",
        f"| waiting for a free slot | {wave.waiting} |",
        "",
        "| minute (UTC) | accepted | |",
        "|---|---:|---|",
        *(f"| {minute} | {count} | {'█' * -(-count * 30 // most)} |" for minute, count in wave.minutes if count),
    ]
    if wave.next_at:
        lines += ["", f"The next may go at {wave.next_at:%Y-%m-%d %H:%M:%S} UTC."]
    create_markdown_artifact("\n".join(lines), key=f"wave-{_slug(wave.time_zone)}", description="What the wave did")
    logger.info("wave %s done: %s; %d wait", wave.time_zone, dict(wave.results), wave.waiting)
    return wave


def _others_wait() -> bool:
    """Whether a wave that is due could not begin yet."""
    due = FlowRunFilterState(name=FlowRunFilterStateName(any_=["AwaitingConcurrencySlot", "Late"]))
    with get_client(sync_client=True) as client:
        return bool(
            client.read_flow_runs(
                flow_filter=FlowFilter(name=FlowFilterName(any_=["send-wave"])),
                flow_run_filter=FlowRunFilter(state=due),
                limit=1,
            )
        )


def _slug(time_zone: str) -> str:
    """A zone's name as an artifact key: lower-case letters, digits and dashes."""
    return re.sub(r"[^a-z0-9]+", "-", time_zone.lower()).strip("-")


def _uuid(value: object) -> UUID:
    return value if isinstance(value, UUID) else UUID(str(value))
