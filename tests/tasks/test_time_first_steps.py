"""Does each contact get the time zone that fits best, and the right first instant in it?"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pandas as pd
import pytest

from cadenza.domain.enrollment import EnrollmentOptions, Segment
from cadenza.errors import WrongUse
from tasks.begin_batch import outline_batch
from tasks.load_candidates import load_candidates
from tasks.time_first_steps import time_first_steps


@pytest.fixture
def ready(world: Any) -> Any:
    world.mailbox("ana")
    world.sequence()
    return world


def timed(ids: list[int], **options: Any) -> pd.DataFrame:
    batch = outline_batch.fn("hello", "ana", Segment(contact_ids=tuple(ids)), EnrollmentOptions(**options))
    [chunk] = load_candidates.fn(batch)
    return time_first_steps.fn(chunk, batch)


def company(world: Any, **fields: Any) -> int:
    columns = ", ".join(["name", *fields])
    values = ", ".join(["'Acme'", *(f":{name}" for name in fields)])
    return int(world.one(f"INSERT INTO companies ({columns}) VALUES ({values}) RETURNING id", **fields))


LADDER = [
    pytest.param({"time_zone": "asia/tokyo", "phone": "+4930901820"}, "Asia/Tokyo", "contact", id="own zone"),
    pytest.param({"phone": "+49 (0)30 / 90 18 20", "country": "Japan"}, "Europe/Berlin", "phone", id="phone"),
    pytest.param({"phone": "0081 3 1234 5678"}, "Asia/Tokyo", "phone", id="phone with 00"),
    pytest.param({"phone": "(212) 555-1234", "country": "USA"}, "America/New_York", "phone", id="American phone"),
    pytest.param({"phone": "030 901820", "country": "Japan"}, "Asia/Tokyo", "country", id="phone without a country"),
    pytest.param({"phone": "+1 800 555 1234", "country": "Kenya"}, "Africa/Nairobi", "country", id="toll-free phone"),
    pytest.param({"time_zone": "Middle Earth", "country": "Kenya"}, "Africa/Nairobi", "country", id="unknown zone"),
    pytest.param({"country": "USA"}, "Europe/Berlin", "sender", id="a country of several zones"),
    pytest.param({"time_zone": "  "}, "Europe/Berlin", "sender", id="blank"),
    pytest.param({}, "Europe/Berlin", "sender", id="nothing known"),
]


@pytest.mark.parametrize(("fields", "zone", "source"), LADDER)
def test_the_first_rung_of_the_ladder_that_holds_is_taken(
    ready: Any, fields: dict[str, str], zone: str, source: str
) -> None:
    [contact] = timed(ready.contacts(1, **fields)).itertuples()
    assert (contact.time_zone, contact.time_zone_source) == (zone, source)


def test_all_rungs_hold_for_a_whole_list_at_once(ready: Any) -> None:
    ids = [id for case in LADDER for id in ready.contacts(3, **case.values[0])]
    frame = timed(ids)
    assert list(frame["time_zone"]) == [case.values[1] for case in LADDER for _ in range(3)]
    assert list(frame["time_zone_source"]) == [case.values[2] for case in LADDER for _ in range(3)]


def test_companies_sequences_senders_and_the_installation_come_last(ready: Any) -> None:
    zone_of_its_own = company(ready, time_zone="America/Denver", country="Japan")
    [own] = timed(ready.contacts(1, company_id=zone_of_its_own)).itertuples()
    assert (own.time_zone, own.time_zone_source, own.country_code) == ("America/Denver", "company", "JP")

    ready.rows("UPDATE companies SET time_zone = 'nowhere'")
    [by_country] = timed(ready.contacts(1, company_id=zone_of_its_own)).itertuples()
    assert (by_country.time_zone, by_country.time_zone_source) == ("Asia/Tokyo", "company")

    ready.sequence(time_zone="Europe/Lisbon")
    [by_sequence] = timed(ready.contacts(1)).itertuples()
    assert (by_sequence.time_zone, by_sequence.time_zone_source) == ("Europe/Lisbon", "sequence")

    ready.sequence()
    ready.rows("UPDATE users SET time_zone = NULL")
    [by_installation] = timed(ready.contacts(1)).itertuples()
    assert (by_installation.time_zone, by_installation.time_zone_source) == ("UTC", "installation")


def test_an_unknown_zone_falls_back_and_is_reported(ready: Any) -> None:
    known, unknown, none = timed(
        ready.contacts(1, time_zone="Asia/Tokyo") + ready.contacts(1, time_zone="Mars/Base") + ready.contacts(1)
    ).itertuples()
    assert [row.is_zone_unknown for row in (known, unknown, none)] == [False, True, False]
    assert unknown.time_zone == "Europe/Berlin"


def test_a_zone_chosen_for_the_batch_wins(ready: Any) -> None:
    frame = timed(ready.contacts(1, time_zone="Asia/Tokyo") + ready.contacts(1), time_zone="america/new_york")
    assert set(frame["time_zone"]) == {"America/New_York"}
    assert set(frame["time_zone_source"]) == {"chosen"}


def test_a_zone_that_does_not_exist_cannot_be_chosen(ready: Any) -> None:
    with pytest.raises(WrongUse, match=r"no time zone 'Berlin'.*Europe/Berlin"):
        timed(ready.contacts(1), time_zone="Berlin")


def test_the_country_of_the_holidays_is_the_contacts_then_the_phones_then_the_companys(ready: Any) -> None:
    japan = company(ready, country="Japan")
    frame = timed(
        ready.contacts(1, country="Deutschland", phone="+1 212 555 1234", company_id=japan)
        + ready.contacts(1, phone="+1 212 555 1234", company_id=japan)
        + ready.contacts(1, company_id=japan)
        + ready.contacts(1, country="Atlantis")
    )
    assert list(frame["country_code"].fillna("-")) == ["DE", "US", "JP", "-"]


def test_the_first_step_is_due_now_or_at_the_chosen_local_time(ready: Any) -> None:
    ids = ready.contacts(1, time_zone="Asia/Tokyo") + ready.contacts(1, time_zone="America/New_York")
    assert list(timed(ids)["due_at"]) == [ready.now] * 2
    frame = timed(ids, send_at=datetime(2026, 3, 9, 9, 30))  # noqa: DTZ001
    assert list(frame["due_at"]) == [datetime(2026, 3, 9, 0, 30, tzinfo=UTC), datetime(2026, 3, 9, 13, 30, tzinfo=UTC)]
    assert not frame["is_start_in_past"].any()


def test_a_chosen_time_may_be_over_in_one_zone_and_not_in_another(ready: Any) -> None:
    ids = ready.contacts(1, time_zone="Asia/Tokyo") + ready.contacts(1, time_zone="America/New_York")
    frame = timed(ids, send_at=datetime(2026, 3, 2, 9, 30))  # noqa: DTZ001
    assert list(frame["is_start_in_past"]) == [True, False]


def test_nobody_is_timed_without_trouble(ready: Any) -> None:
    [missing] = timed([999_999]).itertuples()
    assert missing.time_zone == "Europe/Berlin"
    assert not missing.is_zone_unknown
