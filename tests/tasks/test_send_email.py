"""Handing over: what a server's answer does to the delivery and the enrollment."""

from __future__ import annotations

import email
import email.policy
import itertools
from datetime import timedelta

import psycopg
from psycopg.pq import TransactionStatus
from sqlalchemy import event

from cadenza.domain.delivery import AttemptResult
from tasks.claim_steps import claim_steps
from tasks.recover_deliveries import Recovery, recover_deliveries
from tasks.send_email import hand_over

BERLIN = "Europe/Berlin"


def run(world):
    """Claim what is due and hand it over."""
    return hand_over(claim_steps.fn(BERLIN).delivery_ids)


def test_a_sent_mail_moves_its_enrollment_to_the_next_step(world, sink):
    version = world.sequence(world.email(1), world.email(2, days=3))
    world.enroll(world.contacts(1), version, world.mailbox())
    [attempt] = run(world)
    assert attempt.result is AttemptResult.ACCEPTED
    assert world.rows("SELECT next_position, next_kind, due_at, last_ran_at FROM enrollments") == [
        (2, "email", world.now + timedelta(days=3), world.now)
    ]
    world.runtime.clock.wait(3 * 86_400)
    run(world)
    assert world.rows("SELECT status, due_at, ended_at FROM enrollments") == [("finished", None, world.now)]


def test_a_follow_up_answers_in_the_thread_of_the_mail_before(world, sink):
    version = world.sequence(world.email(1), world.email(2, reply_to_position=1, subject=""))
    world.enroll(world.contacts(1), version, world.mailbox())
    run(world)
    run(world)
    first, second = (
        email.message_from_bytes(bytes(message), policy=email.policy.default)
        for (message,) in world.rows("SELECT message FROM deliveries ORDER BY position")
    )
    assert second["In-Reply-To"] == first["Message-ID"]
    assert second["References"].split() == [first["Message-ID"]]
    assert second["Subject"] == f"Re: {first['Subject']}"


def test_the_mail_really_arrives_as_it_was_committed(world, sink):
    world.enroll(world.contacts(1), world.sequence(), world.mailbox())
    run(world)
    [path] = [path for path in sink.folder.rglob("*") if path.is_file() and path.parent.name == "new"]
    arrived = email.message_from_bytes(path.read_bytes())
    assert arrived["Message-ID"] == world.one("SELECT message_id FROM deliveries")
    assert world.one("SELECT to_address FROM deliveries") in arrived["To"]


def test_handing_over_twice_sends_once(world, sink):
    world.enroll(world.contacts(3), world.sequence(), world.mailbox())
    ids = claim_steps.fn(BERLIN).delivery_ids
    assert [attempt.result for attempt in hand_over(ids)] == [AttemptResult.ACCEPTED] * 3
    assert [attempt.result for attempt in hand_over(ids)] == [AttemptResult.ACCEPTED] * 3
    assert len(list(sink.folder.rglob("new/*"))) == 3


def test_a_server_that_is_away_defers_the_step_with_the_same_mail(world):
    world.runtime.settings.sink_port = 1
    world.enroll(world.contacts(1), world.sequence(), world.mailbox())
    [attempt] = run(world)
    assert attempt.result is AttemptResult.DEFERRED
    before = world.rows("SELECT message_id, message FROM deliveries")
    assert world.rows("SELECT status, attempts, held_reason, due_at FROM enrollments") == [
        ("active", 1, "SEND_TRANSIENT", world.now + timedelta(minutes=5))
    ]
    world.runtime.clock.wait(300)
    run(world)
    assert world.rows("SELECT message_id, message FROM deliveries") == before
    assert world.one("SELECT attempts FROM enrollments") == 2


def test_after_the_last_try_the_enrollment_fails(world):
    world.runtime.settings.sink_port = 1
    world.runtime.settings.max_attempts = 2
    world.enroll(world.contacts(1), world.sequence(), world.mailbox())
    run(world)
    world.runtime.clock.wait(300)
    run(world)
    assert world.rows("SELECT status, ending, ending_reason FROM enrollments") == [
        ("ended", "failed", "SEND_TRANSIENT")
    ]


def test_a_claim_whose_worker_died_is_ready_again(world, sink):
    world.enroll(world.contacts(2), world.sequence(), world.mailbox())
    claim_steps.fn(BERLIN)
    assert recover_deliveries.fn() == Recovery()
    world.runtime.clock.wait(world.runtime.settings.lease_seconds)
    assert recover_deliveries.fn() == Recovery(released=2)
    assert [attempt.result for attempt in run(world)] == [AttemptResult.ACCEPTED] * 2
    assert len(list(sink.folder.rglob("new/*"))) == 2


def test_a_late_worker_finds_its_claim_taken_and_sends_nothing(world, sink):
    world.enroll(world.contacts(1), world.sequence(), world.mailbox())
    ids = claim_steps.fn(BERLIN).delivery_ids
    world.runtime.clock.wait(world.runtime.settings.lease_seconds)
    recover_deliveries.fn()
    assert [attempt.result for attempt in hand_over(ids)] == [AttemptResult.DEFERRED]
    assert not list(sink.folder.rglob("new/*"))


