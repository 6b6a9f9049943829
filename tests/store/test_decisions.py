"""A person decides what became of a delivery that nobody else can tell about; who comes second decides nothing."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from cadenza.domain.delivery import AttemptResult, Decision
from cadenza.errors import NotFound
from cadenza.store import database, decisions
from cadenza.store.health import health
from tasks.claim_steps import claim_steps
from tasks.recover_deliveries import recover_deliveries
from tasks.send_email import hand_over

BERLIN = "Europe/Berlin"


@pytest.fixture
def delivery_id(world, sink) -> int:
    """A delivery of the first of two mails whose worker died, and that no witness can tell about."""
    transport = {"kind": "smtp", "host": "127.0.0.1", "port": sink.port, "security": "none"}
    version = world.sequence(world.email(1), world.email(2, days=2))
    world.enroll(world.contacts(1), version, world.mailbox("ana", transport))
    claim_steps.fn(BERLIN)
    world.rows("UPDATE deliveries SET state = 'in_flight', in_flight_at = claimed_at")
    world.runtime.clock.wait(world.runtime.settings.lease_seconds)
    assert recover_deliveries.fn().unknown == 1
    return int(world.one("SELECT id FROM deliveries"))


def decide(world, delivery_id: int, decision: Decision) -> None:
    with database.transaction(world.runtime.engine) as connection:
        decisions.decide(connection, delivery_id, decision, "kim", world.now)


def waiting(world) -> list[decisions.UnknownDelivery]:
    with database.transaction(world.runtime.engine) as connection:
        found = decisions.unknown_deliveries(connection)
        assert health(connection, world.now).unknown == len(found)
    return found


def test_it_is_shown_with_what_one_needs_to_look_for_it(world, delivery_id):
    [shown] = waiting(world)
    assert (shown.id, shown.sequence, shown.position, shown.mailbox, shown.subject) == (
        delivery_id, "hello", 1, "ana@northwind.example", "Hello 1"
    )  # fmt: skip


def test_sent_lets_the_sequence_go_on_from_now(world, delivery_id, sink):
    world.runtime.clock.wait(3_600)
    decide(world, delivery_id, Decision.SENT)
    assert world.rows("SELECT state, ended_at, reply_text FROM deliveries") == [("sent", world.now, "Sent, says kim.")]
    assert world.rows("SELECT next_position, due_at, held_reason, status FROM enrollments") == [
        (2, world.now + timedelta(days=2), None, "active")
    ]
    assert not waiting(world)
    assert not sink.messages()


def test_resend_sends_the_same_mail_once(world, delivery_id, sink):
    before = world.rows("SELECT message_id, message FROM deliveries")
    decide(world, delivery_id, Decision.RESEND)
    attempts = hand_over(claim_steps.fn(BERLIN).delivery_ids)
    assert [attempt.result for attempt in attempts] == [AttemptResult.ACCEPTED]
    assert world.rows("SELECT message_id, message FROM deliveries") == before
    assert len(sink.messages()) == 1


def test_end_ends_the_enrollment_and_sends_nothing(world, delivery_id, sink):
    decide(world, delivery_id, Decision.END)
    assert world.rows("SELECT status, ending, ending_reason, ended_by FROM enrollments") == [
        ("ended", "removed", "SEND_UNKNOWN", "kim")
    ]
    assert not waiting(world)
    assert claim_steps.fn(BERLIN).delivery_ids == ()
    assert not sink.messages()


@pytest.mark.parametrize("decision", Decision)
def test_who_comes_second_decides_nothing_and_the_first_is_on_record(world, delivery_id, decision):
    decide(world, delivery_id, decision)
    before = world.rows("SELECT state, token FROM deliveries"), world.rows("SELECT status, due_at FROM enrollments")
    for other in Decision:
        with pytest.raises(NotFound, match="cadenza deliveries unknown"):
            decide(world, delivery_id, other)
    assert before == (
        world.rows("SELECT state, token FROM deliveries"), world.rows("SELECT status, due_at FROM enrollments")
    )  # fmt: skip
    assert world.rows("SELECT delivery_id, actor, data FROM events WHERE kind = 'decision'") == [
        (delivery_id, "kim", {"decision": decision.value})
    ]


def test_of_two_who_decide_at_once_the_second_waits_and_decides_nothing(world, delivery_id):
    late = ThreadPoolExecutor(1)
    with database.transaction(world.runtime.engine) as connection:
        decisions.decide(connection, delivery_id, Decision.RESEND, "kim", world.now)
        second = late.submit(decide, world, delivery_id, Decision.SENT)
        with pytest.raises(TimeoutError):
            second.result(0.5)
    with pytest.raises(NotFound):
        second.result(10)
    assert world.rows("SELECT state FROM deliveries") == [("deferred",)]


def test_a_paused_enrollment_keeps_its_pause(world, delivery_id):
    world.rows("UPDATE enrollments SET status = 'paused', paused_at = :now", now=world.now)
    decide(world, delivery_id, Decision.RESEND)
    assert world.rows("SELECT status, due_at, remaining_delay FROM enrollments") == [("paused", None, timedelta(0))]


def test_one_whose_contact_has_answered_since_waits_for_nobody(world, delivery_id):
    world.rows("UPDATE enrollments SET status = 'ended', ending = 'replied', ended_at = :now", now=world.now)
    assert not waiting(world)
    with pytest.raises(NotFound):
        decide(world, delivery_id, Decision.SENT)
