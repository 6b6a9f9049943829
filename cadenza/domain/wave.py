"""How is a wave run: how closely is it watched, and how long does it wait?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class Watching(StrEnum):
    """How closely a wave's steps can be watched in Prefect."""

    #: Each step is a flow run of its own.
    FLOWS = "flows"
    #: Each step is a task run of the wave's flow run.
    TASKS = "tasks"
    #: The wave shows counts and progress; only failures get a run.
    SUMMARY = "summary"


def choose_watching(steps: int, as_flows_up_to: int, as_tasks_up_to: int) -> Watching:
    """The closest way of watching that Prefect carries for so many steps (docs/decisions/0006)."""
    if steps <= as_flows_up_to:
        return Watching.FLOWS
    return Watching.TASKS if steps <= as_tasks_up_to else Watching.SUMMARY


#: Steps of one claim: the last of them is begun long before the claim runs out. A flow run takes up to a second.
_AT_ONCE = {Watching.FLOWS: 20, Watching.TASKS: 200}


def steps_at_once(watching: Watching, most: int) -> int:
    """How many steps a wave claims in one go, at most ``most``."""
    return min(most, _AT_ONCE.get(watching, most))


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a wave may wait for a mailbox's next free slot, and how long it may last in all."""

    wait: timedelta
    longest: timedelta

    def seconds_until(self, next_at: datetime | None, now: datetime, started_at: datetime) -> float | None:
        """Seconds to wait for the next step, or None: leave it to a later run."""
        if next_at is None or next_at > now + self.wait or max(next_at, now) > started_at + self.longest:
            return None
        return max(0.0, (next_at - now).total_seconds())


@dataclass(frozen=True, slots=True)
class PlannedRun:
    """A run of ``send_wave`` that does not yet run."""

    time_zone: str
    shard: int
    starts_at: datetime


def is_covered(runs: Sequence[PlannedRun], time_zone: str, shard: int, due_at: datetime) -> bool:
    """Whether a planned run will look after what is due in a zone: one that starts by the minute after."""
    latest = due_at + timedelta(minutes=1)
    return any(run.time_zone == time_zone and run.shard == shard and run.starts_at <= latest for run in runs)


def shards_of(steps: int, steps_per_shard: int) -> int:
    """Over how many runs a wave of so many steps is spread."""
    return max(1, -(-steps // steps_per_shard))
