"""Can an enrollment be prepared, reviewed and changed, and is nothing sent before it begins?"""

from __future__ import annotations

import csv
from typing import Any

import pytest

from cadenza.domain.enrollment import EnrollmentOptions, Outcome, Segment
from cadenza.domain.overrides import Overrides
from cadenza.errors import NotFound, OverrideInvalid, WrongUse
from cadenza.store import database, drafts
from cadenza.store.lists import save_active_list
from flows import prepare_draft
from tasks.claim_steps import claim_steps


@pytest.fixture
def office(world: Any) -> Any:
    """Four contacts, of whom two have no hobby; a sequence that needs one in its second mail."""
    world.mailbox("ana")
    world.sequence(
        world.email(1),
        world.email(2, days=2, subject="{{ contact.hobby }}"),
        required_tokens=("contact.first_name", "contact.hobby"),
    )
    world.ids = [*world.contacts(2, properties='{"hobby": "sailing"}'), *world.contacts(2)]
    return world


def prepared(office: Any, **options: Any) -> int:
    segment = Segment(contact_ids=tuple(office.ids))
    return prepare_draft.create("hello", "ana", segment, EnrollmentOptions(**options), "ana").id


def found(office: Any, draft: int) -> drafts.Draft:
    with database.transaction(office.runtime.engine) as connection:
        return drafts.find_draft(connection, draft)


def test_nothing_is_stored_or_sent_before_it_begins(office):
    draft = prepared(office)
    forecast = prepare_draft.review(draft)
    assert (forecast.enrolled, forecast.refused) == (2, 2)
    assert claim_steps.fn("UTC").delivery_ids == ()
    assert [office.one(f"SELECT count(*) FROM {table}") for table in ("batches", "enrollments", "refusals")] == [
        0,
        0,
        0,
    ]
    assert found(office, draft).waiting == 4


def test_who_is_new_is_decided_when_it_is_made(office):
    with database.transaction(office.runtime.engine) as connection:
        save_active_list(connection, "Everybody", "first_name = Kim", office.now)
    draft = prepare_draft.create("hello", "ana", Segment(name="Everybody"), EnrollmentOptions(new_only=True)).id
    prepare_draft.choose_for_all(draft, Overrides.from_data({"time_zone": "Asia/Tokyo"}))
    assert found(office, draft).waiting == office.one("SELECT count(*) FROM contacts")


def test_the_missing_tokens_of_all_are_one_matrix(office):
    one, two = office.ids[2:]
    draft = prepared(office)
    prepare_draft.choose_for(draft, [two], Overrides.from_data({"steps": {"1": {"text": "{{ contact.boat }}"}}}))
    forecast = prepare_draft.review(draft)
    assert forecast.missing_tokens == (("contact.hobby", 2), ("contact.boat", 1))
    assert forecast.matrix.stat().st_mode & 0o077 == 0
    with forecast.matrix.open(encoding="utf-8-sig", newline="") as file:
        assert list(csv.DictReader(file)) == [
            {"contact_id": str(one), "contact.boat": "", "contact.hobby": "2"},
            {"contact_id": str(two), "contact.boat": "1", "contact.hobby": "2"},
        ]


@pytest.mark.parametrize(("write_back", "kept"), [(False, None), (True, "chess")])
def test_a_token_is_filled_for_one_then_for_all_who_lack_it(office, write_back, kept):
    one, two = office.ids[2:]
    draft = prepared(office)
    assert prepare_draft.fill(draft, "contact.hobby", "rowing", [one]) == 1
    assert prepare_draft.fill(draft, "contact.hobby", "chess", [two], write_back=write_back) == 1
    assert prepare_draft.review(draft).enrolled == 4
    prepare_draft.enroll(draft)
    values = dict(office.rows("SELECT contact_id, token_values ->> 'contact.hobby' FROM enrollments"))
    assert values == {office.ids[0]: None, office.ids[1]: None, one: "rowing", two: "chess"}
    assert office.one("SELECT properties ->> 'hobby' FROM contacts WHERE id = :id", id=two) == kept


def test_filling_for_all_leaves_what_a_contact_s_own_options_say(office):
    one, two, three, four = office.contacts(4)
    office.rows("""UPDATE contacts SET properties = '{"token_contact_hobby": "chess"}' WHERE id = :id""", id=one)
    office.ids = [one, two, three, four]
    draft = prepared(office, from_columns=True)
    for contact, value in ((two, "rowing"), (three, "curling")):
        prepare_draft.choose_for(draft, [contact], Overrides.from_data({"token_values": {"contact.hobby": value}}))
    assert prepare_draft.fill(draft, "contact.hobby", "reading") == 1
    # Whoever is named is meant.
    assert prepare_draft.fill(draft, "contact.hobby", "sailing", [three]) == 1
    prepare_draft.enroll(draft)
    values = dict(office.rows("SELECT contact_id, token_values ->> 'contact.hobby' FROM enrollments"))
    assert values == {one: "chess", two: "rowing", three: "sailing", four: "reading"}


