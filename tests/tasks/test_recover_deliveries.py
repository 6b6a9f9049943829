"""What became of mails whose answer got lost? The mailbox shows it, is waited for, or a person decides."""

from __future__ import annotations

import json

import pytest

from cadenza.domain.delivery import AttemptResult
from tasks.claim_steps import claim_steps
from tasks.recover_deliveries import Recovery, recover_deliveries
from tasks.send_email import hand_over

BERLIN = "Europe/Berlin"
ANA = "sender5@sender.test"


@pytest.fixture
def rig(mail_rig, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(mail_rig.ca_file))
    monkeypatch.setenv("ANA_PASSWORD", "pw")
    mail_rig.clear(ANA)
    return mail_rig


@pytest.fixture
def connect(world, rig):
    """Connects Ana's mailbox with a witness; another call changes it. Returns its id."""

    def connect(witness: str = "sent", *, imap_port: int | None = None, password: str = "ANA_PASSWORD") -> int:
        account = {"username": ANA, "password_env": "ANA_PASSWORD"}
        # Copies by the provider would hide what our own copies show.
        port, security = (rig.smtp_port, "none") if witness == "self" else (rig.submission_port, "starttls")
        sending = {"kind": "smtp", "host": "127.0.0.1", "port": port, "security": security, "witness": witness}
        reading = {"host": "127.0.0.1", "port": imap_port or rig.imaps_port, "username": ANA, "password_env": password}
        id_ = world.one("SELECT max(id) FROM mailboxes") or world.mailbox("ana")
        world.rows(
            "UPDATE mailboxes SET address = :address, transport = CAST(:sending AS jsonb), "
            "imap = CAST(:reading AS jsonb), is_connected = true WHERE id = :id",
            address=ANA,
            sending=json.dumps(sending | ({} if witness == "self" else account)),
            reading=json.dumps(reading),
            id=id_,
        )
        return int(id_)

    return connect


def enroll(world, mailbox_id: int, number: int = 1) -> None:
    world.enroll(world.contacts(number), world.sequence(world.email(1), world.email(2, days=5)), mailbox_id)
    world.rows("UPDATE enrollments SET to_address = 'c' || id % 50 || '@customer.test'")


def claim(world, mailbox_id: int) -> tuple[int, ...]:
    return claim_steps.fn(BERLIN, read=[mailbox_id]).delivery_ids


def send(world, mailbox_id: int) -> list[AttemptResult]:
    return [attempt.result for attempt in hand_over(claim(world, mailbox_id))]


def forget_the_answers(world) -> None:
    """As if workers had died after the final dot; their leases are over."""
    world.rows(
        "UPDATE deliveries SET state = 'in_flight', in_flight_at = claimed_at, ended_at = NULL, "
        "lease_until = claimed_at + interval '15 minutes'"
    )
    world.rows("UPDATE enrollments SET next_position = 1, due_at = :now", now=world.now)
    wait(world)


def die_before_the_dot(world, mailbox_id: int) -> None:
    """As if a worker had died after the 354 and before the final dot."""
    claim(world, mailbox_id)
    world.rows("UPDATE deliveries SET state = 'in_flight', in_flight_at = claimed_at WHERE state = 'claimed'")
    wait(world)


def wait(world, seconds: int = 900) -> None:
    world.runtime.clock.wait(seconds)


@pytest.mark.parametrize("witness", ["sent", "self"])
def test_a_mail_that_the_mailbox_shows_counts_as_sent(world, rig, connect, witness):
    ana = connect(witness)
    enroll(world, ana, 2)
    assert send(world, ana) == [AttemptResult.ACCEPTED] * 2
    rig.wait_for(ANA, "INBOX" if witness == "self" else "Sent", count=2)
    forget_the_answers(world)
    assert recover_deliveries.fn() == Recovery(found=2)
    assert world.rows("SELECT DISTINCT state FROM deliveries") == [("sent",)]
    assert world.rows("SELECT DISTINCT next_position FROM enrollments") == [(2,)]


def test_a_mail_that_a_working_witness_does_not_show_is_sent_again_after_the_grace_time(world, rig, connect):
    world.runtime.settings.witness_grace_seconds = 3_600
    ana = connect()
    enroll(world, ana)
    send(world, ana)
    rig.wait_for(ANA, "Sent")
    enroll(world, ana)
    die_before_the_dot(world, ana)
    assert recover_deliveries.fn() == Recovery(waiting=1)
    wait(world, 3_600)
    assert recover_deliveries.fn() == Recovery(resent=1)
    assert send(world, ana) == [AttemptResult.ACCEPTED]
    rig.wait_for(ANA, "Sent", count=2)


def test_a_witness_that_never_showed_anything_is_not_believed(world, connect):
    """A provider that changes the Message-ID, or files nothing, would let every lost answer double its mail."""
    ana = connect()
    enroll(world, ana)
    die_before_the_dot(world, ana)
    assert recover_deliveries.fn() == Recovery(unknown=1)


def test_a_mail_whose_copy_was_refused_is_never_sent_again_unasked(world, rig, connect):
    ana = connect("self")
    enroll(world, ana)
    send(world, ana)
    rig.wait_for(ANA)
    world.rows("UPDATE mailboxes SET address = 'nobody@sender.test'")  # refused by the server
    enroll(world, ana)
    assert send(world, ana) == [AttemptResult.ACCEPTED]
    assert world.rows("SELECT is_witnessed FROM deliveries ORDER BY id") == [(True,), (False,)]
    world.rows(
        "UPDATE deliveries SET state = 'in_flight', ended_at = NULL, lease_until = claimed_at WHERE NOT is_witnessed"
    )
    wait(world)
    assert recover_deliveries.fn() == Recovery(unknown=1)


def test_a_witness_out_of_reach_is_waited_for_a_day(world, rig, connect):
    ana = connect()
    enroll(world, ana)
    send(world, ana)
    rig.wait_for(ANA, "Sent")
    connect(imap_port=1)
    forget_the_answers(world)
    assert recover_deliveries.fn() == Recovery(waiting=1)
    wait(world, 86_400 - 1_000)
    assert recover_deliveries.fn() == Recovery(waiting=1)
    connect()
    assert recover_deliveries.fn() == Recovery(found=1)


def test_after_a_day_out_of_reach_a_person_decides(world, connect):
    ana = connect()
    enroll(world, ana)
    die_before_the_dot(world, ana)
    connect(imap_port=1)
    wait(world, 86_400)
    assert recover_deliveries.fn() == Recovery(unknown=1)


def test_a_witness_that_lets_nobody_in_disconnects_the_mailbox_and_is_waited_for(world, connect, monkeypatch):
    monkeypatch.setenv("WRONG", "hunter2")
    ana = connect()
    enroll(world, ana)
    die_before_the_dot(world, ana)
    connect(password="WRONG")
    assert recover_deliveries.fn() == Recovery(waiting=1)
    [(is_connected, reason)] = world.rows("SELECT is_connected, disconnected_reason FROM mailboxes")
    assert not is_connected
    assert "hunter2" not in reason
