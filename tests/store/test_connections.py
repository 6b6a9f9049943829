"""What a person changes about a mailbox, and what becomes of the mails that wait for it."""

from __future__ import annotations

import email

import pytest

from cadenza.errors import NotFound, WrongUse
from cadenza.store import connections, database, moves
from cadenza.store.connections import NewConnection
from tasks.claim_steps import claim_steps
from tasks.send_email import hand_over

SMTP = {"kind": "smtp", "host": "127.0.0.1", "port": 1, "security": "none"}
BERLIN = "Europe/Berlin"


def do(world, change, *arguments):
    with database.transaction(world.runtime.engine) as connection:
        return change(connection, *arguments)


def new(world, address="ana@northwind.example", **fields) -> NewConnection:
    user_id = world.one("SELECT id FROM users WHERE handle = 'ana'")
    return NewConnection(**{"address": address, "user_id": user_id, "transport": SMTP, "imap": None} | fields)


def test_a_mailbox_is_connected_anew_with_what_was_not_said_as_it_was(world):
    ana = world.mailbox("ana", limits=[(3, 60)])
    do(world, connections.disconnect_by_hand, ana, "kim")
    assert do(world, connections.save_connection, new(world, "Ana@Northwind.example"), {}, world.now) == ana
    row = world.rows(
        "SELECT display_name, postal_address, limits, transport, is_connected, disconnected_by FROM mailboxes"
    )
    assert row == [
        ("Ana North", "Northwind, Kaistrasse 1, Hamburg", [{"count": 3, "seconds": 60}], SMTP, True, None)
    ]  # fmt: skip


def test_a_new_mailbox_takes_its_name_from_the_user(world):
    world.mailbox("ana")
    probe = {"sent_folder": "Gesendet"}
    do(world, connections.save_connection, new(world, "ana2@northwind.example"), probe, world.now)
    assert world.rows("SELECT display_name, sent_folder, probed_at FROM mailboxes WHERE address LIKE 'ana2%'") == [
        ("Ana North", "Gesendet", world.now)
    ]


def test_a_mailbox_of_somebody_else_is_not_taken_over(world):
    world.mailbox("ana")
    world.mailbox("ben")
    with pytest.raises(WrongUse, match="another user"):
        do(world, connections.save_connection, new(world, "ben@northwind.example"), {}, world.now)


def test_an_unknown_address_names_the_nearest(world):
    world.mailbox("ana")
    with pytest.raises(NotFound, match="ana@northwind"):
        do(world, connections.find_mailbox, "anna@northwind.example")


def test_a_mail_that_was_deferred_is_written_anew_for_the_other_mailbox(world, sink):
    """The old bytes are from the old address: they must not go out through the new account."""
    old = world.mailbox("ana", SMTP)
    goal = world.mailbox("ben")
    version = world.sequence()
    world.enroll(world.contacts(2), version, old)
    hand_over(claim_steps.fn(BERLIN).delivery_ids)  # nobody listens there
    assert world.rows("SELECT DISTINCT state, mailbox_id FROM deliveries") == [("deferred", old)]
    assert do(world, moves.move_enrollments, old, goal, "kim", world.now) == 2
    world.runtime.clock.wait(3_600)
    attempts = hand_over(claim_steps.fn(BERLIN).delivery_ids)
    assert {attempt.result.value for attempt in attempts} == {"accepted"}
    arrived = [email.message_from_bytes(path.read_bytes()) for path in sink.messages()]
    assert {message["From"] for message in arrived} == {"Ben North <ben@northwind.example>"}
    assert world.rows("SELECT DISTINCT mailbox_id, from_address, state FROM deliveries") == [
        (goal, "ben@northwind.example", "sent")
    ]
    assert {message["Message-ID"] for message in arrived} == {
        id_ for (id_,) in world.rows("SELECT message_id FROM deliveries")
    }
    assert world.rows("SELECT DISTINCT kind, actor, data FROM events WHERE kind = 'move'") == [
        ("move", "kim", {"from": old, "to": goal})
    ]


def test_the_other_user_becomes_the_sender_and_has_the_open_todos(world):
    old, goal = world.mailbox("ana"), world.mailbox("ben")
    version = world.sequence(world.todo(1, is_blocking=True), world.email(2))
    world.rows("DELETE FROM sequence_shares")
    world.rows("INSERT INTO sequence_shares (sequence_id, kind, name) SELECT id, 'user', 'ben' FROM sequences")
    world.enroll(world.contacts(1), version, old)
    claim_steps.fn(BERLIN)
    do(world, moves.move_enrollments, old, goal, "kim", world.now)
    ben = world.one("SELECT id FROM users WHERE handle = 'ben'")
    assert world.rows("SELECT e.mailbox_id, e.user_id, t.user_id FROM enrollments e JOIN todos t ON true") == [
        (goal, ben, ben)
    ]


def test_nothing_moves_to_a_user_with_whom_a_sequence_is_not_shared(world):
    old, goal = world.mailbox("ana"), world.mailbox("ben")
    world.enroll(world.contacts(1), world.sequence(), old)
    world.rows("DELETE FROM sequence_shares")
    with pytest.raises(WrongUse, match="hello"):
        do(world, moves.move_enrollments, old, goal, "kim", world.now)
    assert world.one("SELECT mailbox_id FROM enrollments") == old


def test_between_two_mailboxes_of_one_user_nothing_needs_to_be_shared(world):
    old = world.mailbox("ana")
    do(world, connections.save_connection, new(world, "ana2@northwind.example"), {}, world.now)
    goal = world.one("SELECT id FROM mailboxes WHERE address LIKE 'ana2%'")
    world.enroll(world.contacts(1), world.sequence(), old)
    world.rows("DELETE FROM sequence_shares")
    assert do(world, moves.move_enrollments, old, goal, "kim", world.now) == 1
    assert do(world, moves.move_enrollments, old, goal, "kim", world.now) == 0


def test_a_paused_mailbox_sends_nothing_until_it_is_resumed(world, sink):
    ana = world.mailbox("ana")
    world.enroll(world.contacts(1), world.sequence(), ana)
    do(world, connections.pause_mailbox, ana, "holiday", world.now)
    assert claim_steps.fn(BERLIN).delivery_ids == ()
    assert do(world, connections.resume_mailbox, ana, world.now)
    assert not do(world, connections.resume_mailbox, ana, world.now)
    assert world.rows("SELECT paused_reason, guard_reset_at FROM mailboxes") == [(None, world.now)]
    assert len(claim_steps.fn(BERLIN).delivery_ids) == 1


def test_the_list_counts_what_waits(world):
    ana = world.mailbox("ana")
    world.enroll(world.contacts(3), world.sequence(), ana)
    [row] = do(world, connections.list_mailboxes)
    assert (row.id, row.handle, row.running, row.is_connected) == (ana, "ana", 3, True)
