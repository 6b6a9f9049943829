"""Which days does a text name, in words or figures?

A day without a year is the one nearest to the day of writing, mostly to come. Weekdays, "tomorrow" and "next week"
count from the day of writing. Where day and month could be exchanged ("03/04"), dots, and words that are not English,
mean the day first; in English the reading that comes sooner counts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from cadenza.mail.incoming import away_words

_MOST: Final = 20
#: How far off a day may be to be meant.
_DAYS_BACK: Final = 45
_DAYS_AHEAD: Final = 550

_MONTHS: Final = {name: number for number, names in away_words.MONTHS.items() for name in names.split()}
_MONTH: Final = "|".join(sorted(_MONTHS, key=len, reverse=True))
_WEEKDAYS: Final = {name: n for n, names in enumerate(away_words.WEEKDAYS) for name in names.split()}
WEEKDAY: Final = "|".join(sorted(_WEEKDAYS, key=len, reverse=True))
_NTH: Final = r"(?:st|nd|rd|th|er|\.|º|ª|o|e)?"
_ENGLISH_NTH: Final = r"(?:st|nd|rd|th)?\b"

_DAY: Final = re.compile(
    # 2026-08-14
    r"(?<![\d.,/+-])(?P<iso_year>20\d\d)[-./](?P<iso_month>\d\d?)[-./](?P<iso_day>\d\d?)(?!\d)"
    # 14th of August 2026, 14. August, 14 de agosto de 2026
    rf"|(?<![\d,/+.])(?P<day>\d\d?){_NTH}[\s-]*(?:of |de |d'|dia )?(?P<month>{_MONTH})\b\.?"
    r"(?:[\s,-]*(?:de |del |of )?(?P<year>20\d\d)\b)?"
    # August 14, 2026, August 3-14
    rf"|\b(?P<first_month>{_MONTH})\.? (?:the )?(?P<then_day>\d\d?){_ENGLISH_NTH}"
    rf"(?: ?(?:-|to|through|until) ?(?P<to_day>\d\d?){_ENGLISH_NTH})?(?!:)(?:,? ?(?P<then_year>20\d\d)\b)?"
    # 14.08.2026, 14.8., 14/08, but neither times nor telephone numbers
    r"|(?<![\d,/+])(?<!\d\.)(?P<one>\d\d?)(?P<between>[./-])(?P<two>\d\d?)"
    r"(?:(?P=between)(?P<last_year>20\d\d|\d\d)\b|\.(?=[-\s,;)]|$)"
    r"|(?![\d.,/:-]|\s?(?:uhr|h\b|%|€|am\b|pm\b)))"
    r"|(?P<cjk_month>\d\d?)月(?P<cjk_day>\d\d?)日"
    rf"|\b(?P<weekday>{WEEKDAY})\b"
    rf"|\b(?<!guten )(?<!goede)(?<!la )(?P<tomorrow>{away_words.TOMORROW})\b"
    rf"|\b(?P<week>{away_words.NEXT_WEEK})\b"
    rf"|\b(?P<today>{away_words.TODAY})\b"
)
#: What may stand between a weekday and the date that it belongs to.
_SAME_DAY: Final = re.compile(r"[\s,.(]*(?:the |den |der |dem |le |el |il |de |dnia |dia )?")
_ENGLISH: Final = re.compile(r"\b(?:the|and|will|you|your|office)\b")


@dataclass(frozen=True, slots=True)
class NamedDay:
    """A day, and where it stands in the words."""

    on: date
    start: int
    end: int
    #: "August 3-14": it ends a range.
    ends_range: bool
    #: Named by its weekday, or from the day of writing.
    is_relative: bool
    is_today: bool


def named_days(words: str, written_on: date) -> list[NamedDay]:
    """The days that plain words name, in their order; those too far off are not meant."""
    hits = list(_DAY.finditer(words))[:_MOST]
    named: list[NamedDay] = []
    for hit, following in zip(hits, [*hits[1:], None], strict=False):
        if _belongs_to(hit, following, words):
            continue
        on = _day(hit, words, written_on)
        if on and -_DAYS_BACK <= (on - written_on).days <= _DAYS_AHEAD:
            is_relative = bool(hit["weekday"] or hit["tomorrow"] or hit["week"])
            named.append(NamedDay(on, *hit.span(), bool(hit["to_day"]), is_relative, bool(hit["today"])))
    return named


def _belongs_to(hit: re.Match[str], following: re.Match[str] | None, words: str) -> bool:
    """Whether a weekday is a part of the date after it: "Monday, 17 August"."""
    if not hit["weekday"] or following is None or following["weekday"]:
        return False
    return bool(_SAME_DAY.fullmatch(words[hit.end() : following.start()]))


def _day(hit: re.Match[str], words: str, written_on: date) -> date | None:
    if hit["weekday"]:
        return written_on + timedelta(days=(_WEEKDAYS[hit["weekday"]] - written_on.weekday() - 1) % 7 + 1)
    if hit["tomorrow"]:
        return written_on + timedelta(days=1)
    if hit["today"]:
        return written_on
    if hit["week"]:
        return written_on + timedelta(days=7 - written_on.weekday())
    if hit["iso_year"]:
        return _made(hit["iso_year"], int(hit["iso_month"]), int(hit["iso_day"]), written_on)
    if hit["month"]:
        return _made(hit["year"], _MONTHS[hit["month"]], int(hit["day"]), written_on)
    if hit["first_month"]:
        day = int(hit["to_day"] or hit["then_day"])
        return _made(hit["then_year"], _MONTHS[hit["first_month"]], day, written_on)
    if hit["cjk_month"]:
        return _made(None, int(hit["cjk_month"]), int(hit["cjk_day"]), written_on)
    return _in_figures(hit, words, written_on)


def _in_figures(hit: re.Match[str], words: str, written_on: date) -> date | None:
    one, two, year = int(hit["one"]), int(hit["two"]), hit["last_year"]
    readings = [_made(year, two, one, written_on)]
    if hit["between"] != "." and _ENGLISH.search(words):
        readings.append(_made(year, one, two, written_on))
    days = [day for day in readings if day]
    return min((day for day in days if day >= written_on), default=max(days, default=None))


def _made(year: str | None, month: int, day: int, written_on: date) -> date | None:
    """A date, its year guessed if there is none; None: there is no such day."""
    try:
        if year:
            return date(int(year) + (2000 if len(year) == 2 else 0), month, day)
        nearest = date(written_on.year, month, day)
        if (written_on - nearest).days > _DAYS_BACK:
            return nearest.replace(year=written_on.year + 1)
        if (nearest - written_on).days > 365 - _DAYS_BACK:
            return nearest.replace(year=written_on.year - 1)
    except ValueError:
        return None
    return nearest
