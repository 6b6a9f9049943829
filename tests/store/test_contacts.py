"""Which contacts are there, and how do many new ones get in?"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest
from sqlalchemy import Engine, text

from cadenza.domain.contact import COMPANY_FIELDS, CONTACT_FIELDS
from cadenza.errors import NotFound
from cadenza.store import database
from cadenza.store.companies import list_companies
from cadenza.store.contacts import Merge, contact_ids_of, contacts_by_ids, create_staging, merge_rows
from cadenza.store.imports import start_import
from cadenza.store.lists import save_static_list

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@pytest.fixture
def merge(engine: Engine):
    """Stage rows and merge them, each call in a transaction of its own."""

    def merge(*rows: dict[str, str], now: datetime = NOW) -> Merge:
        fields = ("email_normalized", *CONTACT_FIELDS, *COMPANY_FIELDS)
        staged = [
            {
                "line": line,
                "identity_key": f"email:{row['email'].lower()}",
                **{name: row.get(name) for name in fields},
                "properties": json.dumps({name: value for name, value in row.items() if name not in fields}),
            }
            for line, row in enumerate(rows, start=2)
        ]
        words = {name: pa.string() for name in ("identity_key", *fields, "properties")}
        table = pa.Table.from_pylist(staged, pa.schema({"line": pa.int64(), **words}))
        with database.transaction(engine) as connection:
            fair = save_static_list(connection, "Fair", None, now)
            import_id = start_import(connection, fair.id, "fair.csv", now)
            create_staging(connection)
            return merge_rows(connection, table, import_id, fair.id, now)

    return merge


def test_a_merge_tells_new_contacts_from_known_ones(merge, engine):
    assert merge({"email": "a@x"}, {"email": "b@x"}, {"email": "A@x"}) == Merge(imported=2, merged=1)
    assert merge({"email": "b@x"}, {"email": "c@x"}, {"email": "B@x"}) == Merge(imported=1, merged=2)
    with database.transaction(engine) as connection:
        codes = text("SELECT import_id, line, code FROM import_rows ORDER BY 1, 2")
        assert connection.execute(codes).all() == [
            (1, 4, "SAME_IN_SOURCE"),
            (2, 2, "ALREADY_KNOWN"),
            (2, 4, "ALREADY_KNOWN"),
        ]
        assert connection.scalar(text("SELECT count(*) FROM list_members")) == 3


def test_values_of_a_known_contact_are_filled_and_renewed_but_never_erased(merge, engine):
    merge({"email": "a@x", "first_name": "Ana", "city": "Rome", "plan": "free", "seats": "3"})
    merge({"email": "a@x", "city": "Turin", "plan": "paid", "phone": "+39"}, now=NOW + timedelta(days=1))
    with database.transaction(engine) as connection:
        (contact,) = contacts_by_ids(connection, [1, 999]).values()
    assert (contact["first_name"], contact["city"], contact["phone"]) == ("Ana", "Turin", "+39")
    assert contact["properties"] == {"plan": "paid", "seats": "3"}
    assert (contact["created_at"], contact["updated_at"]) == (NOW, NOW + timedelta(days=1))


def test_contacts_of_one_source_get_their_ids_in_its_order(merge, engine):
    merge(*({"email": f"{number * 7919 % 100}@x", "company": f"C{number % 3}"} for number in range(100)))
    with database.transaction(engine) as connection:
        emails = connection.scalars(text("SELECT email FROM contacts ORDER BY id")).all()
    assert emails == [f"{number * 7919 % 100}@x" for number in range(100)]


def test_companies_are_one_by_name_without_regard_to_case(merge, engine):
    merge({"email": "a@x", "company": "Fjord Systems"}, {"email": "b@x", "company": "FJORD systems"})
    merge({"email": "c@x", "company": "fjord systems", "company_country": "Norway"}, {"email": "d@x"})
    with database.transaction(engine) as connection:
        (fjord,) = list_companies(connection)
        linked = connection.scalars(text("SELECT company_id FROM contacts ORDER BY id")).all()
    assert (fjord["name"], fjord["country"]) == ("Fjord Systems", "Norway")
    assert linked == [fjord["id"], fjord["id"], fjord["id"], None]


def test_a_contact_of_which_nothing_new_is_said_is_not_written(merge, engine):
    merge({"email": "a@x", "first_name": "Ana", "company": "Fjord", "plan": "free"})
    merge({"email": "a@x", "first_name": "Ana", "company": "Fjord", "plan": "free"}, now=NOW + timedelta(days=1))
    with database.transaction(engine) as connection:
        assert contacts_by_ids(connection, [1])[1]["updated_at"] == NOW


def test_contacts_are_named_by_id_or_address(world):
    one, two = world.contacts(2)
    address = world.one("SELECT upper(email) FROM contacts WHERE id = :id", id=two)
    with database.transaction(world.runtime.engine) as connection:
        assert contact_ids_of(connection, [f" {address}", str(one), "987654"]) == [two, one, 987_654]
        with pytest.raises(NotFound, match="There is no contact"):
            contact_ids_of(connection, ["nobody@x.example"])
