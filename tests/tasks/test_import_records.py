"""How do companies, deals and tickets get in, and who is associated with them?"""

from __future__ import annotations

from typing import Any

import pytest

from cadenza.errors import SourceContractBroken, WrongUse
from tasks.import_records import import_records
from tasks.read_source import read_source


@pytest.fixture
def load(world: Any, tmp_path: Any) -> Any:
    """Import a text as a CSV file of records."""

    def load(content: str, kind: str = "deal", mapping: dict[str, str] | None = None) -> Any:
        path = tmp_path / "records.csv"
        path.write_text(content, encoding="utf-8")
        return import_records.fn(read_source.fn(str(path)), kind, mapping)

    return load


def associations(world: Any) -> list[tuple[Any, ...]]:
    return [
        tuple(row)
        for row in world.rows("""
            SELECT r.external_id, c.email_normalized, a.is_primary
            FROM record_contacts a JOIN records r ON r.id = a.record_id JOIN contacts c ON c.id = a.contact_id
            ORDER BY r.external_id, c.id
        """)
    ]


@pytest.fixture
def people(world: Any) -> list[str]:
    """The addresses of three contacts; the third has an id in the other system."""
    ids = world.contacts(3)
    world.rows("UPDATE contacts SET external_id = 'h-3' WHERE id = :id", id=ids[2])
    return [world.one("SELECT email_normalized FROM contacts WHERE id = :id", id=id_) for id_ in ids]


def test_records_come_in_with_the_contacts_that_they_name_by_address_or_id(load, world, people):
    report = load(
        "Deal ID,Deal Name,Amount,Contact,Contact ID,Primary\n"
        f"4711,Big deal,5000,Kim Lee ({people[0].upper()}),,\n"
        f"4711,,7000,{people[1]},,yes\n"
        f"4712,Small deal,10,{people[0]}; {people[1]},h-3,\n"
        "4713,Lonely deal,,,,\n"
        ",,12,,,\n"
    )
    assert (report.rows, report.imported, report.merged, report.rejected) == (5, 3, 1, 1)
    assert (report.associations, report.unknown_contacts) == (5, 0)
    assert report.rejections == {"RECORD_UNNAMED": 1}
    assert world.rows("SELECT external_id, name, properties FROM records ORDER BY 1") == [
        ("4711", "Big deal", {"amount": "7000"}),
        ("4712", "Small deal", {"amount": "10"}),
        ("4713", "Lonely deal", {}),
    ]
    assert associations(world) == [
        ("4711", people[0], False),
        ("4711", people[1], True),
        ("4712", people[0], False),
        ("4712", people[1], False),
        ("4712", people[2], False),
    ]


def test_importing_again_changes_only_what_is_new_and_a_new_primary_contact_replaces_the_old_one(load, world, people):
    load(f"id,name,stage,email,primary\n1,First,open,{people[0]},x\n")
    report = load(f"id,name,stage,email,primary\n1,,won,{people[1]},x\n")
    assert (report.imported, report.merged) == (0, 1)
    assert world.rows("SELECT name, properties FROM records") == [("First", {"stage": "won"})]
    assert associations(world) == [("1", people[0], False), ("1", people[1], True)]


def test_a_contact_whom_nobody_knows_is_noted_with_its_line_and_the_record_is_there(load, world, people):
    report = load(f"ticket_id,email\nT1,nobody@x.example\nT2,{people[0]}\nT3,no address at all\n", kind="ticket")
    assert (report.imported, report.associations, report.unknown_contacts) == (3, 1, 1)
    assert world.rows("SELECT line, outcome, code FROM import_rows") == [(2, "unknown_contact", "UNKNOWN_CONTACT")]


def test_a_company_that_is_imported_is_the_one_that_contacts_name(load, world):
    world.rows("INSERT INTO companies (name) VALUES ('ACME gmbh')")
    load("Company ID,Company name,Domain\nc-1,Acme GmbH,acme.example\n", kind="company")
    assert world.rows("SELECT name, domain FROM companies") == [("ACME gmbh", "acme.example")]


@pytest.mark.parametrize(
    ("content", "kind", "error", "words"),
    [
        ("stage,email\nwon,a@x.example\n", "deal", SourceContractBroken, "No column tells one deal"),
        ("id\n1\n", "Deal's!", WrongUse, "no kind of records"),
    ],
)
def test_a_mistake_is_named_and_nothing_is_imported(load, world, content, kind, error, words):
    with pytest.raises(error, match=words):
        load(content, kind)
    assert world.one("SELECT count(*) FROM records") == 0


def test_hostile_cells_are_words(load, world):
    load('id,name,note\n\'; DROP TABLE records; --,:now {{ x }},"a\\""}"\n')
    assert world.rows("SELECT external_id, name, properties FROM records") == [
        ("'; DROP TABLE records; --", ":now {{ x }}", {"note": 'a\\"}'})
    ]
