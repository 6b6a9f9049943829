"""Do steps run when people expect them, whatever the clocks do?"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cadenza.domain.cadence import first_due, is_public_holiday, next_due
from cadenza.domain.sequence import Delay, DelayUnit, EligibleDays, FollowUpPolicy, SendWindow

EVERYDAY = FollowUpPolicy(EligibleDays.EVERYDAY)
WEEKDAYS = FollowUpPolicy(EligibleDays.WEEKDAYS_ONLY)
BUSINESS = FollowUpPolicy(EligibleDays.BUSINESS_DAYS)
OFFICE = FollowUpPolicy(EligibleDays.WEEKDAYS_ONLY, SendWindow(9 * 60, 17 * 60))

ZONES = ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "America/Nuuk", "Africa/Cairo",
         "Africa/Casablanca", "America/Santiago", "Pacific/Apia", "Antarctica/Troll", "UTC"]  # fmt: skip


def local(words: str, zone: str = "Europe/Berlin", fold: int = 0) -> datetime:
    """The instant of a local time."""
    return datetime.fromisoformat(words).replace(tzinfo=ZoneInfo(zone), fold=fold).astimezone(UTC)


def days(amount: int) -> Delay:
    return Delay(amount, DelayUnit.DAYS)


def hours(amount: int) -> Delay:
    return Delay(amount, DelayUnit.HOURS)


def business_days(amount: int) -> Delay:
    return Delay(amount, DelayUnit.BUSINESS_DAYS)


def shown(at: datetime, zone: str = "Europe/Berlin") -> str:
    return f"{at.astimezone(ZoneInfo(zone)):%a %Y-%m-%d %H:%M}"


def test_hubspots_worked_example() -> None:
    a = local("2026-03-02 17:00")
    b = next_due(a, days(3), "Europe/Berlin", WEEKDAYS, "DE")
    c = next_due(b, days(3), "Europe/Berlin", WEEKDAYS, "DE")
    assert [shown(at) for at in (a, b, c)] == [
        "Mon 2026-03-02 17:00", "Thu 2026-03-05 17:00", "Mon 2026-03-09 17:00",
    ]  # fmt: skip


def test_the_first_step_goes_at_once_also_on_a_sunday() -> None:
    sunday = local("2026-03-08 23:30")
    assert first_due(sunday, "Europe/Berlin", None) == sunday


@pytest.mark.parametrize(
    ("send_at", "zone", "instant"),
    [
        pytest.param("2026-03-07 09:00", "Europe/Berlin", "2026-03-07 08:00", id="a Saturday is fine"),
        pytest.param("2026-03-02 09:00", "Asia/Kolkata", "2026-03-02 03:30", id="a half-hour zone"),
        pytest.param("2026-03-02 09:00", "Asia/Kathmandu", "2026-03-02 03:15", id="a quarter-hour zone"),
        pytest.param("2026-03-29 02:30", "Europe/Berlin", "2026-03-29 01:00", id="in the gap: its end"),
        pytest.param("2026-10-25 02:30", "Europe/Berlin", "2026-10-25 00:30", id="twice: the first"),
        pytest.param("2026-10-04 02:15", "Australia/Lord_Howe", "2026-10-03 15:30", id="a gap of half an hour"),
        pytest.param("2026-04-05 01:45", "Australia/Lord_Howe", "2026-04-04 14:45", id="half an hour twice"),
        pytest.param("2011-12-30 12:00", "Pacific/Apia", "2011-12-30 10:00", id="a day that never was"),
        pytest.param("2016-07-01 12:00", "America/Caracas", "2016-07-01 16:00", id="after a zone changed its rules"),
        pytest.param("2016-04-01 12:00", "America/Caracas", "2016-04-01 16:30", id="before it changed them"),
    ],
)
def test_a_chosen_local_time_is_one_instant(send_at: str, zone: str, instant: str) -> None:
    chosen = datetime.fromisoformat(send_at)
    assert first_due(local("2026-03-01 00:00"), zone, chosen) == datetime.fromisoformat(instant).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("ran", "delay", "policy", "country", "due"),
    [
        pytest.param("2026-03-02 17:00", days(1), WEEKDAYS, "DE", "Tue 2026-03-03 17:00", id="a day later"),
        pytest.param("2026-03-05 17:00", days(2), WEEKDAYS, "DE", "Mon 2026-03-09 17:00", id="Saturday to Monday"),
        pytest.param("2026-03-05 17:00", days(2), EVERYDAY, "DE", "Sat 2026-03-07 17:00", id="every day"),
        pytest.param(
            "2026-03-27 17:00", days(3), WEEKDAYS, "DE", "Mon 2026-03-30 17:00", id="over the change in March"
        ),
        pytest.param("2026-10-23 17:00", days(3), WEEKDAYS, "DE", "Mon 2026-10-26 17:00", id="over the one in October"),
        pytest.param("2026-03-28 02:30", days(1), EVERYDAY, "DE", "Sun 2026-03-29 03:00", id="into the gap"),
        pytest.param("2026-10-24 02:30", days(1), EVERYDAY, "DE", "Sun 2026-10-25 02:30", id="into the fold"),
        pytest.param("2026-03-02 17:00", days(0), WEEKDAYS, "DE", "Mon 2026-03-02 17:00", id="at once"),
        pytest.param("2026-03-07 17:00", days(0), WEEKDAYS, "DE", "Mon 2026-03-09 17:00", id="at once, on Monday"),
        pytest.param("2026-03-02 10:00", days(1), OFFICE, "DE", "Tue 2026-03-03 10:00", id="inside the window"),
        pytest.param("2026-03-02 07:59", days(1), OFFICE, "DE", "Tue 2026-03-03 09:00", id="before the window"),
        pytest.param("2026-03-02 17:00", days(1), OFFICE, "DE", "Wed 2026-03-04 09:00", id="its end is outside"),
        pytest.param("2026-03-02 16:59", days(1), OFFICE, "DE", "Tue 2026-03-03 16:59", id="its last minute is not"),
        pytest.param("2026-03-05 18:00", days(1), OFFICE, "DE", "Mon 2026-03-09 09:00", id="too late on a Friday"),
        pytest.param("2026-03-02 16:00", hours(4), OFFICE, "DE", "Tue 2026-03-03 09:00", id="hours past the window"),
        pytest.param("2026-03-06 22:00", hours(4), WEEKDAYS, "DE", "Mon 2026-03-09 02:00", id="hours into Saturday"),
        pytest.param("2026-03-29 01:30", hours(1), EVERYDAY, "DE", "Sun 2026-03-29 03:30", id="an hour over the gap"),
        pytest.param("2026-04-02 10:00", days(1), BUSINESS, "DE", "Tue 2026-04-07 10:00", id="Easter in Germany"),
        pytest.param("2026-04-02 10:00", days(1), BUSINESS, "US", "Fri 2026-04-03 10:00", id="Easter in the States"),
        pytest.param("2026-04-02 10:00", days(1), BUSINESS, None, "Fri 2026-04-03 10:00", id="no country, no holidays"),
        pytest.param("2026-04-02 10:00", days(1), BUSINESS, "XX", "Fri 2026-04-03 10:00", id="a country without any"),
        pytest.param("2026-12-31 10:00", days(1), BUSINESS, "DE", "Mon 2027-01-04 10:00", id="New Year"),
        pytest.param("2026-04-02 10:00", business_days(2), WEEKDAYS, "DE", "Wed 2026-04-08 10:00", id="business days"),
        pytest.param(
            "2026-03-07 10:00", business_days(1), WEEKDAYS, "DE", "Mon 2026-03-09 10:00", id="from a Saturday"
        ),
        pytest.param("2026-03-04 10:00", business_days(5), EVERYDAY, "DE", "Wed 2026-03-11 10:00", id="a working week"),
    ],
)
def test_a_follow_up_runs_at_the_right_local_time(
    ran: str, delay: Delay, policy: FollowUpPolicy, country: str | None, due: str
) -> None:
    assert shown(next_due(local(ran), delay, "Europe/Berlin", policy, country)) == due


def test_an_hour_is_an_hour_also_while_the_clocks_go_back() -> None:
    before = local("2026-10-25 02:30")
    assert next_due(before, hours(1), "Europe/Berlin", EVERYDAY, None) == before + timedelta(hours=1)
    assert next_due(before + timedelta(hours=1), days(0), "Europe/Berlin", EVERYDAY, None) == before + timedelta(
        hours=1
    )


def test_a_gap_that_ends_outside_the_window_puts_the_step_off() -> None:
    night = FollowUpPolicy(EligibleDays.EVERYDAY, SendWindow(2 * 60, 3 * 60))
    ran = local("2026-03-28 02:30")
    assert shown(next_due(ran, days(1), "Europe/Berlin", night, None)) == "Mon 2026-03-30 02:00"


def test_a_gap_that_ends_on_the_next_day_is_asked_for_that_day() -> None:
    # In Nuuk the clocks go from Saturday 23:00 to Sunday 00:00.
    ran = local("2026-03-27 23:30", "America/Nuuk")
    assert shown(next_due(ran, days(1), "America/Nuuk", EVERYDAY, None), "America/Nuuk") == "Sun 2026-03-29 00:00"
    assert shown(next_due(ran, days(1), "America/Nuuk", WEEKDAYS, None), "America/Nuuk") == "Mon 2026-03-30 23:30"


def test_seconds_survive() -> None:
    ran = local("2026-03-02 17:00:59.250000")
    assert next_due(ran, days(1), "Europe/Berlin", WEEKDAYS, None) == ran + timedelta(days=1)


policies = st.builds(
    FollowUpPolicy,
    st.sampled_from(EligibleDays),
    st.none() | st.tuples(st.integers(0, 1439), st.integers(1, 600)).map(lambda w: SendWindow(w[0], min(1440, sum(w)))),
)
delays = st.builds(Delay, st.integers(0, 400), st.sampled_from(DelayUnit))
instants = st.datetimes(datetime(2024, 1, 1), datetime(2029, 1, 1)).map(lambda at: at.replace(tzinfo=UTC))  # noqa: DTZ001


@given(instants, delays, st.sampled_from(ZONES), policies, st.sampled_from(["DE", "US", "JP", None]))
def test_a_follow_up_is_never_early_and_always_allowed(
    ran: datetime, delay: Delay, zone: str, policy: FollowUpPolicy, country: str | None
) -> None:
    due = next_due(ran, delay, zone, policy, country)
    here = due.astimezone(ZoneInfo(zone))
    assert due >= ran
    assert due.tzinfo is UTC
    if policy.eligible_days is not EligibleDays.EVERYDAY:
        assert here.weekday() < 5
    if policy.eligible_days is EligibleDays.BUSINESS_DAYS:
        assert not is_public_holiday(here.date(), country)
    if policy.window:
        assert policy.window.start_minute <= here.hour * 60 + here.minute < policy.window.end_minute
    assert (due - ran) <= timedelta(days=delay.amount * 2.5 + 20)


@given(instants, st.integers(0, 400), st.sampled_from(ZONES))
def test_days_keep_the_time_of_day(ran: datetime, amount: int, zone: str) -> None:
    due = next_due(ran, days(amount), zone, EVERYDAY, None)
    here, then = ran.astimezone(ZoneInfo(zone)), due.astimezone(ZoneInfo(zone))
    wanted = here.replace(tzinfo=None) + timedelta(days=amount)
    if then.replace(tzinfo=None) != wanted:  # only where the clocks never showed it
        read_back = wanted.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC).astimezone(ZoneInfo(zone))
        assert read_back.replace(tzinfo=None) != wanted
        assert timedelta(0) < then.replace(tzinfo=None) - wanted <= timedelta(days=1)


def test_it_takes_no_time_worth_mentioning() -> None:
    ran = local("2026-03-02 16:00")
    next_due(ran, days(3), "Europe/Berlin", OFFICE, "DE")
    best = min(_seconds_of(lambda: next_due(ran, days(3), "Europe/Berlin", OFFICE, "DE")) for _ in range(5))
    assert best < 20e-6


def _seconds_of(work: object, times: int = 2_000) -> float:
    assert callable(work)
    start = time.perf_counter()
    for _ in range(times):
        work()
    return (time.perf_counter() - start) / times
