"""Numbers of what happened: complete, of the right mail, and the same whatever is done to enrollments later."""

from __future__ import annotations

import csv
from dataclasses import replace
from datetime import timedelta

import pytest

from cadenza.domain.enrollment import EnrollmentStatus
from cadenza.domain.performance import Scope, ranked
from cadenza.domain.sequence import Variant
from cadenza.errors import NotFound
from cadenza.store import database, enrollments
from cadenza.store.deletions import delete_sequence, erase_contact
from cadenza.store.statistics import performance, step_performance, write_csv
from tasks.claim_steps import claim_steps
from tasks.send_email import hand_over

BERLIN = "Europe/Berlin"


@pytest.fixture
def office(world, sink):
    """Ten contacts in hello with ana, two mails each and a to-do; two in other with ben. Contact 1 is in both."""
    variants = (Variant("long", "Long", "", "A long text"), Variant("short", "Short", "", "Short"))
    first = replace(world.email(1), variants=variants)
    hello = world.sequence(
        first, world.email(2), world.todo(3, is_blocking=False), name="hello", folder="Sales/Inbound"
    )
    ana, ben = world.mailbox("ana"), world.mailbox("ben")
    world.contacts(11)
    world.rows("INSERT INTO companies (name, domain) VALUES ('Acme', 'acme.example')")
    world.rows("UPDATE contacts SET company_id = 1 WHERE id <= 3")
    world.enroll(list(range(1, 11)), hello, ana)
    run(world)
    other = world.sequence(name="other")
    world.enroll([1, 11], other, ben)
    hand_over(claim_steps.fn(BERLIN).delivery_ids)
    return world


def run(world) -> None:
    """Everything that there is to do, a minute between."""
    for _ in range(3):
        hand_over(claim_steps.fn(BERLIN).delivery_ids)
        world.runtime.clock.wait(60)


def happens(world, kind: str, enrollment: int, position: int | None = None, **data: str) -> None:
    """An event about a mail; None: it names none."""
    delivery = world.rows(
        "SELECT id FROM deliveries WHERE enrollment_id = :e AND position = :p", e=enrollment, p=position
    )
    world.rows(
        """
        INSERT INTO events (kind, enrollment_id, contact_id, delivery_id, at, data)
        SELECT :kind, id, contact_id, :delivery, :now, CAST(:data AS jsonb) FROM enrollments WHERE id = :e
        """,
        kind=kind,
        e=enrollment,
        delivery=delivery[0].id if delivery else None,
        now=world.now,
        data=str(data).replace("'", '"'),
    )


def overview(world, by="sequence", **scope):
    with database.transaction(world.runtime.engine) as connection:
        return {line.name: line for line in performance(connection, Scope(**scope), by)}


def steps(world, **scope):
    with database.transaction(world.runtime.engine) as connection:
        return {(s.sequence, s.position, s.variant): s for s in step_performance(connection, Scope(**scope))}


def test_everything_that_happened_is_counted_once_an_enrollment(office):
    for kind, enrollment, data in (
        ("reply", 1, {"change": "reply"}),
        ("reply", 1, {"change": "reply"}),
        ("meeting", 2, {"change": "reply"}),  # declined: an answer
        ("meeting", 3, {"change": "meeting"}),
        ("meeting", 3, {"change": "nothing"}),
        ("bounce", 4, {"change": "hard_bounce"}),
        ("bounce", 5, {"change": "soft_bounce"}),
        ("opt_out", 6, {"scope": "all"}),
        ("opt_out_mail", 6, {"change": "opt_out"}),
        ("complaint", 7, {"change": "complaint"}),
        ("auto_reply", 8, {"change": "hold"}),
        ("colleague_reply", 8, {}),
        ("open", 9, {}),
        ("open", 9, {"machine": "privacy_proxy"}),
        ("open", 10, {"machine": "privacy_proxy"}),
        ("click", 9, {}),
        ("click", 10, {"machine": "scanner"}),
    ):
        happens(office, kind, enrollment, 1, **data)
    hello = overview(office)["hello"]
    assert (hello.enrolled, hello.contacts, hello.mailed, hello.sent) == (10, 10, 10, 20)
    assert (hello.replied, hello.meetings, hello.bounced, hello.opted_out, hello.complained) == (2, 1, 1, 1, 1)
    assert (hello.opened, hello.clicked, hello.opened_by_machines) == (1, 1, 1)
    assert (hello.finished, hello.running, hello.reply_rate) == (10, 0, 0.2)


