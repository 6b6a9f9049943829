"""When is a step due? The only place that knows local time."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from cadenza.domain.sequence import Delay, DelayUnit, EligibleDays, FollowUpPolicy
from cadenza.domain.zones import zone_of

_DAY = timedelta(days=1)
_SATURDAY = 5


def first_due(now: datetime, zone: str, send_at: datetime | None) -> datetime:
    """The first step: as soon as possible, also at a weekend; or at a chosen local date and time, naive."""
    return now if send_at is None else to_instant(send_at, zone_of(zone))


def next_due(ran_at: datetime, delay: Delay, zone: str, policy: FollowUpPolicy, country: str | None) -> datetime:
    """When a follow-up is due whose step before really ran at ``ran_at``.

    Days count by the local calendar, at the same time of day, also across a clock change. A day that is not eligible
    moves to the next that is, at the same time of day; a time outside the window to the window's next start
    (HubSpot's documented behaviour). Never before ``ran_at``.
    """
    place = zone_of(zone)
    if delay.unit in (DelayUnit.MINUTES, DelayUnit.HOURS):
        instant = ran_at + _span(delay)
        wanted = _local(instant, place)
        if _admitted(wanted, policy, country) == wanted:
            return instant
    else:
        wanted = _days_after(_local(ran_at, place), delay, country)
    while True:
        wanted = _admitted(wanted, policy, country)
        instant = max(ran_at, to_instant(wanted, place))
        # What the clock really shows is asked again: a gap may push a step out of its window, or into the next day.
        shown = _local(instant, place)
        if shown == wanted or _admitted(shown, policy, country) == shown:
            return instant
        wanted = shown


def to_instant(local: datetime, place: ZoneInfo) -> datetime:
    """The instant of a local time: the first of two, or the first after a gap."""
    instant = local.replace(tzinfo=place, fold=0).astimezone(UTC)
    return instant if _local(instant, place) == local else _end_of_gap(local, place)


def _end_of_gap(local: datetime, place: ZoneInfo) -> datetime:
    """The first instant after the clocks jump over a local time."""
    # Inside a gap the two readings of a local time lie on either side of the jump.
    late = local.replace(tzinfo=place, fold=0).astimezone(UTC)
    early = local.replace(tzinfo=place, fold=1).astimezone(UTC)
    before = early.astimezone(place).utcoffset()
    while late - early > timedelta(seconds=1):
        middle = early + (late - early) / 2
        if middle.astimezone(place).utcoffset() == before:
            early = middle
        else:
            late = middle
    return late.replace(microsecond=0)


def _days_after(local: datetime, delay: Delay, country: str | None) -> datetime:
    """The same time of day some days, or business days, later."""
    if delay.unit is DelayUnit.DAYS:
        return local + timedelta(days=delay.amount)
    for _ in range(delay.amount):
        local += _DAY
        while not _is_eligible(local, EligibleDays.BUSINESS_DAYS, country):
            local += _DAY
    return local


def _admitted(local: datetime, policy: FollowUpPolicy, country: str | None) -> datetime:
    """The first local time from ``local`` on that the policy allows."""
    window = policy.window
    while True:
        while not _is_eligible(local, policy.eligible_days, country):
            local += _DAY
        if window is None:
            return local
        minute = local.hour * 60 + local.minute
        if window.start_minute <= minute < window.end_minute:
            return local
        day = local if minute < window.start_minute else local + _DAY
        local = day.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(minutes=window.start_minute)


def _span(delay: Delay) -> timedelta:
    return timedelta(minutes=delay.amount * (60 if delay.unit is DelayUnit.HOURS else 1))


def _local(instant: datetime, place: ZoneInfo) -> datetime:
    """What the clocks of a place show, naive."""
    return instant.astimezone(place).replace(tzinfo=None, fold=0)


def _is_eligible(day: datetime, eligible: EligibleDays, country: str | None) -> bool:
    if eligible is EligibleDays.EVERYDAY:
        return True
    if day.weekday() >= _SATURDAY:
        return False
    return eligible is EligibleDays.WEEKDAYS_ONLY or not is_public_holiday(day.date(), country)


@lru_cache(maxsize=50_000)
def is_public_holiday(day: date, country: str | None) -> bool:
    """Whether a day is a public holiday of a country (ISO 3166-1 alpha-2); unknown countries have none."""
    if not country:
        return False
    calendar = _calendar(country, day.year)
    return calendar is not None and day in calendar


def public_holidays(first: date, last: date) -> list[tuple[str, date]]:
    """The public holidays of every country from one day to another, both included."""
    import holidays

    return [
        (country, day)
        for country in holidays.list_supported_countries(include_aliases=False)
        for year in range(first.year, last.year + 1)
        for day in _calendar(country, year) or ()
        if first <= day <= last
    ]


@lru_cache(maxsize=1_000)
def _calendar(country: str, year: int) -> dict[date, str] | None:
    import holidays

    try:
        return dict(holidays.country_holidays(country, years=year))
    except NotImplementedError:
        return None
