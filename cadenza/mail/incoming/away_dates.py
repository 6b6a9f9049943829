"""On which day is somebody back, as a text says it?

"Back on 17 August", "wieder erreichbar ab 17.08." name the day itself. "Until 14 August" names the last day away, so
the day after it is meant: to be a day late costs less than to write to an empty chair. A range counts by its end.
"""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Final

from cadenza.mail.incoming import away_words
from cadenza.mail.incoming.named_days import WEEKDAY, NamedDay, named_days
from cadenza.mail.incoming.phrases import plain

_LONGEST: Final = 2_500
_BEFORE: Final = 70
_AFTER: Final = 60

_CUE: Final = re.compile(
    rf"\b(?:(?P<until>{away_words.UNTIL})|(?P<start>{away_words.FROM})|(?P<back>{away_words.BACK}))(?!\w)"
)
_BACK: Final = re.compile(rf"\b(?:{away_words.BACK})\b")
_NOT_BACK: Final = re.compile(rf"\b(?:{away_words.NOT_BACK})\b")
#: Before the second of two ends of a range.
_ENDS_RANGE: Final = re.compile(
    r"\d\S*(?: \S+){0,3}? ?(?:-|to|and|a|al|au|do|e|ao|until|till|bis|t/m|tot|ate|hasta)"
    r"(?: (?:the|zum|el|le|o|den|incl|einschl\.?))?"
    rf"(?: (?:{WEEKDAY}),?)? ?(?:den )?$"
)
#: Before a last day, where no longer word says so.
_LAST_DAY: Final = re.compile(rf"\b(?:do|al|au|ao)(?: dnia)?(?: (?:{WEEKDAY}),?)? ?$")
#: Between the first of two ends of a range and the second.
_BEGINS_RANGE: Final = re.compile(
    r"[\s,.]*(?:20\d\d )?(?:\w+ )?"
    r"(?:-|to|through|thru|until|till|bis|au|al|a|ao|ate|hasta|fino|tot|t/m|do|az)\b.{0,25}|[\s.]*-\s*"
)


def back_on(text: str, written_on: date) -> date | None:
    """The first day on which somebody is there again; None: the text does not say."""
    words = _NOT_BACK.sub(" away ", plain(text[:_LONGEST]))
    days = named_days(words, written_on)
    back: list[date] = []
    until: list[date] = []
    for number, day in enumerate(days):
        previous = days[number - 1].end if number else 0
        following = days[number + 1].start if number + 1 < len(days) else None
        says = _says(words, day, previous, following)
        if says == "back":
            back.append(day.on)
        elif says == "until":
            until.append(day.on)
    if back:
        return min((day for day in back if day >= written_on), default=max(back))
    return max(until) + timedelta(days=1) if until else None


def _says(words: str, day: NamedDay, previous: int, following: int | None) -> str | None:
    """Whether a day is the first day "back", the last day away ("until"), or neither."""
    if following is not None and _BEGINS_RANGE.fullmatch(words[day.end : following]):
        return None
    near = words[max(0, day.start - _BEFORE) : day.start]
    before = words[max(previous, day.start - _BEFORE) : day.start]
    if day.ends_range or _ENDS_RANGE.search(near) or _LAST_DAY.search(before):
        return "until"
    cue = None
    for cue in _CUE.finditer(before):  # noqa: B007
        pass
    if cue and (cue["until"] or cue["back"]):
        return "until" if cue["until"] else "back"
    end = day.end + _AFTER if following is None else min(following, day.end + _AFTER)
    if _BACK.search(before) or _BACK.search(words[day.end : end]):
        return "back"
    is_vague = day.is_relative or (cue and cue["start"])
    return "until" if not is_vague and away_words.AWAY.first(near) else None