def test_a_step_s_numbers_are_those_of_its_own_mails(office):
    happens(office, "reply", 1, 1)
    happens(office, "reply", 2, 2)
    happens(office, "opt_out", 3)  # the link names the enrollment only: the last mail counts
    office.rows("UPDATE deliveries SET state = 'rejected' WHERE enrollment_id = 4 AND position = 2")
    found = steps(office, sequence="hello")
    assert [key[1:] for key in found] == [(1, "long"), (1, "short"), (2, ""), (3, "")]
    first = [found["hello", 1, name] for name in ("long", "short")]
    assert (sum(one.ran for one in first), sum(one.replied for one in first)) == (10, 1)
    second, todo = found["hello", 2, ""], found["hello", 3, ""]
    assert (second.ran, second.done, second.replied, second.opted_out, second.bounced) == (10, 9, 1, 1, 1)
    assert (todo.kind, todo.ran, todo.done, todo.reply_rate) == ("todo", 10, 0, None)


def test_ending_erasing_or_deleting_changes_nothing_that_was_counted(office):
    office.rows("UPDATE enrollments SET status = 'active', ended_at = NULL, next_position = 3 WHERE id IN (1, 2)")
    happens(office, "reply", 1, 1, change="reply")
    before, before_steps = overview(office)["hello"], steps(office)
    with database.transaction(office.runtime.engine) as connection:
        enrollments.unenroll(connection, [2], "ana", office.now)
        (contact,) = office.rows("SELECT contact_id FROM enrollments WHERE id = 1")[0]
        erase_contact(connection, str(contact), "ana", office.now)
        delete_sequence(connection, "hello", None, "ana", office.now)
    after = overview(office)["hello"]
    assert replace(after, running=before.running) == before
    assert (before.running, after.running) == (2, 0)
    assert steps(office) == before_steps
    assert overview(office, sequence="hello")["hello"].enrolled == 10


@pytest.mark.parametrize(
    ("scope", "enrolled"),
    [
        ({"sequence": "other"}, {"other": 2}),
        ({"folder": "Sales"}, {"hello": 10}),
        ({"sender": "ben"}, {"other": 2}),
        ({"company": "acme"}, {"hello": 3, "other": 1}),
        ({"company": "ACME.example"}, {"hello": 3, "other": 1}),
        ({"status": EnrollmentStatus.FINISHED, "sender": "ana"}, {"hello": 10}),
        ({"status": EnrollmentStatus.ACTIVE}, {}),
    ],
)
def test_they_are_counted_by_company_sequence_status_and_user(office, scope, enrolled):
    assert {name: line.enrolled for name, line in overview(office, **scope).items()} == enrolled


def test_they_are_counted_by_the_date_of_the_enrollment(office):
    later = office.now - timedelta(minutes=1)
    assert set(overview(office, since=later)) == {"other"}
    assert set(overview(office, until=later)) == {"hello"}


@pytest.mark.parametrize(
    ("by", "names"),
    [("sender", {"ana", "ben"}), ("company", {"Acme", ""}), ("folder", {"Sales/Inbound", ""})],
)
def test_they_are_grouped(office, by, names):
    lines = overview(office, by)
    assert set(lines) == names
    assert sum(line.enrolled for line in lines.values()) == 12


def test_who_was_enrolled_twice_is_one_person(office):
    acme = overview(office, "company")["Acme"]
    assert (acme.enrolled, acme.contacts) == (4, 3)


def test_lines_are_ranked_by_a_number_or_a_rate(office):
    happens(office, "reply", 11, 1)
    lines = overview(office).values()
    assert [line.name for line in ranked(lines, "enrolled")] == ["hello", "other"]
    assert [line.name for line in ranked(lines, "reply_rate")] == ["other", "hello"]


def test_nobody_is_counted_by_a_name_that_does_not_exist(office):
    for scope in ({"sequence": "helo"}, {"sender": "an"}, {"folder": "Sale"}, {"company": "Acne"}):
        with pytest.raises(NotFound):
            overview(office, **scope)


def test_a_table_has_every_number_and_no_formula(office, tmp_path):
    line = replace(overview(office)["hello"], name="=1+1")
    write_csv(tmp_path / "x.csv", [line])
    (row,) = csv.DictReader((tmp_path / "x.csv").open(encoding="utf-8-sig"))
    assert (row["name"], row["enrolled"], row["finish_rate"]) == ("'=1+1", "10", "1.0000")
    write_csv(tmp_path / "none.csv", [])
    assert (tmp_path / "none.csv").exists()