def test_it_is_changed_for_all_and_for_one_and_the_forecast_follows(office):
    draft = prepared(office, time_zone="Europe/Berlin")
    prepare_draft.choose_for_all(
        draft, Overrides.from_data({"time_zone": "Asia/Tokyo", "steps": {"2": {"delay": "5d"}}})
    )
    prepare_draft.choose_for(draft, office.ids[:1], Overrides.from_data({"time_zone": "America/Lima"}))
    assert {zone.time_zone: zone.contacts for zone in prepare_draft.review(draft).zones} == {
        "Asia/Tokyo": 1, "America/Lima": 1,
    }  # fmt: skip
    prepare_draft.choose_for(draft, office.ids[:1], Overrides.from_data({"steps": {"1": {"subject": "Me"}}}))
    prepare_draft.enroll(draft)
    assert office.rows("SELECT time_zone, overrides FROM enrollments ORDER BY contact_id") == [
        ("America/Lima", {"steps": {"1": {"subject": "Me"}, "2": {"delay": [5, "days"]}}}),
        ("Asia/Tokyo", {"steps": {"2": {"delay": [5, "days"]}}}),
    ]


def test_one_is_enrolled_alone_and_the_rest_later(office):
    first, second, *lacking = office.ids
    draft = prepared(office)
    assert [one.outcome for one in prepare_draft.enroll(draft, [first])] == [Outcome.ENROLLED]
    assert (found(office, draft).enrolled, found(office, draft).waiting) == (1, 3)
    outcomes = {one.contact_id: one.code for one in prepare_draft.enroll(draft)}
    assert outcomes == {second: None, **dict.fromkeys(lacking, "TOKEN_MISSING")}
    # Who was refused is still there, to be corrected.
    assert (found(office, draft).enrolled, found(office, draft).waiting) == (2, 2)
    prepare_draft.fill(draft, "contact.hobby", "chess")
    assert len(prepare_draft.enroll(draft)) == 2
    assert found(office, draft).waiting == 0
    with pytest.raises(NotFound, match="Nobody"):
        prepare_draft.enroll(draft)


def test_a_removed_contact_is_not_enrolled_unless_it_is_put_back(office):
    first, second, *_ = office.ids
    draft = prepared(office)
    assert prepare_draft.remove(draft, [first, second]) == 2
    assert prepare_draft.restore(draft, [second]) == 1
    prepare_draft.enroll(draft)
    assert office.rows("SELECT contact_id FROM enrollments") == [(second,)]


def test_at_most_fifty_are_enrolled_at_once_by_default(office):
    office.ids = office.contacts(51, properties='{"hobby": "sailing"}')
    draft = prepared(office)
    assert {one.code for one in prepare_draft.enroll(draft)} == {"BATCH_TOO_LARGE"}
    prepare_draft.remove(draft, office.ids[:1])
    assert {one.code for one in prepare_draft.enroll(draft)} == {None}


def test_a_discarded_draft_does_nothing_more(office):
    draft = prepared(office)
    prepare_draft.discard(draft)
    for deed in (prepare_draft.enroll, prepare_draft.review, prepare_draft.discard):
        with pytest.raises(WrongUse, match="discarded"):
            deed(draft)


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"steps": {"2": {"title": "Call"}}}, "steps.2.title"),
        ({"start_position": 7}, "start_position"),
        ({"steps": {"1": {"html": "x" * 5_000_000}}}, "steps.1.html"),
        ({"token_values": {"contact.hobby": "<b>chess</b>"}}, "token_values.contact.hobby"),
        ({"token_values": {"contact.hobby": "a\r\nBcc: b"}}, "token_values.contact.hobby"),
        ({"time_zone": "Mars/Base"}, "time_zone"),
    ],
)
def test_what_makes_no_sense_is_refused_when_it_is_chosen(office, data, field):
    draft = prepared(office)
    with pytest.raises(OverrideInvalid) as caught:
        prepare_draft.choose_for(draft, office.ids[:2], Overrides.from_data(data))
    assert caught.value.field == field
    assert office.one("SELECT count(*) FROM draft_contacts WHERE overrides <> '{}'") == 0
