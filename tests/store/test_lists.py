"""Which lists are there, and who is on them?"""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import Connection, Engine, text

from cadenza.domain.enrollment import Segment
from cadenza.errors import FilterInvalid, NotFound, WrongUse
from cadenza.store import database
from cadenza.store.lists import (
    add_members,
    count_members,
    find_list,
    list_lists,
    members,
    save_active_list,
    save_static_list,
)

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@pytest.fixture
def connection(engine: Engine):
    with database.transaction(engine) as connection:
        connection.execute(
            text("""
                INSERT INTO contacts (identity_key, country)
                SELECT 'external:' || n, CASE WHEN n % 2 = 0 THEN 'Germany' ELSE 'France' END
                FROM generate_series(1, 10) n
            """)
        )
        yield connection


def ids(connection: Connection, segment: Segment) -> list[int]:
    fragment = members(connection, segment)
    page = text(f"SELECT contact_id FROM ({fragment.text}) AS member WHERE contact_id > :after ORDER BY contact_id")
    return list(connection.scalars(page, dict(fragment.compile().params) | {"after": 0}))


def test_a_static_list_has_the_contacts_that_were_put_on_it(connection):
    fair = save_static_list(connection, "Trade fair", "fair.csv", NOW)
    assert add_members(connection, fair.id, [3, 1, 2, 999], NOW) == 3
    assert add_members(connection, fair.id, [3, 4], NOW) == 1
    assert ids(connection, Segment(name="Trade fair")) == [1, 2, 3, 4]


def test_an_active_list_is_resolved_each_time_it_is_loaded(connection):
    save_active_list(connection, "Germans", "country = germany", NOW)
    assert ids(connection, Segment(name="Germans")) == [2, 4, 6, 8, 10]
    connection.execute(text("UPDATE contacts SET country = 'Germany' WHERE id = 1"))
    assert count_members(connection, Segment(name="Germans")) == 6


def test_saving_an_active_list_again_gives_it_another_filter(connection):
    before = save_active_list(connection, "Europe", "country = germany", NOW)
    after = save_active_list(connection, "Europe", "country = france", NOW)
    assert (after.id, after.filter) == (before.id, "country = france")


def test_an_unknown_list_is_refused_with_the_nearest_names(connection):
    save_static_list(connection, "Trade fair", None, NOW)
    save_static_list(connection, "Webinar", None, NOW)
    with pytest.raises(NotFound, match=r"'trade fare'.*Is it 'Trade fair'"):
        find_list(connection, "trade fare")


def test_without_any_list_the_refusal_says_what_to_do(connection):
    with pytest.raises(NotFound, match="import one"):
        members(connection, Segment(name="x\x00"))


def test_a_list_keeps_its_kind(connection):
    save_static_list(connection, "Fair", None, NOW)
    with pytest.raises(WrongUse, match="a static list 'Fair'"):
        save_active_list(connection, "Fair", "country = x", NOW)
    save_active_list(connection, "Living", "country = x", NOW)
    with pytest.raises(WrongUse, match="an active list 'Living'"):
        save_static_list(connection, "Living", None, NOW)


def test_a_list_with_a_broken_filter_is_not_saved(connection):
    with pytest.raises(FilterInvalid):
        save_active_list(connection, "Broken", "country =", NOW)
    assert list_lists(connection) == []


@pytest.mark.parametrize("name", ["", "  ", "a\x00b", "a\nb"])
def test_a_list_needs_a_printable_name(connection, name):
    with pytest.raises(WrongUse):
        save_static_list(connection, name, None, NOW)


def test_chosen_contacts_are_members_once(connection):
    assert ids(connection, Segment(contact_ids=(5, 3, 5))) == [3, 5]


@pytest.mark.parametrize("segment", [Segment(), Segment(name="a", filter="b = c"), Segment(name="a", contact_ids=(1,))])
def test_a_segment_is_exactly_one_thing(connection, segment):
    with pytest.raises(WrongUse, match="exactly one"):
        members(connection, segment)


def test_who_is_deleted_is_taken_off_every_list(connection):
    fair, webinar = (save_static_list(connection, name, None, NOW) for name in ("Fair", "Webinar"))
    add_members(connection, fair.id, [1, 2, 3], NOW)
    add_members(connection, webinar.id, [2, 3, 4], NOW)
    connection.execute(text("DELETE FROM contacts WHERE id = 2"))
    connection.execute(text("DELETE FROM lists WHERE id = :id"), {"id": webinar.id})
    assert connection.execute(text("SELECT list_id, contact_id FROM list_members ORDER BY 2")).all() == [
        (fair.id, 1),
        (fair.id, 3),
    ]
