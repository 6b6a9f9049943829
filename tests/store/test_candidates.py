"""Do the facts of candidates say what the database says?"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pandas as pd
import pytest

from cadenza.domain.batch import Batch
from cadenza.domain.enrollment import CONTACT_OWNER, EnrollmentOptions, Segment
from cadenza.domain.throttle import Limit
from cadenza.errors import NotFound, WrongUse
from cadenza.store import database, lists
from cadenza.store.candidates import COLUMNS, Place, count_candidates, load_candidates
from cadenza.store.sequences import find_sequence


def facts(
    world: Any,
    contact_ids: list[int],
    sender: str = "ana",
    *,
    segment: Segment | None = None,
    after: Place | None = None,
    size: int = 1000,
    limits: tuple[Limit, ...] = (),
    **options: Any,
) -> pd.DataFrame:
    """The facts of contacts, or of a segment, who are to get into the sequence "hello"."""
    with database.transaction(world.runtime.engine) as connection:
        stored = find_sequence(connection, "hello")
        batch = Batch(
            None,
            segment or Segment(contact_ids=tuple(contact_ids)),
            sender,
            EnrollmentOptions(**options),
            stored.id,
            stored.version_id,
            stored.sequence,
            stored.is_active,
            len(contact_ids),
            world.now,
        )
        return load_candidates(connection, batch, after or Place(), size, limits)


def fact(world: Any, contact_id: int, column: str, sender: str = "ana", **options: Any) -> Any:
    """One fact of one contact; None where it is missing."""
    value = facts(world, [contact_id], sender, **options)[column].iloc[0]
    return None if pd.isna(value) else value


@pytest.fixture
def ready(world: Any) -> Any:
    """Ana with her mailbox, and a sequence for everyone."""
    world.mailbox("ana")
    world.sequence()
    return world


def test_a_frame_has_one_row_a_candidate_and_one_column_a_fact(ready: Any) -> None:
    frame = facts(ready, ready.contacts(3))
    assert list(frame.columns) == list(COLUMNS)
    assert frame["ordinal"].tolist() == [1, 2, 3]
    assert frame.dtypes["contact_id"] == "int64"
    assert str(frame.dtypes["active_enrollment_id"]) == "Int64"
    assert str(frame.dtypes["bounced_at"]) == "datetime64[us, UTC]"
    assert frame.dtypes["is_found"] == "bool"


def test_an_empty_chunk_has_the_same_columns_and_types(ready: Any) -> None:
    full, empty = facts(ready, ready.contacts(1)), facts(ready, [1], after=Place(1, 1))
    assert empty.empty
    assert empty.dtypes.to_dict() == full.dtypes.to_dict()


def test_a_contact_that_is_gone_is_a_candidate_that_was_not_found(ready: Any) -> None:
    frame = facts(ready, [987_654, *ready.contacts(1)])
    assert frame["is_found"].tolist() == [False, True]


def test_a_contact_chosen_twice_is_a_duplicate_in_a_later_chunk_too(ready: Any) -> None:
    one, two = ready.contacts(2)
    chosen = [two, one, two]
    first = facts(ready, chosen, size=2)
    second = facts(ready, chosen, after=Place.behind(first), size=2)
    assert first["contact_id"].tolist() == [two, one]
    assert first["is_duplicate"].tolist() == [False, False]
    assert second["ordinal"].tolist() == [3]
    assert second["is_duplicate"].tolist() == [True]


def test_a_list_is_read_in_chunks_whose_ordinals_count_on(ready: Any) -> None:
    ids = ready.contacts(7)
    with database.transaction(ready.runtime.engine) as connection:
        fair = lists.save_static_list(connection, "fair", None, ready.now)
        lists.add_members(connection, fair.id, ids, ready.now)
        assert count_candidates(connection, Segment(name="fair")) == 7
    seen: list[tuple[int, int]] = []
    place = Place()
    while not (chunk := facts(ready, [], segment=Segment(name="fair"), after=place, size=3)).empty:
        place = Place.behind(chunk)
        seen += zip(chunk["ordinal"].tolist(), chunk["contact_id"].tolist(), strict=True)
    assert seen == list(enumerate(sorted(ids), 1))


def test_a_filter_is_a_segment(ready: Any) -> None:
    ready.contacts(2, country="DE")
    french = ready.contacts(1, country="FR")
    frame = facts(ready, [], segment=Segment(filter="country = 'FR'"))
    assert frame["contact_id"].tolist() == french


def test_a_segment_of_nothing_is_wrong_use(ready: Any) -> None:
    with pytest.raises(WrongUse):
        facts(ready, [])


def test_a_list_that_does_not_exist_is_named(ready: Any) -> None:
    with pytest.raises(NotFound, match="summer"):
        facts(ready, [], segment=Segment(name="summer"))


@pytest.mark.parametrize(
    ("email", "normalized", "expected"),
    [
        pytest.param(None, None, (False, False), id="no address"),
        pytest.param("  ", None, (False, False), id="only spaces"),
        pytest.param("kim(at)x", None, (True, False), id="no address but something"),
        pytest.param("Kim@X.example", "kim@x.example", (True, True), id="an address"),
    ],
)
def test_an_address_is_missing_wrong_or_right(ready: Any, email: Any, normalized: Any, expected: Any) -> None:
    (contact,) = ready.contacts(1)
    ready.rows("UPDATE contacts SET email = :e, email_normalized = :n WHERE id = :i", e=email, n=normalized, i=contact)
    row = facts(ready, [contact]).iloc[0]
    assert (row["has_email"], row["is_email_valid"]) == expected


@pytest.mark.parametrize(
    ("address", "is_role"),
    [
        ("info@x.example", True),
        ("sales+fair@x.example", True),
        ("info.kim@x.example", False),
        ("kim@info.example", False),
    ],
)
def test_a_role_address_is_known_by_its_local_part(ready: Any, address: str, is_role: bool) -> None:
    (contact,) = ready.contacts(1)
    ready.rows("UPDATE contacts SET email = :e, email_normalized = :e WHERE id = :i", e=address, i=contact)
    assert fact(ready, contact, "is_role_address") == is_role


@pytest.mark.parametrize(
    ("kind", "value", "days", "expected"),
    [
        pytest.param("address", "kim@mail.x.example", None, (True, False), id="the address"),
        pytest.param("address", "other@mail.x.example", None, (False, False), id="another address"),
        pytest.param("domain", "mail.x.example", None, (False, True), id="its domain"),
        pytest.param("domain", "x.example", None, (False, True), id="a domain above"),
        pytest.param("domain", "example", None, (False, True), id="the top domain"),
        pytest.param("domain", "ail.x.example", None, (False, False), id="only the end of a label"),
        pytest.param("domain", "x.example", 1, (False, True), id="until tomorrow"),
        pytest.param("address", "kim@mail.x.example", -1, (False, False), id="until yesterday"),
    ],
)
def test_suppressions_hold_for_addresses_and_for_domains_and_what_is_below_them(
    ready: Any, kind: str, value: str, days: int | None, expected: tuple[bool, bool]
) -> None:
    (contact,) = ready.contacts(1)
    ready.rows("UPDATE contacts SET email_normalized = 'kim@mail.x.example' WHERE id = :i", i=contact)
    ready.rows(
        "INSERT INTO suppressions (kind, value, reason, until) VALUES (:k, :v, 'wish', :u)",
        k=kind,
        v=value,
        u=None if days is None else ready.now + timedelta(days=days),
    )
    row = facts(ready, [contact]).iloc[0]
    assert (row["address_suppressed"], row["domain_suppressed"]) == expected


def test_a_running_enrollment_and_the_end_of_the_last_are_facts(ready: Any) -> None:
    running, ended = ready.contacts(2)
    mailbox, version = ready.one("SELECT id FROM mailboxes"), ready.one("SELECT id FROM sequence_versions")
    (enrollment,) = ready.enroll([running], version, mailbox)
    ready.enroll([ended], version, mailbox)
    ready.rows("UPDATE enrollments SET status = 'finished', ended_at = :n WHERE contact_id = :c", n=ready.now, c=ended)
    frame = facts(ready, [running, ended])
    assert frame["active_enrollment_id"].tolist() == [enrollment, pd.NA]
    assert frame["last_ended_at"].notna().tolist() == [False, True]


def test_missing_tokens_are_named(ready: Any) -> None:
    ready.sequence(required_tokens=("contact.last_name", "contact.ticket", "company.name", "company.region"))
    bare, full = ready.contacts(1, company=" ")[0], ready.contacts(1, last_name="Lee", company="Acme")[0]
    ready.rows("""UPDATE contacts SET properties = '{"ticket": "VIP"}' WHERE id = :i""", i=full)
    assert fact(ready, bare, "missing_tokens") == "contact.last_name, contact.ticket, company.name, company.region"
    assert fact(ready, full, "missing_tokens") == "company.region"
    ready.rows("""INSERT INTO companies (name, properties) VALUES ('Acme', '{"region": "EU"}')""")
    ready.rows("UPDATE contacts SET company_id = (SELECT id FROM companies) WHERE id = :i", i=full)
    assert fact(ready, full, "missing_tokens") is None


def test_the_owner_sends_whatever_the_case_of_the_address(ready: Any) -> None:
    ready.mailbox("ben")
    owned, free = ready.contacts(1, owner_email="Ben@Northwind.example ")[0], ready.contacts(1)[0]
    frame = facts(ready, [owned, free], CONTACT_OWNER)
    ben = ready.one("SELECT id FROM users WHERE handle = 'ben'")
    assert frame["user_id"].tolist() == [ben, pd.NA]
    assert frame["is_sender_named"].tolist() == [True, False]


def test_a_handle_that_nobody_has_names_a_sender_who_is_missing(ready: Any) -> None:
    row = facts(ready, ready.contacts(1), "zoe").iloc[0]
    assert pd.isna(row["user_id"])
    assert row["is_sender_named"]


@pytest.mark.parametrize(
    ("shared_with", "expected"),
    [
        (("everyone",), True),
        (("team:sales",), True),
        (("team:support",), False),
        (("user:ana",), True),
        (("user:ben", "team:sales"), True),
        ((), False),
    ],
)
def test_a_sequence_is_shared_with_everyone_a_team_or_a_user(ready: Any, shared_with: Any, expected: bool) -> None:
    ready.rows("UPDATE users SET teams = '{sales}'")
    ready.sequence(shared_with=shared_with)
    assert fact(ready, ready.contacts(1)[0], "sequence_shared") == expected


def test_who_asks_needs_the_permissions_and_so_does_the_sender(ready: Any) -> None:
    ready.mailbox("ben")
    (contact,) = ready.contacts(1)
    ready.rows("UPDATE users SET may_enroll = false, may_bulk_enroll = false WHERE handle = 'ben'")
    assert fact(ready, contact, "user_may_enroll")
    assert not fact(ready, contact, "user_may_enroll", enrolled_by="ben")
    assert not fact(ready, contact, "user_may_enroll", "ben", enrolled_by="ana")
    assert not fact(ready, contact, "user_may_bulk", enrolled_by="ben")
    assert fact(ready, contact, "user_may_bulk", "ben", enrolled_by="ana")
    assert not fact(ready, contact, "user_may_enroll", enrolled_by="a stranger")


def test_a_connected_mailbox_comes_first_and_a_chosen_one_counts(ready: Any) -> None:
    (contact,) = ready.contacts(1)
    first, bens = ready.one("SELECT id FROM mailboxes"), ready.mailbox("ben")
    second = ready.one("""
        INSERT INTO mailboxes (user_id, address, display_name, transport)
        SELECT user_id, 'second@northwind.example', 'Ana', '{}' FROM mailboxes WHERE address LIKE 'ana%' RETURNING id
    """)
    assert fact(ready, contact, "mailbox_id") == first
    ready.rows("UPDATE mailboxes SET is_connected = false WHERE id = :i", i=first)
    assert fact(ready, contact, "mailbox_id") == second
    chosen = facts(ready, [contact], mailbox_id=bens).iloc[0]
    assert (chosen["mailbox_id"], chosen["is_own_mailbox"], chosen["mailbox_connected"]) == (bens, False, True)
    assert fact(ready, contact, "mailbox_id", mailbox_id=987_654) is None


def test_the_room_of_a_day_counts_what_was_sent_and_what_is_planned(world: Any) -> None:
    mailbox = world.mailbox("ana", limits=[(3, 60), (10, 86_400)])
    version = world.sequence()
    *sent, planned, later, candidate = world.contacts(6)
    assert fact(world, candidate, "mailbox_daily_left") == 10
    for contact, hours in zip(sent, (1, 23, 25), strict=True):
        (enrollment,) = world.enroll([contact], version, mailbox)
        world.rows("UPDATE enrollments SET status = 'finished', due_at = NULL WHERE id = :e", e=enrollment)
        world.rows(
            """
            INSERT INTO deliveries (enrollment_id, position, mailbox_id, to_address, from_address, state, token,
                                    message_id, subject, claimed_at, ended_at)
            VALUES (:e, 1, :m, 'to', 'from', 'sent', gen_random_uuid(), 'id', '', :at, :at)
            """,
            e=enrollment,
            m=mailbox,
            at=world.now - timedelta(hours=hours),
        )
    assert fact(world, candidate, "mailbox_daily_left") == 8
    world.enroll([planned], version, mailbox)
    world.enroll([later], version, mailbox)
    world.rows("UPDATE enrollments SET due_at = :d WHERE contact_id = :c", d=world.now + timedelta(days=3), c=later)
    assert fact(world, candidate, "mailbox_daily_left") == 7


def test_a_mailbox_without_limits_of_its_own_has_those_of_the_settings(ready: Any) -> None:
    (contact,) = ready.contacts(1)
    ready.rows("UPDATE mailboxes SET limits = NULL")
    assert fact(ready, contact, "mailbox_daily_left") is None
    assert fact(ready, contact, "mailbox_daily_left", limits=(Limit(3, 60), Limit(20, 86_400))) == 20
