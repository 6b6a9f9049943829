"""Is everybody enrolled once, or refused with a reason, whoever else enrolls at the same time?"""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.exc import IntegrityError

from cadenza.domain.batch import Batch
from cadenza.domain.enrollment import EnrollmentOptions, Segment
from cadenza.errors import RowsRefused, WrongUse
from cadenza.store import database, reports
from cadenza.store.batches import Opened, open_chunk
from cadenza.store.lists import save_active_list
from data_contracts.verdict import Verdict
from tasks.begin_batch import begin_batch, segment_of
from tasks.check_enrollability import check_enrollability
from tasks.forecast_sends import forecast_sends
from tasks.load_candidates import load_candidates
from tasks.open_enrollments import finish_batch, open_enrollments
from tasks.publish_report import check_conservation
from tasks.time_first_steps import time_first_steps

ONE_A_CONTACT = "SELECT contact_id FROM enrollments WHERE status IN ('active', 'paused') GROUP BY 1 HAVING count(*) > 1"


@pytest.fixture
def ready(world: Any) -> Any:
    world.box = world.mailbox("ana", limits=[(3, 60), (5, 86_400)])
    world.sequence(world.email(1), world.todo(2, days=1))
    return world


def begin(ids: list[int], sequence: str = "hello", **options: Any) -> Batch:
    return begin_batch.fn(sequence, "ana", Segment(contact_ids=tuple(ids)), EnrollmentOptions(**options))


def judged(batch: Batch, size: int = 1_000) -> Any:
    """The chunks of a batch, each with its plan and verdict, as they become ready."""
    for chunk in load_candidates.fn(batch, size):
        verdict = check_enrollability.fn(time_first_steps.fn(chunk, batch), batch)
        yield forecast_sends.fn(verdict, batch), verdict


def enroll(batch: Batch, size: int = 1_000) -> Opened:
    total = [0, 0, 0, 0]
    for plan, verdict in judged(batch, size):
        opened = open_enrollments.fn(plan, verdict, batch)
        total = [
            a + b for a, b in zip(total, (opened.enrolled, opened.held, opened.lost_race, opened.refused), strict=True)
        ]
    finish_batch.fn(batch)
    return Opened(*total)


def refusals(world: Any, batch: Batch) -> list[tuple[int, str, bool, str]]:
    rows = world.rows(
        "SELECT ordinal, code, is_reason, outcome FROM refusals WHERE batch_id = :b ORDER BY 1, 2", b=batch.id
    )
    return [tuple(row) for row in rows]


def test_an_enrollment_stands_at_its_first_step(ready: Any) -> None:
    [id] = ready.contacts(1, time_zone="Asia/Tokyo", country="Japan")
    batch = begin([id])
    assert enroll(batch) == Opened(1, 0, 0, 0)
    [row] = ready.rows("SELECT * FROM enrollments")
    kept = {name: getattr(row, name) for name in (
        "batch_id", "contact_id", "sequence_version_id", "mailbox_id", "to_address", "status", "time_zone",
        "time_zone_source", "country", "next_position", "next_kind", "due_at", "expected_at", "held_reason",
        "held_until", "enrolled_at", "attempts", "last_ran_at",
    )}  # fmt: skip
    assert kept == {
        "batch_id": batch.id,
        "contact_id": id,
        "sequence_version_id": batch.sequence_version_id,
        "mailbox_id": ready.box,
        "to_address": f"c{id}@customer.example",
        "status": "active",
        "time_zone": "Asia/Tokyo",
        "time_zone_source": "contact",
        "country": "JP",
        "next_position": 1,
        "next_kind": "email",
        "due_at": ready.now,
        "expected_at": ready.now,
        "held_reason": None,
        "held_until": None,
        "enrolled_at": ready.now,
        "attempts": 0,
        "last_ran_at": None,
    }


def test_of_a_list_only_those_are_taken_whom_no_enrollment_from_it_has_judged(ready: Any) -> None:
    ready.sequence(ready.email(1), name="other")

    def enrolled(sequence: str = "hello", **options: Any) -> tuple[int, Opened]:
        batch = begin_batch.fn(sequence, "ana", Segment(name="Fair"), EnrollmentOptions(**options))
        return batch.size, enroll(batch, size=2)

    def join(ids: list[int]) -> None:
        with database.transaction(ready.runtime.engine) as connection:
            fair = save_active_list(connection, "Fair", "city = Rome", ready.now)
            assert fair.kind == "active"
        ready.rows("UPDATE contacts SET city = 'Rome' WHERE id = ANY (:ids)", ids=ids)

    first, second, third, fourth, fifth = ready.contacts(5)
    ready.rows("UPDATE contacts SET bounced_at = now() WHERE id = :id", id=second)
    join([first, second, third])
    assert enrolled(new_only=True) == (3, Opened(2, 0, 0, 1))
    ready.rows("UPDATE enrollments SET status = 'finished', next_position = 3, due_at = NULL, expected_at = NULL")
    join([fourth, fifth])
    assert enrolled("other", new_only=True)[0] == 5
    assert enrolled(new_only=True)[0] == 2
    assert enrolled(new_only=True) == (0, Opened(0, 0, 0, 0))
    assert enrolled()[0] == 5
    with pytest.raises(WrongUse, match="Only of a list"):
        begin([first], new_only=True)


