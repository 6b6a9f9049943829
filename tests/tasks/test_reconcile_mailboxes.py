"""A restored backup knows less than was sent: it is noticed, nothing is sent twice, and mailboxes tell."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cadenza.runtime import use
from cadenza.store import database
from cadenza.store.restored import LOOKING, NOBODY_KNOWS, Memory, stop_sending
from tasks.claim_steps import claim_steps
from tasks.reconcile_mailboxes import reconcile_mailboxes
from tasks.send_email import hand_over

BERLIN = "Europe/Berlin"


def send(world) -> int:
    """Claim what is due and hand it over; returns how many."""
    ids = claim_steps.fn(BERLIN).delivery_ids
    hand_over(ids)
    return len(ids)


def taken(sink) -> int:
    return len(list(sink.folder.rglob("new/*")))


def forget_all(world, position: int = 1) -> None:
    """As in a backup from before the step at ``position`` was sent."""
    world.rows("DELETE FROM deliveries WHERE position >= :position", position=position)
    world.rows(
        "UPDATE enrollments SET status = 'active', ended_at = NULL, next_position = :position, next_kind = 'email', "
        "due_at = :now",
        position=position,
        now=world.now,
    )


def paused(world) -> list[str | None]:
    return [row.paused_reason for row in world.rows("SELECT paused_reason FROM mailboxes ORDER BY id")]


def test_what_a_restored_backup_does_not_know_is_not_sent_again(world, sink):
    version = world.sequence(world.email(1), world.email(2, days=3))
    for handle in ("ana", "ben"):
        world.enroll(world.contacts(3), version, world.mailbox(handle))
    assert send(world) == 6
    forget_all(world)
    assert send(world) == 0
    assert paused(world) == [LOOKING] * 2
    assert reconcile_mailboxes.fn() == 0
    world.runtime.clock.wait(world.runtime.settings.witness_grace_seconds)
    assert reconcile_mailboxes.fn() == 6
    assert paused(world) == [None, None]
    assert world.rows("SELECT DISTINCT next_position FROM enrollments") == [(2,)]
    assert send(world) == 0
    assert taken(sink) == 6


def test_who_was_not_sent_to_before_the_restore_is_sent_to_after_it(world, sink):
    version, ana = world.sequence(), world.mailbox()
    world.enroll(world.contacts(2), version, ana)
    send(world)
    world.enroll(world.contacts(2), version, ana)
    forget_all(world)
    assert send(world) == 0
    world.runtime.clock.wait(world.runtime.settings.witness_grace_seconds)
    assert reconcile_mailboxes.fn() == 2
    assert send(world) == 2
    assert taken(sink) == 4


def test_several_forgotten_steps_of_one_contact_are_found_past_the_to_dos_between_them(world, sink):
    version = world.sequence(world.email(1), world.todo(2), world.email(3), world.email(4, days=1))
    world.rows("UPDATE sequence_versions SET definition = jsonb_set(definition, '{follow_ups}', :f)",
               f='{"eligible_days": "everyday", "window": null}')  # fmt: skip
    [enrollment] = world.enroll(world.contacts(1), version, world.mailbox())
    send(world)
    claim_steps.fn(BERLIN)
    world.rows("UPDATE todos SET completed_at = :now", now=world.now)
    world.rows("UPDATE enrollments SET next_position = 3, next_kind = 'email', due_at = :now", now=world.now)
    send(world)
    assert taken(sink) == 2
    forget_all(world)
    world.rows("UPDATE todos SET completed_at = NULL")
    send(world)
    world.runtime.clock.wait(world.runtime.settings.witness_grace_seconds)
    assert reconcile_mailboxes.fn() == 2
    assert world.rows("SELECT position, state FROM deliveries ORDER BY 1") == [(1, "sent"), (3, "sent")]
    assert world.one("SELECT next_position FROM enrollments WHERE id = :id", id=enrollment) == 4
    assert world.one("SELECT completed_by FROM todos") == "engine"


def test_a_claim_of_the_backup_that_went_out_afterwards_counts_as_forgotten(world, sink):
    world.enroll(world.contacts(1), world.sequence(), world.mailbox())
    ids = claim_steps.fn(BERLIN).delivery_ids
    backup = world.rows("SELECT token, lease_until FROM deliveries")[0]
    hand_over(ids)
    world.rows(
        "UPDATE deliveries SET state = 'claimed', ended_at = NULL, token = :token, lease_until = :lease_until",
        **backup._mapping,
    )
    world.rows(
        "UPDATE enrollments SET status = 'active', ended_at = NULL, due_at = :now, next_position = 1, "
        "next_kind = 'email'",
        now=world.now,
    )
    claim_steps.fn(BERLIN)
    assert paused(world) == [LOOKING]
    world.runtime.clock.wait(world.runtime.settings.witness_grace_seconds)
    assert reconcile_mailboxes.fn() == 1
    assert world.one("SELECT state FROM deliveries") == "sent"


def test_a_mailbox_that_does_not_tell_stays_paused_for_a_person(world, sink):
    transport = {"kind": "smtp", "host": "127.0.0.1", "port": sink.port, "security": "none"}
    world.enroll(world.contacts(1), world.sequence(), world.mailbox(transport=transport))
    assert send(world) == 1
    forget_all(world)
    send(world)
    world.runtime.clock.wait(world.runtime.settings.witness_grace_seconds)
    assert reconcile_mailboxes.fn() == 0
    assert paused(world) == [NOBODY_KNOWS]
    assert reconcile_mailboxes.fn() == 0
    assert taken(sink) == 1


def test_a_mailbox_out_of_reach_is_asked_again(world, sink):
    """Its own server, whose mailbox nobody can open at present."""
    world.enroll(world.contacts(1), world.sequence(), world.mailbox())
    send(world)
    forget_all(world)
    send(world)
    world.rows(
        """
        UPDATE mailboxes
        SET transport = '{"kind": "smtp", "host": "127.0.0.1", "security": "none", "witness": "self"}',
            imap = '{"host": "127.0.0.1", "port": 1, "security": "none"}'
        """
    )
    world.runtime.clock.wait(world.runtime.settings.witness_grace_seconds)
    assert reconcile_mailboxes.fn() == 0
    assert paused(world) == [LOOKING]
    world.rows("""UPDATE mailboxes SET transport = '{"kind": "sink"}', imap = NULL""")
    assert reconcile_mailboxes.fn() == 1
    assert paused(world) == [None]


def test_nothing_is_noticed_where_nothing_was_forgotten(world, sink, tmp_path):
    version, ana = world.sequence(), world.mailbox()
    world.enroll(world.contacts(1), version, ana)
    send(world)
    # A process that begins, and one of another database in the same folder.
    with use(replace(world.runtime)):
        world.enroll(world.contacts(1), version, ana)
        assert send(world) == 1
    world.rows("UPDATE installation SET id = gen_random_uuid()")
    world.rows("DELETE FROM deliveries")
    with use(replace(world.runtime)), database.transaction(world.runtime.engine) as connection:
        assert not Memory(world.runtime.settings.home / "marks").is_ahead(connection)
    assert paused(world) == [None]


@pytest.mark.parametrize("content", ["", "{", "[]", '{"delivery_id": 1}'])
def test_a_damaged_memory_remembers_nothing(world, content):
    memory = Memory(world.runtime.settings.home / "marks")
    path = world.runtime.settings.home / "marks" / str(world.one("SELECT id FROM installation"))
    path.parent.mkdir(parents=True)
    path.write_text(content)
    with database.transaction(world.runtime.engine) as connection:
        assert not memory.is_ahead(connection)


def test_numbers_of_lost_enrollments_are_not_given_again(world):
    version, ana = world.sequence(), world.mailbox()
    [before] = world.enroll(world.contacts(1), version, ana)
    with database.transaction(world.runtime.engine) as connection:
        assert stop_sending(connection, world.now) == 1
    [after] = world.enroll(world.contacts(1), version, ana)
    assert after > before + 1_000_000
