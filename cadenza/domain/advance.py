"""Where does an enrollment go when a step has run?"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from cadenza.domain.cadence import next_due
from cadenza.domain.chance import drawn
from cadenza.domain.sequence import Delay, DelayUnit, Sequence


@dataclass(frozen=True, slots=True)
class NextStep:
    """The step to come; both None: the sequence is finished."""

    kind: str | None = None
    due_at: datetime | None = None


def after_step(
    sequence: Sequence, position: int, ran_at: datetime, time_zone: str, country: str | None, enrollment_id: int
) -> NextStep:
    """The step after ``position``, which really ran at ``ran_at``: its delay counts from there.

    A delay with a spread is as much longer as was drawn for this enrollment and step, whoever asks and how often.
    """
    if position >= len(sequence.steps):
        return NextStep()
    step = sequence.step(position + 1)
    spread = step.delay.spread_minutes * 60
    start = ran_at + timedelta(seconds=drawn(enrollment_id, step.position, "delay", spread + 1) if spread else 0)
    return NextStep(step.kind.value, next_due(start, step.delay, time_zone, sequence.follow_ups, country))


def opens_at(sequence: Sequence, now: datetime, time_zone: str, country: str | None) -> datetime | None:
    """When the days and the window of follow-ups come again; None: a late one may run now."""
    opens = next_due(now, Delay(0, DelayUnit.MINUTES), time_zone, sequence.follow_ups, country)
    return opens if opens > now else None


def run_after(
    sequence: Sequence, is_first: bool, start: datetime, wait: timedelta, time_zone: str, country: str | None
) -> datetime:
    """When a deferred or resumed step runs, ``wait`` from ``start``: a follow-up keeps to its days and window."""
    if is_first:
        return start + wait
    minutes = Delay(-(-wait // timedelta(minutes=1)), DelayUnit.MINUTES)
    return next_due(start, minutes, time_zone, sequence.follow_ups, country)