def test_contacts_may_start_at_a_later_step(ready: Any) -> None:
    enroll(begin(ready.contacts(1), start_position=2))
    [row] = ready.rows("SELECT next_position, next_kind, due_at FROM enrollments")
    assert tuple(row) == (2, "todo", ready.now)


def test_beyond_the_daily_limit_a_contact_is_held_until_its_slot(ready: Any) -> None:
    assert enroll(begin(ready.contacts(6))) == Opened(5, 1, 0, 0)
    [held] = ready.rows("SELECT * FROM enrollments WHERE held_reason IS NOT NULL")
    assert held.held_reason == "DAILY_LIMIT"
    assert held.held_until == held.expected_at == ready.now + timedelta(days=1)
    assert held.due_at == ready.now


def test_a_mailbox_that_is_not_connected_holds_until_it_is(ready: Any) -> None:
    ready.rows("UPDATE mailboxes SET is_connected = false")
    assert enroll(begin(ready.contacts(2))) == Opened(0, 2, 0, 0)
    rows = ready.rows("SELECT held_reason, held_until, expected_at FROM enrollments")
    assert [tuple(row) for row in rows] == [("MAILBOX_NOT_CONNECTED", None, None)] * 2


def test_the_batch_counts_itself_over_its_chunks(ready: Any) -> None:
    good, missing = ready.contacts(4), ready.contacts(3, bounced_at=ready.now)
    batch = begin([*good, *missing, good[0]])
    assert enroll(batch, size=2) == Opened(4, 0, 0, 4)
    [row] = ready.rows("SELECT counts, finished_at, segment, options FROM batches")
    assert row.counts == {"candidates": 8, "enrolled": 4, "held": 0, "refused": 4}
    assert row.finished_at == ready.now
    assert row.segment == "8 chosen contacts"
    assert row.options["start_position"] == 1
    assert ready.one("SELECT count(*) FROM refusals WHERE is_reason") == 4


def test_an_enrollment_of_nobody_has_counts_too(ready: Any) -> None:
    ready.rows("INSERT INTO lists (name, kind) VALUES ('Empty', 'static')")
    batch = begin_batch.fn("hello", "ana", segment_of(segment="Empty"), EnrollmentOptions())
    assert enroll(batch) == Opened(0, 0, 0, 0)
    assert ready.one("SELECT counts FROM batches") == {"candidates": 0, "enrolled": 0, "held": 0, "refused": 0}


def test_doing_it_again_changes_nothing(ready: Any) -> None:
    ids = ready.contacts(3)
    enroll(begin(ids))
    before = ready.rows("SELECT * FROM enrollments ORDER BY id")
    again = begin(ids)
    assert enroll(again) == Opened(0, 0, 0, 3)
    assert ready.rows("SELECT * FROM enrollments ORDER BY id") == before
    assert {code for _, code, _, _ in refusals(ready, again)} == {"ALREADY_IN_THIS_SEQUENCE"}


def test_who_gets_into_another_sequence_meanwhile_is_refused_after_all(ready: Any) -> None:
    ready.sequence(name="other")
    role, plain, held = (ready.contacts(1) for _ in range(3))
    ready.rows("UPDATE contacts SET email_normalized = 'info@customer.example' WHERE id = :id", id=role[0])
    ready.rows('UPDATE mailboxes SET limits = \'[{"count": 2, "seconds": 86400}]\'')
    batch = begin(role + plain + held)
    [(plan, verdict)] = judged(batch)
    assert list(plan["outcome"]) == ["enrolled", "enrolled", "held"]
    other = ready.one("SELECT id FROM sequence_versions ORDER BY id DESC LIMIT 1")
    ready.enroll(role + held, other, ready.box)

    assert open_enrollments.fn(plan, verdict, batch) == Opened(1, 0, 2, 2)
    assert refusals(ready, batch) == [
        (1, "ALREADY_ENROLLED", True, "refused"),
        (1, "EMAIL_ROLE_ADDRESS", False, "refused"),
        (3, "ALREADY_ENROLLED", True, "refused"),
        (3, "DAILY_LIMIT", False, "refused"),
    ]
    assert ready.one("SELECT counts FROM batches") == {"candidates": 3, "enrolled": 1, "held": 0, "refused": 2}


