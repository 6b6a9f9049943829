"""A few contacts are enrolled at once, without a run, as a run would."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterName
from prefect.settings import PREFECT_API_URL, temporary_settings

from cadenza.domain.enrollment import EnrollmentOptions, Outcome
from cadenza.errors import NotFound, WrongUse
from cadenza.runtime import use
from flows.enroll_now import enroll_now, prepare
from tasks.schedule_waves import schedule_waves


@pytest.fixture
def ready(world):
    world.mailbox("ana", limits=[(3, 86_400)])
    world.sequence()
    return world


def test_each_contact_gets_an_answer_in_the_order_of_asking(ready):
    [bounced] = ready.contacts(1, bounced_at=ready.now)
    [lost] = ready.contacts(1, time_zone="Mars/Olympus")
    good = ready.contacts(3, time_zone="Asia/Tokyo")
    asked = [bounced, good[0], 999_999, lost, good[0], good[1], good[2]]
    told = enroll_now("hello", "ana", asked, enrolled_by="ana")
    assert [line.contact_id for line in told] == asked
    assert [(line.outcome.value, line.code) for line in told] == [
        ("refused", "HARD_BOUNCED"), ("enrolled", None), ("refused", "CONTACT_NOT_FOUND"),
        ("enrolled", "TIMEZONE_INVALID"), ("refused", "DUPLICATE_IN_BATCH"), ("enrolled", None),
        ("held", "DAILY_LIMIT"),
    ]  # fmt: skip
    ids = [row.id for row in ready.rows("SELECT id FROM enrollments ORDER BY contact_id")]
    assert sorted(line.enrollment_id for line in told if line.enrollment_id) == sorted(ids)
    assert [line.enrollment_id is None for line in told] == [line.outcome is Outcome.REFUSED for line in told]
    assert told[0].remedy
    assert told[1].time_zone == "Asia/Tokyo"
    assert told[6].expected_at > told[5].expected_at == ready.now
    [batch] = ready.rows("SELECT counts, finished_at, options FROM batches")
    assert batch.counts == {"candidates": 7, "enrolled": 3, "held": 1, "refused": 3}
    assert batch.finished_at
    assert batch.options["enrolled_by"] == "ana"


def test_asked_again_it_says_that_nothing_is_to_be_done(ready):
    [id] = ready.contacts(1)
    [first] = enroll_now("hello", "ana", [id])
    [again] = enroll_now("hello", "ana", [id])
    assert (again.outcome, again.code) == (Outcome.REFUSED, "ALREADY_IN_THIS_SEQUENCE")
    assert again.detail == f"enrollment {first.enrollment_id}"


def test_of_many_that_ask_at_once_for_the_same_contact_one_enrolls_it(ready):
    [id] = ready.contacts(1)

    def ask(_):
        with use(ready.runtime):
            return enroll_now("hello", "ana", [id])[0]

    with ThreadPoolExecutor(8) as pool:
        told = list(pool.map(ask, range(24)))
    assert sorted(line.code or "" for line in told) == ["", *["ALREADY_IN_THIS_SEQUENCE"] * 23]
    assert ready.one("SELECT count(*) FROM enrollments") == 1


@pytest.mark.parametrize(
    ("sequence", "ids", "options", "error"),
    [
        ("helo", [1], {}, NotFound),
        ("hello", [], {}, WrongUse),
        ("hello", [1], {"time_zone": "Mars/Olympus"}, WrongUse),
    ],
)
def test_a_wrong_call_leaves_nothing(ready, sequence, ids, options, error):
    with pytest.raises(error):
        enroll_now(sequence, "ana", ids, EnrollmentOptions(**options))
    assert ready.one("SELECT count(*) FROM batches") == 0


def test_one_contact_is_enrolled_while_a_person_waits(ready):
    prepare()
    ids = ready.contacts(12)
    took = []
    for id in ids:
        began = time.perf_counter()
        enroll_now("hello", "ana", [id])
        took.append(time.perf_counter() - began)
    assert sorted(took)[len(took) // 2] < 0.5  # some 0.05 on a quiet machine
    assert took[0] < 3


def test_its_wave_is_planned_in_the_background(ready, deployments):
    for id in ready.contacts(3, time_zone="Pacific/Chatham"):
        enroll_now("hello", "ana", [id])
    until = time.monotonic() + 20
    while not (runs := waves_of("Pacific/Chatham")) and time.monotonic() < until:
        time.sleep(0.1)
    assert len(runs) == 1
    assert schedule_waves.fn() == []


def test_without_a_prefect_server_waves_are_left_to_catch_up(ready):
    [id] = ready.contacts(1)
    others = planning()  # of enrollments before this one
    with temporary_settings(restore_defaults={PREFECT_API_URL}):
        enroll_now("hello", "ana", [id])
        assert planning() <= others


def planning() -> set[threading.Thread]:
    """The threads that plan waves."""
    return {thread for thread in threading.enumerate() if thread.name == "waves"}


def waves_of(zone):
    with get_client(sync_client=True) as client:
        named = FlowRunFilter(name=FlowRunFilterName(any_=[zone]))
        return client.read_flow_runs(flow_run_filter=named)
