"""Is a forecast what the limits will really do?"""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cadenza.domain.enrollment import EnrollmentOptions, Segment
from cadenza.domain.throttle import Limit, admit
from tasks.begin_batch import begin_batch, outline_batch
from tasks.check_enrollability import check_enrollability
from tasks.forecast_sends import admit_many, forecast_sends, queue_of
from tasks.load_candidates import load_candidates
from tasks.open_enrollments import open_enrollments
from tasks.time_first_steps import time_first_steps

SECOND = 1_000_000


def some_queue(dice: random.Random) -> tuple[list[Limit], list[int], list[int]]:
    """Limits, mails before, and due instants as lists have them: many at once, bursts, and stragglers."""
    limits = [Limit(dice.randint(1, 40), dice.randint(1, 2_000)) for _ in range(dice.randint(0, 3))]
    taken = sorted(dice.randint(-2_000, 60_000) * SECOND for _ in range(dice.choice([0, 1, 5, 60])))
    due: list[int] = []
    for _ in range(dice.randint(0, 5)):
        start, gap = dice.randint(0, 100_000), dice.choice([0, 1, 7_000_000, 61_000_000])
        due += [start * SECOND + gap * number for number in range(dice.choice([1, 5, 300, 3_000]))]
    return limits, taken, sorted(due)


@settings(deadline=None, max_examples=200)
@given(st.integers(0, 2**32))
def test_counting_in_runs_gives_what_counting_one_by_one_gives(seed: int) -> None:
    limits, taken, due = some_queue(random.Random(seed))
    fast = admit_many(limits, np.array(taken, dtype=np.int64), np.array(due, dtype=np.int64))
    assert fast.tolist() == admit(limits, taken, due)


def plan(batch: Any, size: int = 100_000, ahead: bool = False) -> pd.DataFrame:
    """The plans of a batch's chunks; stored if the batch is."""
    plans: list[pd.DataFrame] = []
    verdict = None
    for chunk in load_candidates.fn(batch, size):
        verdict = check_enrollability.fn(time_first_steps.fn(chunk, batch), batch, verdict.taken if verdict else None)
        plans.append(forecast_sends.fn(verdict, batch, [queue_of(one) for one in plans] if ahead else ()))
        if batch.id is not None:
            open_enrollments.fn(plans[-1], verdict, batch)
            verdict = None
    return pd.concat(plans)


def seconds(plan: pd.DataFrame, now: datetime) -> list[float]:
    return [round((at - now).total_seconds(), 3) for at in plan["expected_at"]]


@pytest.fixture
def three_a_minute(world: Any) -> Any:
    world.box = world.mailbox("ana", limits=[(3, 60), (7, 86_400)])
    world.sequence()
    return world


def outline(contact_ids: list[int], **options: Any) -> Any:
    return outline_batch.fn("hello", "ana", Segment(contact_ids=tuple(contact_ids)), EnrollmentOptions(**options))


def test_three_go_each_minute_and_the_eighth_a_day_later(three_a_minute: Any) -> None:
    planned = plan(outline(three_a_minute.contacts(9)))
    assert seconds(planned, three_a_minute.now) == [0, 0, 0, 60, 60, 60, 120, 86_400, 86_400]
    assert list(planned["outcome"]) == ["enrolled"] * 7 + ["held"] * 2


def test_what_was_sent_and_what_waits_comes_first(three_a_minute: Any) -> None:
    world = three_a_minute
    sent, waiting, *new = world.contacts(6)
    version = world.one("SELECT max(id) FROM sequence_versions")
    [done] = world.enroll([sent], version, world.box)
    world.enroll([waiting], version, world.box)
    world.rows(
        "INSERT INTO deliveries (enrollment_id, position, mailbox_id, to_address, from_address, state, token, "
        "message_id, subject, claimed_at, ended_at) "
        "SELECT id, 1, mailbox_id, to_address, 'a@b.example', 'sent', gen_random_uuid(), '<1@b>', 's', :at, :at "
        "FROM enrollments WHERE id = :id",
        id=done,
        at=world.now - timedelta(seconds=20),
    )
    world.rows("UPDATE enrollments SET status = 'finished', due_at = NULL WHERE id = :id", id=done)
    assert seconds(plan(outline(new)), world.now) == [0, 40, 60, 60]


def test_chunks_queue_behind_each_other_stored_or_not(three_a_minute: Any) -> None:
    ids = three_a_minute.contacts(9)
    at_once = seconds(plan(outline(ids)), three_a_minute.now)
    assert seconds(plan(outline(ids), size=2, ahead=True), three_a_minute.now) == at_once
    batch = begin_batch.fn("hello", "ana", Segment(contact_ids=tuple(ids)), EnrollmentOptions())
    assert seconds(plan(batch, size=2), three_a_minute.now) == at_once


def test_who_is_held_until_a_slot_keeps_it_before_those_who_come_later(three_a_minute: Any) -> None:
    now = three_a_minute.now
    batch = begin_batch.fn("hello", "ana", Segment(contact_ids=tuple(three_a_minute.contacts(9))), EnrollmentOptions())
    assert seconds(plan(batch), now)[-2:] == [86_400, 86_400]
    assert seconds(plan(outline(three_a_minute.contacts(2))), now) == [86_400, 86_460]


def test_what_waits_since_yesterday_goes_now_and_the_new_behind_it(three_a_minute: Any) -> None:
    world = three_a_minute
    version = world.one("SELECT max(id) FROM sequence_versions")
    world.enroll(world.contacts(4), version, world.box)
    world.rows("UPDATE enrollments SET due_at = due_at - interval '1 day'")
    assert seconds(plan(outline(world.contacts(3))), world.now) == [60, 60, 120]


def test_the_time_zones_that_start_first_go_first(three_a_minute: Any) -> None:
    world = three_a_minute
    west, east = world.contacts(4, time_zone="America/New_York"), world.contacts(4, time_zone="Asia/Tokyo")
    planned = plan(outline(west + east, send_at=datetime(2026, 3, 3, 9)))  # noqa: DTZ001
    expected = [at.to_pydatetime() for at in planned["expected_at"]]
    minute = timedelta(minutes=1)
    tokyo, new_york = datetime(2026, 3, 3, 0, tzinfo=UTC), datetime(2026, 3, 3, 14, tzinfo=UTC)
    assert expected[4:] == [tokyo] * 3 + [tokyo + minute]
    assert expected[:4] == [*[new_york] * 3, tokyo + timedelta(days=1)]


def test_nobody_can_tell_for_a_mailbox_that_is_not_connected(three_a_minute: Any) -> None:
    three_a_minute.rows("UPDATE mailboxes SET is_connected = false")
    planned = plan(outline(three_a_minute.contacts(2)))
    assert list(planned["outcome"]) == ["held", "held"]
    assert planned["expected_at"].isna().all()


def test_a_to_do_is_due_without_a_limit(three_a_minute: Any) -> None:
    three_a_minute.sequence(three_a_minute.todo(1))
    planned = plan(outline(three_a_minute.contacts(9)))
    assert seconds(planned, three_a_minute.now) == [0] * 9


def test_nobody_to_enroll_is_no_plan(three_a_minute: Any) -> None:
    assert plan(outline([999_999])).empty
