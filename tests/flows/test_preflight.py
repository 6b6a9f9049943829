"""A preflight says what an enrollment would do, and does nothing."""

from __future__ import annotations

import csv
from datetime import UTC, datetime

import pytest
from sqlalchemy import inspect

from cadenza.domain.attachments import MEGABYTE, Attachment
from cadenza.errors import NotFound
from cadenza.store import lists
from cadenza.store.database import transaction
from flows.enroll_segment import EnrollmentForm, enroll_segment
from flows.preflight import preflight
from tasks.load_candidates import load_candidates
from tasks.schedule_waves import schedule_waves


@pytest.fixture
def fair(world, prefect_server, deployments):
    """A list with everything in it, and a mailbox that lets three mails a minute and seven a day go."""
    world.mailbox("ana", limits=[(3, 60), (7, 86_400)])
    world.sequence(world.email(1), world.todo(2, days=2))
    ids = world.contacts(8, time_zone="Europe/Berlin") + world.contacts(3, time_zone="Asia/Kolkata")
    ids += world.contacts(1, bounced_at=world.now) + world.contacts(1, time_zone="Mars/Olympus")
    [mute] = world.contacts(1)
    world.rows("UPDATE contacts SET email = '=1+1', email_normalized = NULL WHERE id = :id", id=mute)
    with transaction(world.runtime.engine) as connection:
        made = lists.save_static_list(connection, "fair", "test", world.now)
    world.rows(
        "INSERT INTO list_members (list_id, contact_id) SELECT :l, unnest(CAST(:ids AS bigint[]))",
        l=made.id,
        ids=[*ids, mute],
    )
    return world


def everything(world) -> dict[str, int]:
    """The rows of every table."""
    tables = inspect(world.runtime.engine).get_table_names()
    return {name: world.one(f"SELECT count(*) FROM {name}") for name in tables}


@pytest.mark.parametrize("chunk", [100_000, 2], ids=["one chunk", "many chunks"])
def test_it_foretells_what_the_enrollment_then_does_and_writes_nothing(fair, monkeypatch, chunk):
    monkeypatch.setattr(load_candidates.fn, "__defaults__", (chunk,))
    before = everything(fair)
    forecast = preflight("hello", "ana", "fair")
    assert everything(fair) == before
    report = enroll_segment("hello", "ana", "fair")
    assert (forecast.enrolled, forecast.held, forecast.refused) == (report.enrolled, report.held, report.refused)
    assert (report.enrolled, report.held, report.refused) == (7, 5, 2)
    assert forecast.by_code == report.by_code
    with forecast.plan.open(encoding="utf-8-sig", newline="") as file:
        plan = {int(line["contact_id"]): line for line in csv.DictReader(file)}
    assert len(plan) == forecast.candidates
    stored = {
        row.contact_id: f"{row.expected_at:%Y-%m-%d %H:%M:%S} UTC"
        for row in fair.rows("SELECT contact_id, expected_at FROM enrollments")
    }
    assert {id: line["first_step_at"] for id, line in plan.items() if line["first_step_at"]} == stored
    refused = {row.contact_id: row.code for row in fair.rows("SELECT contact_id, code FROM refusals WHERE is_reason")}
    assert {id: line["code"] for id, line in plan.items() if line["code"]} == refused
    assert sum(count for _, count in forecast.days) == sum(zone.contacts for zone in forecast.zones) == 12
    assert forecast.plot
    assert forecast.plot.stat().st_size > 1_000
    assert forecast.plan.stat().st_mode & 0o077 == 0


def test_who_is_in_the_sequence_already_is_no_error(fair):
    enroll_segment("hello", "ana", "fair")
    forecast = preflight("hello", "ana", "fair")
    assert forecast.enrolled + forecast.held == 0
    assert [line.code for line in forecast.by_code if not line.is_error] == ["ALREADY_IN_THIS_SEQUENCE"]
    assert forecast.zones == ()
    assert forecast.plot is None


def test_the_chosen_time_is_local_in_every_zone(fair):
    options = EnrollmentForm(send_at=datetime(2026, 3, 4, 10, tzinfo=UTC))
    forecast = preflight("hello", "ana", "fair", options=options)
    first = {zone.time_zone: zone.first_at for zone in forecast.zones}
    assert first["Asia/Kolkata"] == datetime(2026, 3, 4, 4, 30, tzinfo=UTC)
    assert first["Europe/Berlin"] == datetime(2026, 3, 4, 9, 0, tzinfo=UTC)


def test_a_person_names_at_most_fifty_contacts(fair):
    ids = [row.id for row in fair.rows("SELECT id FROM contacts ORDER BY id")] * 51
    before = everything(fair)
    for flow in (enroll_segment, preflight):
        state = flow("hello", "ana", contact_ids=ids[:51], return_state=True)
        assert "51 contacts are named one by one" in state.message
    assert everything(fair) == before
    assert preflight("hello", "ana", contact_ids=ids[:50]).candidates == 50


def test_a_wrong_name_ends_it_with_the_nearest_names(fair):
    with pytest.raises(NotFound, match="fair"):
        preflight("hello", "ana", "fare")
    assert preflight("hello", "ana", "fare", return_state=True).is_failed()
    assert schedule_waves.fn() == []


def test_it_names_the_files_that_mails_take_along(fair):
    brochure = Attachment("brochure.pdf", "application/pdf", 3 * MEGABYTE, "1")
    fair.sequence(fair.email(1), fair.email(2, days=3, attachments=(brochure,)), name="with_file")
    told = (2, "email, 3 days later, with brochure.pdf (3 MB)")
    assert preflight("with_file", "ana", "fair").attachments == (told,)
