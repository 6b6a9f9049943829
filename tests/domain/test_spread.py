"""A delay with a spread: as much longer as was drawn, whoever asks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from cadenza.domain.advance import after_step
from cadenza.domain.sequence import (
    Delay,
    DelayUnit,
    EligibleDays,
    FollowUpPolicy,
    SendWindow,
    Sequence,
    Step,
    StepKind,
)

MONDAY = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def due(enrollment_id: int, delay: Delay, window: SendWindow | None = None) -> datetime:
    steps = (Step(1, StepKind.EMAIL), Step(2, StepKind.EMAIL, delay))
    policy = FollowUpPolicy(EligibleDays.EVERYDAY, window)
    coming = after_step(Sequence("s", "S", steps, follow_ups=policy), 1, MONDAY, "UTC", None, enrollment_id)
    assert coming.due_at is not None
    return coming.due_at


def test_each_contact_waits_up_to_so_much_longer_evenly_spread():
    delay = Delay(2, DelayUnit.DAYS, spread_minutes=180)
    waits = [due(id_, delay) - MONDAY - timedelta(days=2) for id_ in range(2_000)]
    assert timedelta(0) <= min(waits) < timedelta(minutes=2)
    assert timedelta(minutes=178) < max(waits) <= timedelta(minutes=180)
    in_first_hour = sum(wait < timedelta(hours=1) for wait in waits)
    assert 580 < in_first_hour < 760


def test_it_is_the_same_whenever_it_is_asked_and_another_for_another_step():
    delay = Delay(2, DelayUnit.DAYS, spread_minutes=600)
    assert due(7, delay) == due(7, delay)
    assert len({due(id_, delay) for id_ in range(50)}) > 45


@pytest.mark.parametrize("id_", range(5))
def test_it_keeps_to_the_window(id_):
    late = due(id_, Delay(0, DelayUnit.HOURS, spread_minutes=900), SendWindow(9 * 60, 10 * 60))
    assert late.hour == 9
    assert late >= MONDAY


def test_without_a_spread_nothing_is_drawn():
    assert due(1, Delay(2)) == due(2, Delay(2)) == MONDAY + timedelta(days=2)
