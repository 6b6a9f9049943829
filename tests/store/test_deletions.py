"""Sequences, users and contacts go away; what was counted stays."""

from __future__ import annotations

import pytest

from cadenza.domain.enrollment import Segment
from cadenza.errors import NotFound, WrongUse
from cadenza.store import database
from cadenza.store.deletions import deactivate_user, delete_sequence, erase_contact
from cadenza.store.lists import count_members
from cadenza.store.sequence_pauses import pause_sequences
from cadenza.store.sequences import find_sequence, list_sequences, save_sequence
from tasks.claim_steps import claim_steps
from tasks.send_email import hand_over

BERLIN = "Europe/Berlin"


@pytest.fixture
def office(world, sink):
    """Two contacts in hello with ana, whose first mail went out; ben has a mailbox, too."""
    version, ana = world.sequence(world.email(1), world.email(2)), world.mailbox("ana")
    world.mailbox("ben")
    world.enroll(world.contacts(2), version, ana)
    hand_over(claim_steps.fn(BERLIN).delivery_ids)
    return world


def call(world, what, *arguments):
    with database.transaction(world.runtime.engine) as connection:
        return what(connection, *arguments, "ana", world.now)


def statuses(world) -> list[tuple[str, str | None]]:
    return world.rows("SELECT status, ending_reason FROM enrollments ORDER BY id")


def test_a_sequence_with_contacts_in_it_is_deleted_when_it_is_said_what_becomes_of_them(office):
    with pytest.raises(WrongUse, match=r"2 contacts are in hello: .* finish .* unenroll"):
        call(office, delete_sequence, "hello", None)
    assert call(office, delete_sequence, "hello", "unenroll") == 2
    assert statuses(office) == [("ended", "SEQUENCE_DELETED")] * 2
    assert office.one("SELECT count(*) FROM deliveries WHERE state = 'sent'") == 2


def test_those_who_may_go_on_get_the_rest_although_the_sequence_is_gone(office):
    assert call(office, delete_sequence, "hello", "finish") == 2
    with database.transaction(office.runtime.engine) as connection:
        assert list_sequences(connection) == []
        with pytest.raises(NotFound):
            find_sequence(connection, "hello")
    hand_over(claim_steps.fn(BERLIN).delivery_ids)
    assert statuses(office) == [("finished", None)] * 2


def test_nobody_goes_on_in_a_paused_sequence(office):
    with database.transaction(office.runtime.engine) as connection:
        pause_sequences(connection, ["hello"], "ana", None, office.now)
    with pytest.raises(WrongUse, match="paused"):
        call(office, delete_sequence, "hello", "finish")


def test_an_empty_sequence_is_deleted_without_a_question_and_comes_back_with_its_file(office):
    office.sequence(name="other")
    assert call(office, delete_sequence, "other", None) == 0
    with database.transaction(office.runtime.engine) as connection:
        assert [one.sequence.name for one in list_sequences(connection)] == ["hello"]
    office.sequence(name="other")
    with database.transaction(office.runtime.engine) as connection:
        assert find_sequence(connection, "other").number == 1


def test_the_contacts_of_a_user_who_leaves_go_on_with_another_or_are_unenrolled(office):
    with pytest.raises(WrongUse, match="2 contacts get mails of ana"):
        call(office, deactivate_user, "ana", None, False)
    for wrong in ("ana", "nobody"):
        with pytest.raises((WrongUse, NotFound)):
            call(office, deactivate_user, "ana", wrong, False)
    assert call(office, deactivate_user, "ana", "ben", False) == 2
    assert office.one("SELECT is_active FROM users WHERE handle = 'ana'") is False
    hand_over(claim_steps.fn(BERLIN).delivery_ids)
    assert office.rows("SELECT from_address FROM deliveries WHERE position = 2") == [("ben@northwind.example",)] * 2
    office.rows("UPDATE enrollments SET status = 'active', ended_at = NULL WHERE id = 1")
    assert call(office, deactivate_user, "ben", None, True) == 1
    assert statuses(office)[0] == ("ended", "SENDER_REMOVED")


def test_an_erased_contact_leaves_numbers_and_nothing_of_a_person(office):
    office.rows("""UPDATE contacts SET last_name = 'Lee', phone = '0401', properties = '{"pet": "Rex"}' WHERE id = 1""")
    office.rows("INSERT INTO contact_addresses VALUES ('kim@home.example', 1, 'x')")
    office.rows("UPDATE deliveries SET reply_text = '<c1@customer.example> ok'")
    office.rows("""
        INSERT INTO events (kind, contact_id, enrollment_id, at, data)
        VALUES ('reply', 1, 1, now(), '{"change": "reply", "message_id": "<1@customer.example>"}')
    """)
    assert call(office, erase_contact, "C1@customer.example") == 1
    assert statuses(office) == [("ended", "CONTACT_ERASED"), ("active", None)]
    everything = str(
        [
            office.rows(f"SELECT t::text FROM {table} t")
            for table in ("contacts", "enrollments", "events", "contact_addresses")
        ]
    ) + str(office.rows("SELECT to_address, subject, message, reply_text FROM deliveries WHERE enrollment_id = 1"))
    for word in ("Lee", "0401", "Rex", "c1@customer", "kim@home", "<1@"):
        assert word not in everything
    assert office.one("SELECT count(*) FROM deliveries WHERE state = 'sent'") == 2
    assert office.one("SELECT data ->> 'change' FROM events WHERE kind = 'reply'") == "reply"
    assert len(claim_steps.fn(BERLIN).delivery_ids) == 1
    with pytest.raises(NotFound):
        call(office, erase_contact, "c1@customer.example")
    with pytest.raises(NotFound, match="erased already"):
        call(office, erase_contact, "1")
    with database.transaction(office.runtime.engine) as connection:
        assert count_members(connection, Segment(filter="last_sequence = hello")) == 1


def test_a_contact_whose_mail_is_leaving_is_not_erased_yet(office):
    office.rows("UPDATE deliveries SET state = 'in_flight' WHERE enrollment_id = 1")
    with pytest.raises(WrongUse, match="right now"):
        call(office, erase_contact, "1")
    assert office.one("SELECT status FROM enrollments WHERE id = 1") == "active"


def test_an_opt_out_outlives_the_contact(office):
    office.rows("INSERT INTO suppressions (kind, value, reason) VALUES ('address', 'c1@customer.example', 'opted_out')")
    call(office, erase_contact, "1")
    assert office.one("SELECT count(*) FROM suppressions") == 1


def test_a_sequence_moves_to_another_folder_without_a_new_version(world):
    from dataclasses import replace

    world.sequence(name="hello", folder="Sales/Inbound")
    world.sequence(name="other", folder="Salesforce")
    with database.transaction(world.runtime.engine) as connection:
        assert [one.sequence.name for one in list_sequences(connection, "Sales")] == ["hello"]
        stored = find_sequence(connection, "hello")
        moved = save_sequence(connection, replace(stored.sequence, folder="Archive"), world.now)
        assert (moved.number, moved.folder) == (1, "Archive")
