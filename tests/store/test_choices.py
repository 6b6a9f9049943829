"""Whose enrollments are paused, resumed, finished or ended."""

from __future__ import annotations

from datetime import timedelta

import pytest

from cadenza.errors import NotFound, WrongUse
from cadenza.store import database, enrollments
from cadenza.store.choices import Choice, running
from tasks.claim_steps import claim_steps
from tasks.send_email import hand_over

BERLIN = "Europe/Berlin"


@pytest.fixture
def office(world):
    """Contacts 1 and 2 of Acme with ana, 3 with ben; 1 and 3 in hello, 2 in other."""
    hello, other = world.sequence(name="hello"), world.sequence(name="other")
    ana, ben = world.mailbox("ana"), world.mailbox("ben")
    world.contacts(3)
    world.rows("INSERT INTO companies (name, domain) VALUES ('Acme', 'acme.example')")
    world.rows("UPDATE contacts SET company_id = 1, company = 'Acme' WHERE id <= 2")
    world.enroll([1], hello, ana)
    world.enroll([2], other, ana)
    world.enroll([3], hello, ben)
    world.rows("""
        INSERT INTO batches (id, sequence_version_id, segment, sender, options, started_at) OVERRIDING SYSTEM VALUE
        VALUES (1, 1, 'x', 'ana', '{"enrolled_by": "ben"}', now())
    """)
    world.rows("UPDATE enrollments SET batch_id = 1 WHERE contact_id = 2")
    return world


def change(world, what, choice: Choice, **more) -> int:
    with database.transaction(world.runtime.engine) as connection:
        return what(connection, running(connection, choice), "ana", world.now, **more)


def meant(world, choice: Choice) -> list[int]:
    with database.transaction(world.runtime.engine) as connection:
        return running(connection, choice)


@pytest.mark.parametrize(
    ("choice", "ids"),
    [
        pytest.param(Choice("1"), [1], id="a contact by id"),
        pytest.param(Choice("C3@customer.example"), [3], id="a contact by address"),
        pytest.param(Choice(sequence="hello"), [1, 3], id="a sequence"),
        pytest.param(Choice(company="acme"), [1, 2], id="a company by name"),
        pytest.param(Choice(company="acme.example"), [1, 2], id="a company by domain"),
        pytest.param(Choice(company="customer.example"), [1, 2, 3], id="a domain of addresses"),
        pytest.param(Choice(company="Acme", sequence="hello"), [1], id="a company in a sequence"),
        pytest.param(Choice(is_all=True), [1, 2, 3], id="everything"),
        pytest.param(Choice(is_all=True, enrolled_by="ana"), [1], id="what ana enrolled, not what she sends for ben"),
        pytest.param(Choice(is_all=True, enrolled_by="ben"), [2, 3], id="what ben enrolled"),
        pytest.param(Choice(is_all=True, paused_reason="strike"), [], id="nothing is paused"),
    ],
)
def test_running_enrollments_are_chosen(office, choice, ids):
    assert meant(office, choice) == ids


@pytest.mark.parametrize(
    ("choice", "error", "told"),
    [
        (Choice(), WrongUse, "exactly one"),
        (Choice("1", is_all=True), WrongUse, "exactly one"),
        (Choice("9"), NotFound, "There is no contact"),
        (Choice("1", enrolled_by="ben"), NotFound, "enrolled by somebody else"),
        (Choice(sequence="helo"), NotFound, "hello"),
        (Choice(company="Nobody"), NotFound, "There is no company"),
        (Choice(company="gmail.com"), NotFound, "There is no company"),
        (Choice(is_all=True, enrolled_by="an"), NotFound, "ana"),
    ],
)
def test_a_choice_that_means_nobody_says_why(office, choice, error, told):
    with pytest.raises(error, match=told):
        meant(office, choice)


def test_everything_is_paused_with_a_reason_and_goes_on_with_what_was_left_of_each_delay(office, sink):
    office.rows("UPDATE enrollments SET due_at = :at WHERE id = 3", at=office.now + timedelta(days=3))
    change(office, enrollments.pause, Choice("1"), reason="a letter first")
    assert change(office, enrollments.pause, Choice(is_all=True), reason="strike") == 2
    office.runtime.clock.wait(5 * 86_400)
    assert claim_steps.fn(BERLIN).delivery_ids == ()
    assert change(office, enrollments.resume, Choice(is_all=True, paused_reason="strike")) == 2
    rows = office.rows("SELECT id, status, due_at, paused_by, paused_reason FROM enrollments ORDER BY 1")
    assert rows == [
        (1, "paused", None, "ana", "a letter first"),
        (2, "active", office.now, None, None),
        (3, "active", office.now + timedelta(days=3), None, None),
    ]
    kept = office.rows("SELECT actor, data ->> 'reason' FROM events WHERE kind = 'pause' ORDER BY id")
    assert kept == [("ana", "a letter first"), ("ana", "strike"), ("ana", "strike")]


def test_a_contact_that_is_finished_early_counts_as_finished_and_one_that_is_removed_as_ended(office, sink):
    assert change(office, enrollments.finish, Choice("1")) == 1
    assert change(office, enrollments.unenroll, Choice("3")) == 1
    rows = office.rows("SELECT status, ending, ended_by, due_at FROM enrollments WHERE id <> 2 ORDER BY id")
    assert rows == [("finished", None, "ana", None), ("ended", "removed", "ana", None)]
    assert len(claim_steps.fn(BERLIN).delivery_ids) == 1
    assert change(office, enrollments.finish, Choice(sequence="hello")) == 0


def test_a_mail_under_way_does_not_revive_a_contact_that_was_finished(office, sink):
    claimed = claim_steps.fn(BERLIN).delivery_ids
    change(office, enrollments.finish, Choice("1"))
    hand_over(claimed)
    assert office.one("SELECT ended_by FROM enrollments WHERE id = 1 AND status = 'finished'") == "ana"


def test_the_to_dos_of_a_contact_that_was_finished_by_hand_are_nobody_s_any_more(world):
    from cadenza.store.todos import open_todos

    world.enroll(world.contacts(1), world.sequence(world.todo(1), world.email(2)), world.mailbox())
    claim_steps.fn(BERLIN)
    with database.transaction(world.runtime.engine) as connection:
        assert len(open_todos(connection)) == 1
    change(world, enrollments.finish, Choice("1"))
    with database.transaction(world.runtime.engine) as connection:
        assert open_todos(connection) == []


def test_whoever_was_unenrolled_may_be_enrolled_again_at_any_step(world, sink):
    from cadenza.domain.enrollment import EnrollmentOptions
    from flows.enroll_now import enroll_now

    steps = [world.email(position, days=position) for position in (1, 2, 3)]
    world.enroll(world.contacts(1), world.sequence(*steps), world.mailbox())
    hand_over(claim_steps.fn(BERLIN).delivery_ids)
    change(world, enrollments.unenroll, Choice("1"))
    enroll_now("hello", "ana", [1], EnrollmentOptions(start_position=3, time_zone=BERLIN))
    world.runtime.clock.wait(60)
    hand_over(claim_steps.fn(BERLIN).delivery_ids)
    assert world.rows("SELECT enrollment_id, position, state FROM deliveries ORDER BY id") == [
        (1, 1, "sent"),
        (2, 3, "sent"),
    ]
    assert world.rows("SELECT status FROM enrollments ORDER BY id") == [("ended",), ("finished",)]