def test_a_mail_whose_turn_comes_too_late_for_its_lease_goes_at_the_next_claim_and_costs_no_try(world, sink):
    world.enroll(world.contacts(2), world.sequence(), world.mailbox())
    ids = claim_steps.fn(BERLIN).delivery_ids
    world.runtime.clock.wait(world.runtime.settings.lease_seconds * 0.6)
    assert [attempt.result for attempt in hand_over(ids)] == [AttemptResult.NOT_TRIED] * 2
    assert not list(sink.folder.rglob("new/*"))
    assert world.rows("SELECT attempts, held_reason, due_at FROM enrollments") == [(0, None, world.now)] * 2
    world.runtime.clock.wait(61)  # they keep their places in the minute
    assert [attempt.result for attempt in run(world)] == [AttemptResult.ACCEPTED] * 2


def in_flight(world) -> None:
    """As if the worker had died between the 354 and the server's answer."""
    claim_steps.fn(BERLIN)
    world.rows("UPDATE deliveries SET state = 'in_flight', in_flight_at = claimed_at")


def test_a_mail_that_the_witness_shows_counts_as_sent(world, sink):
    world.enroll(world.contacts(1), world.sequence(world.email(1), world.email(2, days=1)), world.mailbox())
    run(world)
    world.rows(
        "UPDATE deliveries SET state = 'in_flight', in_flight_at = claimed_at, ended_at = NULL, "
        "lease_until = claimed_at + interval '15 minutes'"
    )
    world.rows("UPDATE enrollments SET next_position = 1, due_at = :now", now=world.now)
    world.runtime.clock.wait(world.runtime.settings.lease_seconds)
    assert recover_deliveries.fn() == Recovery(found=1)
    assert world.rows("SELECT state FROM deliveries") == [("sent",)]
    assert world.rows("SELECT next_position, due_at FROM enrollments") == [(2, world.now + timedelta(days=1))]


def test_a_mail_that_the_witness_does_not_know_is_sent_again_after_the_grace_time(world, sink):
    world.runtime.settings.witness_grace_seconds = 3_600
    world.enroll(world.contacts(1), world.sequence(), world.mailbox())
    in_flight(world)
    world.runtime.clock.wait(world.runtime.settings.lease_seconds)
    assert recover_deliveries.fn() == Recovery(waiting=1)
    world.runtime.clock.wait(3_600)
    assert recover_deliveries.fn() == Recovery(resent=1)
    assert [attempt.result for attempt in run(world)] == [AttemptResult.ACCEPTED]


def test_an_hour_that_passes_at_once_does_not_make_a_mail_absent_for_an_hour(world, sink):
    world.enroll(world.contacts(1), world.sequence(), world.mailbox())
    in_flight(world)
    world.runtime.clock.wait(world.runtime.settings.lease_seconds + 3_600)
    assert recover_deliveries.fn() == Recovery(waiting=1)
    world.runtime.clock.wait(world.runtime.settings.witness_grace_seconds - 1)
    assert recover_deliveries.fn() == Recovery(waiting=1)
    world.runtime.clock.wait(1)
    assert recover_deliveries.fn() == Recovery(resent=1)
    run(world)
    assert world.rows("SELECT state, missed_at FROM deliveries") == [("sent", None)]


def test_without_a_witness_the_delivery_is_held_for_a_person(world):
    world.mailbox(transport={"kind": "smtp", "host": "127.0.0.1", "port": 1, "security": "none"})
    world.enroll(world.contacts(1), world.sequence(), 1)
    in_flight(world)
    world.runtime.clock.wait(world.runtime.settings.lease_seconds)
    assert recover_deliveries.fn() == Recovery(unknown=1)
    assert world.rows("SELECT state FROM deliveries") == [("unknown",)]
    assert world.rows("SELECT status, held_reason, due_at FROM enrollments") == [("active", "SEND_UNKNOWN", None)]
    world.runtime.clock.wait(86_400)
    assert claim_steps.fn(BERLIN).delivery_ids == ()


def connected(world) -> psycopg.Connection:
    """A connection of somebody else to the same database."""
    return psycopg.connect(world.runtime.settings.database_url.get_secret_value().replace("+psycopg", ""))


def test_a_database_that_goes_away_in_the_middle_of_a_commit_is_waited_for(world, sink):
    world.enroll(world.contacts(3), world.sequence(), world.mailbox())
    ids = claim_steps.fn(BERLIN).delivery_ids
    begun = itertools.count(1)

    @event.listens_for(world.runtime.engine, "begin")
    def cut_the_connection(connection):
        # The third transaction of a hand-over settles one mail and marks the next one.
        if next(begun) == 3:
            with connected(world) as other:
                pid = connection.connection.driver_connection.info.backend_pid
                other.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])

    assert [attempt.result for attempt in hand_over(ids)] == [AttemptResult.ACCEPTED] * 3
    assert next(begun) > 4
    assert len(list(sink.folder.rglob("new/*"))) == 3


def test_an_outcome_that_waits_in_vain_for_a_lock_is_stored_at_the_next_try(world, sink):
    world.enroll(world.contacts(1), world.sequence(), world.mailbox())
    ids = claim_steps.fn(BERLIN).delivery_ids
    engine = world.runtime.engine
    with connected(world) as other:
        other.execute("SELECT FROM enrollments FOR UPDATE")
        event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("SET LOCAL lock_timeout = '50ms'"))
        event.listen(engine, "rollback", lambda _: other.rollback())
        assert [attempt.result for attempt in hand_over(ids)] == [AttemptResult.ACCEPTED]
        assert other.info.transaction_status == TransactionStatus.IDLE
    assert world.one("SELECT state FROM deliveries") == "sent"
    assert world.one("SELECT status FROM enrollments") == "finished"
