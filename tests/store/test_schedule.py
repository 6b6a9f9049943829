"""What comes next, and putting it off."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from cadenza.domain.sequence import FollowUpPolicy, SendWindow
from cadenza.errors import WrongUse
from cadenza.store import database, enrollments
from cadenza.store.schedule import coming_steps, reschedule
from tasks.claim_steps import claim_steps
from tasks.send_email import hand_over

BERLIN = "Europe/Berlin"


@pytest.fixture
def office(world, sink):
    """Contact 1 waits for the second mail (Thursday), 2 for the first (now) in Tokyo; follow-ups from 9 to 17."""
    policy = FollowUpPolicy(window=SendWindow(9 * 60, 17 * 60))
    version = world.sequence(world.email(1), world.email(2, days=3), follow_ups=policy)
    mailbox = world.mailbox()
    world.enroll(world.contacts(1), version, mailbox)
    hand_over(claim_steps.fn(BERLIN).delivery_ids)
    world.enroll(world.contacts(1), version, mailbox, zone="Asia/Tokyo")
    return world


def coming(world, **chosen):
    with database.transaction(world.runtime.engine) as connection:
        return coming_steps(connection, **chosen)


def move(world, contact: str, at: str):
    with database.transaction(world.runtime.engine) as connection:
        return reschedule(connection, contact, datetime.fromisoformat(at), "ana", world.now)


def test_one_step_a_contact_is_shown_the_soonest_first(office):
    assert [(one.contact_id, one.position, one.kind) for one in coming(office)] == [(2, 1, "email"), (1, 2, "email")]
    assert [one.contact_id for one in coming(office, contact="C1@customer.example")] == [1]
    assert [one.contact_id for one in coming(office, until=office.now)] == [2]
    assert coming(office, sequence="other") == coming(office, sender="ben") == []
    assert coming(office)[1].due_at == office.now + timedelta(days=3)


def test_a_step_runs_at_the_local_time_that_was_chosen_and_the_delays_count_from_there(office):
    moved = move(office, "1", "2026-03-10 16:30")
    assert moved.due_at == datetime(2026, 3, 10, 15, 30, tzinfo=UTC)
    office.runtime.clock.at = moved.due_at - timedelta(minutes=1)
    assert claim_steps.fn(BERLIN).delivery_ids == ()
    office.runtime.clock.at = moved.due_at
    assert len(claim_steps.fn(BERLIN).delivery_ids) == 1
    assert office.rows("SELECT actor, data ->> 'to' FROM events WHERE kind = 'reschedule'") == [
        ("ana", moved.due_at.isoformat())
    ]


def test_a_first_step_may_run_at_any_time_also_on_a_sunday(office):
    assert move(office, "2", "2026-03-08 03:00").due_at == datetime(2026, 3, 7, 18, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("contact", "at", "told"),
    [
        ("1", "2026-03-02 09:59", "has passed in Europe/Berlin"),
        ("1", "2026-03-07 10:00", "the next time is Monday 2026-03-09 10:00"),
        ("1", "2026-03-05 20:00", "the next time is Friday 2026-03-06 09:00"),
        ("2", "2026-03-02 17:59", "has passed in Asia/Tokyo"),
    ],
)
def test_a_time_that_is_over_or_not_allowed_is_refused_with_one_that_is(office, contact, at, told):
    before = office.rows("SELECT id, due_at FROM enrollments ORDER BY 1")
    with pytest.raises(WrongUse, match=told):
        move(office, contact, at)
    assert office.rows("SELECT id, due_at FROM enrollments ORDER BY 1") == before


def test_what_is_paused_or_leaving_or_waits_for_a_person_has_no_time(office):
    claim_steps.fn("Asia/Tokyo")
    with pytest.raises(WrongUse, match="is leaving right now"):
        move(office, "2", "2026-03-05 10:00")
    with database.transaction(office.runtime.engine) as connection:
        enrollments.pause(connection, [1], "ana", office.now)
    with pytest.raises(WrongUse, match="resume it first"):
        move(office, "1", "2026-03-05 10:00")
    office.rows("UPDATE enrollments SET status = 'active', paused_at = NULL WHERE id = 1")
    with pytest.raises(WrongUse, match="waits for a to-do"):
        move(office, "1", "2026-03-05 10:00")
