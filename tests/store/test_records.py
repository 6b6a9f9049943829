"""Which contacts do records stand for?"""

from __future__ import annotations

from typing import Any

import pytest

from cadenza.domain.enrollment import EnrollmentOptions, Segment
from cadenza.domain.records import Records, records_of
from cadenza.errors import FilterInvalid, NotFound, WrongUse
from cadenza.store import database
from cadenza.store.candidates import count_candidates
from cadenza.store.lists import count_members
from cadenza.store.records import candidates_of, record_ids
from flows.rehearse import enroll


@pytest.fixture
def record(world: Any) -> Any:
    """Makes a record with contacts; the one at ``primary`` is primary."""

    def record(
        external_id: str, contact_ids: list[int], kind: str = "deal", primary: int | None = None, **fields: Any
    ) -> int:
        values = {"name": external_id.title(), "stage": "open"} | fields
        id_ = world.one(
            "INSERT INTO records (kind, external_id, name, properties, created_at, updated_at) VALUES "
            "(:kind, :external_id, :name, jsonb_build_object('stage', CAST(:stage AS text)), :now, :now) RETURNING id",
            kind=kind, external_id=external_id, now=world.now, **values,
        )  # fmt: skip
        for number, contact_id in enumerate(contact_ids):
            world.rows("INSERT INTO record_contacts VALUES (:r, :c, :p)", r=id_, c=contact_id, p=number == primary)
        return int(id_)

    return record


def found(world: Any, records: Records | None) -> list[tuple[Any, ...]]:
    assert records
    with database.transaction(world.runtime.engine) as connection:
        query = candidates_of(connection, records)
        return [(row.contact_id, row.is_repeated, row.record) for row in connection.execute(query)]


def test_a_record_stands_for_its_primary_contact_or_for_all(world, record):
    one, two, three = world.contacts(3)
    record("4711", [one, two, three], primary=1)
    record("4712", [three, two])
    record("4713", [])
    names = ("deal:4711", "deal:4712", "deal:4713")
    assert found(world, records_of(names, contacts="primary")) == [
        (two, False, "deal 4711"),
        (two, True, "deal 4712"),
        (None, False, "deal 4713"),
    ]
    assert found(world, records_of(names[:2], contacts="all")) == [
        (two, False, "deal 4711"),
        (one, False, "deal 4711"),
        (three, False, "deal 4711"),
        (two, True, "deal 4712"),
        (three, True, "deal 4712"),
    ]


def test_a_company_stands_for_whoever_works_there(world, record):
    world.rows("INSERT INTO companies (name, domain) VALUES ('Acme GmbH', 'acme.example'), ('Other', NULL)")
    company = world.one("SELECT id FROM companies WHERE domain IS NOT NULL")
    one, two = world.contacts(2, company_id=company)
    (boss,) = world.contacts(1)
    for name in ("Acme GmbH", "acme gmbh", "ACME.example"):
        assert [row[0] for row in found(world, records_of([f"company:{name}"], contacts="all"))] == [one, two]
    record("c-9", [boss], kind="company", name="ACME GmbH", primary=0)
    assert [row[0] for row in found(world, records_of(["company:c-9"], contacts="all"))] == [boss, one, two]
    assert found(world, records_of(["company:Other"], contacts="all")) == [(None, False, "company Other")]


def test_a_filter_finds_records_of_one_kind(world, record):
    one, two = world.contacts(2)
    record("a", [one], stage="won")
    record("b", [two], stage="lost")
    record("c", [two], kind="ticket", stage="won")
    assert found(world, records_of(kind="deal", filter="stage = won", contacts="all")) == [(one, False, "deal a")]
    assert [row[2] for row in found(world, records_of(kind="Deal", filter="name in (A, B)"))] == ["deal a", "deal b"]
    with pytest.raises(FilterInvalid):
        found(world, records_of(kind="deal", filter="stage ="))


def test_a_name_that_is_nobodys_or_several_is_told(world, record):
    record("1", [], name="Twin")
    record("2", [], name="twin")
    with database.transaction(world.runtime.engine) as connection:
        with pytest.raises(NotFound, match="Is it 'Twin'"):
            record_ids(connection, (("deal", "Twinn"),))
        with pytest.raises(WrongUse, match="2 deal records"):
            record_ids(connection, (("deal", "TWIN"),))
        with pytest.raises(NotFound, match="There are no ship records yet"):
            record_ids(connection, (("ship", "1"),))


@pytest.mark.parametrize(
    "given",
    [{"named": ["4711"]}, {"named": ["deal:"]}, {"kind": "deal"}, {"filter": "a = b"},
     {"named": ["deal:1"], "kind": "deal", "filter": "a = b"}, {"kind": "2 x", "filter": "a = b"}],
)  # fmt: skip
def test_records_that_are_named_in_no_way_or_in_two_are_refused(given):
    with pytest.raises(WrongUse):
        records_of(**given)


def test_records_are_enrolled_and_one_without_contact_is_refused_by_name(world, record):
    world.mailbox("ana")
    world.sequence()
    one, two = world.contacts(2)
    record("4711", [one, two], primary=1)
    record("4712", [two])
    record("4713", [])
    segment = Segment(records=records_of(["deal:4711", "deal:4712", "deal:4713"], contacts="primary"))
    batch = enroll("hello", "ana", segment, EnrollmentOptions())
    assert batch.size == 3
    assert world.rows("SELECT contact_id FROM enrollments") == [(two,)]
    assert world.rows("SELECT ordinal, code, is_reason, outcome, detail FROM refusals ORDER BY ordinal") == [
        (2, "DUPLICATE_IN_BATCH", True, "refused", ""),
        (3, "NO_ASSOCIATED_CONTACT", True, "refused", "deal 4713"),
    ]
    assert world.one("SELECT segment FROM batches") == "deal 4711, deal 4712, deal 4713"


def test_records_are_read_in_chunks_whose_ordinals_count_on(world, record, monkeypatch):
    world.mailbox("ana")
    world.sequence()
    people = world.contacts(7)
    for number, contact in enumerate(people):
        record(f"d{number}", [contact] if number % 3 else [])
    segment = Segment(records=records_of(kind="deal", filter="stage = open", contacts="all"))
    with database.transaction(world.runtime.engine) as connection:
        assert (count_candidates(connection, segment), count_members(connection, segment)) == (7, 4)
    from tasks import load_candidates

    monkeypatch.setattr(load_candidates.load_candidates.fn, "__defaults__", (2,))
    enroll("hello", "ana", segment, EnrollmentOptions())
    assert world.one("SELECT count(*) FROM enrollments") == 4
    assert world.rows("SELECT ordinal, detail FROM refusals ORDER BY 1") == [
        (1, "deal d0"),
        (4, "deal d3"),
        (7, "deal d6"),
    ]
