"""A paused sequence sends nothing, and the pause does not use up anybody's delay."""

from __future__ import annotations

from datetime import timedelta

import pytest

from cadenza.store import database
from cadenza.store.sequence_pauses import pause_sequences, resume_sequences
from cadenza.store.sequences import find_sequence
from tasks.claim_steps import claim_steps
from tasks.send_email import hand_over

DAY = timedelta(days=1)


def pause(world, *names: str, reason: str | None = None) -> list[str]:
    with database.transaction(world.runtime.engine) as connection:
        return [one.name for one in pause_sequences(connection, names or None, "ana", reason, world.now)]


def resume(world, *names: str) -> dict[str, int]:
    with database.transaction(world.runtime.engine) as connection:
        return {one.name: one.moved for one in resume_sequences(connection, names or None, "ana", world.now)}


def claim() -> int:
    return len(claim_steps.fn("Europe/Berlin").delivery_ids)


@pytest.fixture
def running(world, sink):
    """Two contacts whose second mail is due in three days, and a contact in another sequence, due now."""
    version = world.sequence(world.email(1), world.email(2, days=3))
    mailbox = world.mailbox()
    world.enroll(world.contacts(2), version, mailbox)
    hand_over(claim_steps.fn("Europe/Berlin").delivery_ids)
    world.enroll(world.contacts(1), world.sequence(name="other"), mailbox)
    return world


def test_a_paused_sequence_sends_nothing_and_the_others_go_on(running):
    assert pause(running, "hello", reason="Legal looks at it.") == ["hello"]
    assert pause(running, "hello") == []
    with database.transaction(running.runtime.engine) as connection:
        stored = find_sequence(connection, "hello")
    assert (stored.paused_at, stored.paused_reason) == (running.now, "Legal looks at it.")
    running.runtime.clock.wait(4 * 86_400)
    assert claim() == 1
    assert running.one("SELECT enrollment_id FROM deliveries WHERE state = 'claimed'") == 3


def test_what_was_left_of_the_delay_runs_on(running):
    running.runtime.clock.wait(86_400)
    pause(running, "hello")
    running.runtime.clock.wait(5 * 86_400)
    # Sunday: two days are left, so it is due on Tuesday.
    assert resume(running, "hello") == {"hello": 2}
    due = running.rows("SELECT DISTINCT due_at, expected_at FROM enrollments WHERE sequence_id = 1")
    assert due == [(running.now + 2 * DAY, running.now + 2 * DAY)]
    assert running.one("SELECT guard_reset_at FROM sequences WHERE name = 'hello'") == running.now
    assert running.rows("SELECT kind, actor, data FROM events WHERE kind LIKE 'sequence%' ORDER BY id") == [
        ("sequence_pause", "ana", {"sequence_id": 1}),
        ("sequence_resume", "ana", {"sequence_id": 1}),
    ]


def test_what_was_due_already_runs_at_once_but_not_at_a_weekend(running):
    running.runtime.clock.wait(3 * 86_400)
    pause(running, "hello")
    running.runtime.clock.wait(3 * 86_400)
    resume(running, "hello")
    # Resumed on a Sunday.
    assert running.rows("SELECT DISTINCT due_at FROM enrollments WHERE sequence_id = 1") == [(running.now + DAY,)]


def test_who_began_or_waits_for_somebody_s_return_during_the_pause_loses_only_what_passed(running):
    pause(running)
    running.runtime.clock.wait(4 * 86_400)
    running.rows(
        "UPDATE enrollments SET held_until = :until, due_at = :due WHERE id = 1",
        until=running.now + 2 * DAY,
        due=running.now + 5 * DAY,
    )
    running.rows("UPDATE enrollments SET last_ran_at = :now, due_at = :due WHERE id = 2",
                 now=running.now - DAY, due=running.now + 2 * DAY)  # fmt: skip
    assert resume(running) == {"hello": 1, "other": 1}
    assert running.rows("SELECT id, due_at FROM enrollments WHERE sequence_id = 1 ORDER BY id") == [
        (1, running.now + 5 * DAY),
        (2, running.now + 3 * DAY),
    ]


def test_all_sequences_are_paused_and_resumed_together(running):
    assert pause(running) == ["hello", "other"]
    assert claim() == 0
    running.runtime.clock.wait(3600)
    assert resume(running) == {"hello": 2, "other": 1}
    assert claim() == 1