@pytest.mark.parametrize(("sequence", "code"), [("other", "ALREADY_ENROLLED"), ("hello", "ALREADY_IN_THIS_SEQUENCE")])
def test_two_enrollments_of_the_same_segment_give_one_enrollment_a_contact(
    ready: Any, sequence: str, code: str
) -> None:
    ids = ready.contacts(200)
    ready.sequence(name="other")
    batches = [begin(ids), begin(ids[::-1], sequence=sequence)]
    chunks = [list(judged(batch)) for batch in batches]

    def race(number: int) -> Opened:
        [(plan, verdict)] = chunks[number]
        return open_enrollments.fn(plan, verdict, batches[number])

    with ThreadPoolExecutor(2) as threads:
        with ready.runtime.engine.connect() as obstacle:
            # In the middle of the segment both have to wait, so that both are under way.
            blocking = chunks[0][0][0].assign(ordinal=1).iloc[[100]]
            open_chunk(obstacle, replace(batches[0], id=99), blocking, chunks[0][0][1].refusals.iloc[:0])
            racing = [threads.submit(race, number) for number in range(2)]
            wait_until(lambda: ready.one("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'") == 2)
            obstacle.rollback()
        opened = [one.result(timeout=60) for one in racing]
    assert sum(one.enrolled + one.held for one in opened) == 200
    assert sum(one.lost_race for one in opened) == 200
    assert ready.rows(ONE_A_CONTACT) == []
    for batch, one in zip(batches, opened, strict=True):
        stored = ready.one("SELECT count(*) FROM enrollments WHERE batch_id = :b", b=batch.id)
        assert stored == one.enrolled + one.held
        reasons = {code for _, code, is_reason, outcome in refusals(ready, batch) if is_reason and outcome == "refused"}
        assert reasons == ({code} if one.lost_race else set())


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "never happened"
        time.sleep(0.02)


def test_a_chunk_that_fails_leaves_nothing(ready: Any) -> None:
    batch = begin(ready.contacts(3))
    [(plan, verdict)] = judged(batch)
    broken = plan.assign(time_zone=None)
    with pytest.raises(RowsRefused, match=r"enrollments \(time_zone\)") as refused:
        open_enrollments.fn(broken, verdict, batch)
    assert "@" not in "".join(traceback.format_exception(refused.value))
    assert ready.one("SELECT count(*) FROM enrollments") == 0
    assert ready.one("SELECT counts FROM batches") == {}
    assert open_enrollments.fn(plan, verdict, batch) == Opened(3, 0, 0, 0)


def test_a_contact_that_was_enrolled_cannot_be_deleted(ready: Any) -> None:
    active, over, free = ready.contacts(3)
    enroll(begin([active, over]))
    ready.rows("UPDATE enrollments SET status = 'finished', due_at = NULL WHERE contact_id = :id", id=over)
    for id in (active, over):
        with pytest.raises(IntegrityError, match="cannot be deleted"):
            ready.rows("DELETE FROM contacts WHERE id = :id", id=id)
    ready.rows("DELETE FROM contacts WHERE id = :id", id=free)


KINDS = st.lists(
    st.sampled_from(["good", "bounced", "no address", "role", "enrolled", "repeated", "unknown"]),
    min_size=1,
    max_size=30,
)


@settings(deadline=None, max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(KINDS, min_size=1, max_size=20), st.integers(2, 8))
def test_whoever_goes_in_comes_out_exactly_once(ready: Any, kinds: list[str], size: int) -> None:
    version = ready.one("SELECT max(id) FROM sequence_versions")
    ids: list[int] = []
    for kind in kinds:
        if kind == "repeated" and ids:
            ids.append(ids[-1])
        elif kind == "unknown":
            ids.append(10**9 + len(ids))
        else:
            ids += ready.contacts(1, **({"bounced_at": ready.now} if kind == "bounced" else {}))
        if kind == "no address":
            ready.rows("UPDATE contacts SET email = '', email_normalized = NULL WHERE id = :id", id=ids[-1])
        if kind == "role":
            ready.rows("UPDATE contacts SET email_normalized = 'info@x' || id WHERE id = :id", id=ids[-1])
        if kind == "enrolled":
            ready.enroll(ids[-1:], version, ready.box)
    batch = begin(ids)
    enroll(batch, size)
    ordinals = [row.ordinal for row in ready.rows("SELECT ordinal FROM refusals WHERE batch_id = :b AND outcome = "
                                                  "'refused' AND is_reason ORDER BY 1", b=batch.id)]  # fmt: skip
    assert len(ordinals) == len(set(ordinals))
    enrolled = [row.contact_id for row in ready.rows("SELECT contact_id FROM enrollments WHERE batch_id = :b",
                                                     b=batch.id)]  # fmt: skip
    refused = [ids[ordinal - 1] for ordinal in ordinals]
    assert sorted(enrolled + refused) == sorted(ids)
    assert ready.rows(ONE_A_CONTACT) == []
    with database.transaction(ready.runtime.engine) as connection:
        check_conservation(reports.find_batch(connection, batch.id or 0))


def test_verdicts_are_what_is_stored(ready: Any) -> None:
    batch = begin(ready.contacts(2) + ready.contacts(2, opted_out_at=ready.now))
    [(plan, verdict)] = judged(batch)
    assert isinstance(verdict, Verdict)
    open_enrollments.fn(plan, verdict, batch)
    stored = ready.rows("SELECT ordinal, contact_id, code, is_reason, outcome, detail FROM refusals ORDER BY 1, 3")
    assert [tuple(row) for row in stored] == [tuple(row) for row in verdict.refusals.itertuples(index=False)]
