"""Claims: what may run now, and nothing else."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from cadenza.domain.enrollment import Ending
from cadenza.domain.sequence import EligibleDays, FollowUpPolicy, SendWindow
from cadenza.store import database, enrollments, todos
from tasks.claim_steps import claim_steps
from tasks.send_email import hand_over

BERLIN = "Europe/Berlin"


def claim(time_zone: str = BERLIN, **shards: int):
    return claim_steps.fn(time_zone, **shards)


def test_a_mailbox_gets_no_more_than_it_may_send_in_a_minute(world, sink):
    mailbox = world.mailbox(limits=[(3, 60), (500, 86_400)])
    world.enroll(world.contacts(10), world.sequence(), mailbox)
    first = claim()
    assert len(first.delivery_ids) == 3
    assert first.waiting == 7
    assert claim().delivery_ids == ()
    hand_over(first.delivery_ids)
    world.runtime.clock.wait(59.9)
    early = claim()
    assert early.delivery_ids == ()
    assert early.next_at > world.now
    world.runtime.clock.wait((early.next_at - world.now).total_seconds())
    assert len(claim().delivery_ids) == 3


def test_the_daily_limit_counts_over_a_rolling_day(world, sink):
    mailbox = world.mailbox(limits=[(2, 86_400)])
    world.enroll(world.contacts(5), world.sequence(), mailbox)
    hand_over(claim().delivery_ids)
    world.runtime.clock.wait(86_399)
    assert claim().delivery_ids == ()
    world.runtime.clock.wait(2)
    assert len(claim().delivery_ids) == 2


def test_a_delivery_under_way_takes_a_place_however_long_it_lasts(world, sink):
    mailbox = world.mailbox(limits=[(3, 60)])
    world.enroll(world.contacts(6), world.sequence(), mailbox)
    claim()
    world.runtime.clock.wait(120)
    assert claim().delivery_ids == ()


def test_mailboxes_without_limits_share_a_claim_evenly(world, sink):
    world.runtime.settings.claim_size = 10
    version = world.sequence()
    for handle in ("ana", "ben"):
        world.enroll(world.contacts(20), version, world.mailbox(handle))
    assert len(claim().delivery_ids) == 10
    assert world.rows("SELECT mailbox_id, count(*) FROM deliveries GROUP BY 1 ORDER BY 1") == [(1, 5), (2, 5)]


def test_only_the_wave_s_own_zone_and_shard_are_claimed(world, sink):
    version = world.sequence()
    boxes = [world.mailbox("ana"), world.mailbox("ben")]
    for box in boxes:
        world.enroll(world.contacts(2), version, box)
        world.enroll(world.contacts(2), version, box, zone="Asia/Tokyo")
    taken = claim(shard=0, shards=2).delivery_ids
    assert len(taken) == 2
    assert {box for (box,) in world.rows("SELECT DISTINCT mailbox_id FROM deliveries")} == {boxes[1]}
    assert len(claim(shard=1, shards=2).delivery_ids) == 2
    assert len(claim("Asia/Tokyo").delivery_ids) == 4


@pytest.mark.parametrize(
    ("harm", "code", "ending"),
    [
        ("UPDATE contacts SET bounced_at = now()", "HARD_BOUNCED", Ending.BOUNCED),
        ("UPDATE contacts SET complained_at = now()", "SPAM_COMPLAINT", Ending.UNSUBSCRIBED),
        ("UPDATE contacts SET opted_out_at = now()", "OPTED_OUT_ALL", Ending.UNSUBSCRIBED),
        (
            "INSERT INTO suppressions (kind, value, reason) SELECT 'address', email_normalized, 'asked' FROM contacts",
            "ADDRESS_SUPPRESSED",
            Ending.REMOVED,
        ),
        (
            "INSERT INTO suppressions (kind, value, reason) VALUES ('domain', 'customer.example', 'asked')",
            "DOMAIN_SUPPRESSED",
            Ending.REMOVED,
        ),
        (
            "INSERT INTO suppressions (kind, value, reason) VALUES ('domain', 'example', 'asked')",
            "DOMAIN_SUPPRESSED",
            Ending.REMOVED,
        ),
    ],
)
def test_a_rule_broken_since_the_enrollment_ends_it_before_the_next_mail(world, sink, harm, code, ending):
    world.enroll(world.contacts(1), world.sequence(), world.mailbox())
    world.rows(harm)
    taken = claim()
    assert taken.delivery_ids == ()
    assert taken.ended == 1
    assert world.rows("SELECT status, ending, ending_reason, due_at FROM enrollments") == [
        ("ended", ending.value, code, None)
    ]


def test_a_suppression_that_is_over_does_not_count(world, sink):
    world.enroll(world.contacts(1), world.sequence(), world.mailbox())
    world.rows(
        "INSERT INTO suppressions (kind, value, reason, until) VALUES ('domain', 'customer.example', 'asked', :now)",
        now=world.now,
    )
    assert len(claim().delivery_ids) == 1


def test_a_step_whose_token_went_missing_is_held_and_goes_on_when_it_is_filled(world, sink):
    world.enroll(world.contacts(1), world.sequence(), world.mailbox())
    world.rows("UPDATE contacts SET first_name = NULL")
    assert claim().held == 1
    assert world.rows("SELECT status, held_reason FROM enrollments") == [("active", "TOKEN_MISSING")]
    assert claim().held == 0
    world.rows("UPDATE contacts SET first_name = 'Kim'")
    world.runtime.clock.wait(13 * 3600)
    assert len(claim().delivery_ids) == 1


@pytest.mark.parametrize(
    "stop",
    [
        pytest.param("UPDATE mailboxes SET is_connected = false", id="mailbox not connected"),
        pytest.param("UPDATE mailboxes SET paused_at = now()", id="mailbox paused"),
        pytest.param("UPDATE sequences SET paused_at = now()", id="sequence paused"),
    ],
)
def test_what_is_paused_waits_without_a_trace(world, sink, stop):
    world.enroll(world.contacts(1), world.sequence(), world.mailbox())
    world.rows(stop)
    assert claim().delivery_ids == ()
    assert world.one("SELECT status FROM enrollments") == "active"


def test_two_waves_at_once_never_claim_a_step_twice(world, sink):
    version = world.sequence()
    for handle in ("ana", "ben", "chloe"):
        world.enroll(world.contacts(40), version, world.mailbox(handle))
    world.runtime.settings.claim_size = 10
    with ThreadPoolExecutor(8) as pool:
        taken = [id_ for done in pool.map(lambda _: claim(), range(40)) for id_ in done.delivery_ids]
    while more := claim().delivery_ids:
        taken += more
    assert sorted(taken) == sorted(set(taken))
    assert len(taken) == 120


def test_a_blocking_to_do_stops_the_sequence_until_it_is_done(world, sink):
    version = world.sequence(world.todo(1), world.email(2, days=2), name="call-first")
    world.enroll(world.contacts(1), version, world.mailbox())
    assert claim().todos == 1
    assert world.rows("SELECT title, is_blocking FROM todos") == [("Call Kim", True)]
    world.runtime.clock.wait(8 * 86_400)
    assert claim().delivery_ids == ()
    with database.transaction(world.runtime.engine) as connection:
        [todo] = todos.open_todos(connection, "ana")
        done = todos.complete_todo(connection, todo.id, "ana", world.now)
    assert done.next_due_at == world.now + timedelta(days=2)
    world.runtime.clock.wait(2 * 86_400)
    assert len(claim().delivery_ids) == 1


def test_a_to_do_to_continue_without_lets_the_sequence_go_on(world, sink):
    version = world.sequence(world.todo(1, is_blocking=False), world.email(2), name="call-too")
    world.enroll(world.contacts(1), version, world.mailbox())
    assert claim().todos == 1
    assert len(claim().delivery_ids) == 1


def test_a_pause_keeps_the_rest_of_the_delay(world, sink):
    [enrollment] = world.enroll(
        world.contacts(1), world.sequence(world.email(1), world.email(2, days=3)), world.mailbox()
    )
    hand_over(claim().delivery_ids)
    world.runtime.clock.wait(86_400)
    with database.transaction(world.runtime.engine) as connection:
        assert enrollments.pause(connection, [enrollment], "ana", world.now) == 1
    world.runtime.clock.wait(5 * 86_400)
    assert claim().delivery_ids == ()
    with database.transaction(world.runtime.engine) as connection:
        assert enrollments.resume(connection, [enrollment], "ana", world.now) == 1
    # Resumed on Sunday: two days are left.
    assert world.one("SELECT due_at FROM enrollments") == world.now + timedelta(days=2)


def test_an_unenrolled_contact_gets_nothing_more_and_the_past_stays(world, sink):
    [enrollment] = world.enroll(world.contacts(1), world.sequence(world.email(1), world.email(2)), world.mailbox())
    hand_over(claim().delivery_ids)
    with database.transaction(world.runtime.engine) as connection:
        assert enrollments.unenroll(connection, [enrollment], "ana", world.now) == 1
    assert claim().delivery_ids == ()
    assert world.rows("SELECT ending, ended_by FROM enrollments") == [("removed", "ana")]
    assert world.one("SELECT count(*) FROM deliveries WHERE state = 'sent'") == 1


@pytest.mark.parametrize(
    ("late_at", "claimed", "due_at"),
    [
        pytest.param("2026-03-05 15:30", 1, None, id="late, and the window is open"),
        pytest.param("2026-03-05 23:00", 0, "2026-03-06 07:00", id="the window is over for today"),
        pytest.param("2026-03-07 10:00", 0, "2026-03-09 10:00", id="it is Saturday"),
    ],
)
def test_a_late_follow_up_waits_for_its_window(world, sink, late_at, claimed, due_at):
    office = FollowUpPolicy(EligibleDays.WEEKDAYS_ONLY, SendWindow(8 * 60, 18 * 60))
    version = world.sequence(world.email(1), world.email(2, days=2), follow_ups=office)
    mailbox = world.mailbox(limits=[(2, 60)])
    world.enroll(world.contacts(5), version, mailbox)
    while claimed_ids := claim().delivery_ids:
        hand_over(claimed_ids)
        world.runtime.clock.wait(60)
    assert world.one("SELECT count(*) FROM enrollments WHERE next_position = 2 AND due_at < '2026-03-05'") == 5
    world.runtime.clock.at = datetime.fromisoformat(late_at).replace(tzinfo=UTC)
    assert len(claim().delivery_ids) == 2 * claimed
    if due_at:
        at = datetime.fromisoformat(due_at).replace(tzinfo=UTC)
        assert world.rows("SELECT DISTINCT due_at FROM enrollments") == [(at,)]
        world.runtime.clock.at = at
        assert len(claim().delivery_ids) == 2


def test_a_late_first_mail_goes_at_any_hour(world, sink):
    office = FollowUpPolicy(EligibleDays.WEEKDAYS_ONLY, SendWindow(8 * 60, 18 * 60))
    world.enroll(world.contacts(1), world.sequence(follow_ups=office), world.mailbox())
    world.runtime.clock.at = datetime(2026, 3, 7, 23, tzinfo=UTC)
    assert len(claim().delivery_ids) == 1
