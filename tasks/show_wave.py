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

from cadenza.domain.delivery import Attempt, AttemptResult
from cadenza.domain.wave import Patience, Watching, choose_watching
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
    started_at: datetime
    progress_id: UUID
    results: tuple[tuple[AttemptResult, int], ...] = ()
    #: Mails accepted in each minute of the wave.
    minutes: tuple[tuple[str, int], ...] = ()
    #: Due steps that no mailbox may send yet, and when the first of them may go.
    waiting: int = 0
    next_at: datetime | None = None

    @property
    def done(self) -> int:
        """Steps handed over, whatever came of it."""
        return sum(count for _, count in self.results)


def begin_wave(time_zone: str, shard: int, shards: int) -> Wave:
    """Count what is due in the zone now and choose how closely to watch it."""
    runtime = current()
    now = runtime.clock.now()
    with database.transaction(runtime.engine) as connection:
        due = [wave for wave in waves.waves_due(connection, now, timedelta(0)) if wave.time_zone == time_zone]
    steps = -(-sum(wave.steps for wave in due) // shards)
    watching = choose_watching(steps, runtime.settings.watch_as_flows_up_to, runtime.settings.watch_as_tasks_up_to)
    progress_id = create_progress_artifact(0.0, key=f"wave-{_slug(time_zone)}-progress", description=f"{time_zone}")
    logger.info("wave %s, shard %d of %d: %d steps due, watched as %s", time_zone, shard + 1, shards, steps, watching)
    return Wave(time_zone, steps, watching, now, _uuid(progress_id))


def show_progress(wave: Wave, waiting: int, next_at: datetime | None, attempts: Sequence[Attempt]) -> Wave:
    """The wave after another claim, its progress shown."""
    results = Counter(dict(wave.results)) + Counter(attempt.result for attempt in attempts)
    minute = current().clock.now().strftime("%H:%M")
    accepted = sum(attempt.result is AttemptResult.ACCEPTED for attempt in attempts)
    minutes = Counter(dict(wave.minutes)) + Counter({minute: accepted})
    wave = replace(
        wave, results=tuple(results.items()), minutes=tuple(minutes.items()), waiting=waiting, next_at=next_at
    )
    update_progress_artifact(wave.progress_id, progress=round(100 * wave.done / max(1, wave.done + waiting), 1))
    return wave


def wait_for_slot(wave: Wave) -> bool:
    """Wait for the mailboxes' next free slot if it comes soon; False: a later run takes over."""
    runtime = current()
    patience = Patience(
        timedelta(seconds=runtime.settings.wave_patience_seconds),
        timedelta(seconds=runtime.settings.wave_longest_seconds),
    )
    seconds = patience.seconds_until(wave.next_at, runtime.clock.now(), wave.started_at)
    if seconds is None:
        return False
    if seconds:
        logger.info("%d steps wait for a free slot: the next in %.0f s", wave.waiting, seconds)
    runtime.clock.wait(seconds)
    return True


def finish_wave(wave: Wave) -> Wave:
    """Publish what the wave did: counts by result, mails by minute, what still waits."""
    update_progress_artifact(wave.progress_id, progress=round(100 * wave.done / max(1, wave.done + wave.waiting), 1))
    most = max((count for _, count in wave.minutes), default=1)
    lines = [
        f"# {wave.time_zone}",
        "",
        f"Began {wave.started_at:%Y-%m-%d %H:%M} UTC with {wave.steps} steps due, watched as {wave.watching.value}.",
        "",
        "| result | mails |",
        "|---|---:|",
        *(f"| {result.value} | {count} |" for result, count in wave.results),
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


def _slug(time_zone: str) -> str:
    """A zone's name as an artifact key: lower-case letters, digits and dashes."""
    return re.sub(r"[^a-z0-9]+", "-", time_zone.lower()).strip("-")


def _uuid(value: object) -> UUID:
    return value if isinstance(value, UUID) else UUID(str(value))
