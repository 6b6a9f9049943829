"""Is this a value that an option of an enrollment may have? Each reader raises ValueError with what may stand there."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from cadenza.domain.attachments import MOST_ATTACHMENTS, Attachment, media_type_of, trouble_with
from cadenza.domain.sequence import Delay, DelayUnit, EligibleDays, SendWindow
from cadenza.domain.zones import zone_named

#: Characters of a template, of a line of text, and of a token's value.
LONGEST_TEMPLATE: Final = 200_000
LONGEST_LINE: Final = 500
LONGEST_VALUE: Final = 2_000

_DELAY: Final = re.compile(r"(\d{1,5})\s*(business[ _]days?|days?|hours?|minutes?|bd|d|h|m)")
_UNITS: Final = {
    "m": DelayUnit.MINUTES, "h": DelayUnit.HOURS, "d": DelayUnit.DAYS, "b": DelayUnit.BUSINESS_DAYS,
}  # fmt: skip
_AT_ONCE: Final = ("now", "at once", "0")
_CLOCK: Final = re.compile(r"(\d{1,2}):(\d{2})\s*(?:-|–|to)\s*(\d{1,2}):(\d{2})")
_ALL_DAY: Final = 24 * 60
_ADDRESS: Final = re.compile(r"[^\s@<>\"(),:;\\\x00-\x1f\x7f]{1,64}@[^\s@<>\"(),:;\\\x00-\x1f\x7f]+\.[^\s@<>.]+")
_PATH: Final = re.compile(r"(contact|company)\.[^\W_][^.{}<>%\x00-\x1f]{0,99}")
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_MARKUP: Final = re.compile(r"<[a-zA-Z/!?]|\{\{|\{%|\{#")


def number_of(value: Any) -> int:
    """A whole number from 1; in a table numbers are words."""
    words = str(value).strip()
    if isinstance(value, bool) or not (words.isascii() and words.isdecimal() and 1 <= len(words) <= 18 and int(words)):
        raise ValueError(f"{words[:40]!r} is no number from 1.")
    return int(words)


def zone_of_name(value: Any) -> str:
    """A time zone by its name."""
    zone = zone_named(str(value))
    if zone is None:
        raise ValueError(
            f"There is no time zone {str(value)[:60]!r}: give a name such as Europe/Berlin or America/New_York."
        )
    return zone


def instant_of(value: Any) -> datetime:
    """A local date and time: what it says of a time zone is dropped, the contact's own counts."""
    if isinstance(value, datetime):
        return value.replace(tzinfo=None)
    try:
        return datetime.fromisoformat(str(value).strip()).replace(tzinfo=None)
    except ValueError:
        raise ValueError(f"{str(value)[:40]!r} is no date and time: write 2026-03-09 09:30.") from None


def delay_of(value: Any) -> Delay:
    """The time between two steps: "3 days", "2 business days", "4h", "now", or an amount and a unit."""
    if isinstance(value, list | tuple) and len(value) == 2:
        value = f"{value[0]} {value[1]}"
    words = str(value).strip().lower()
    if words in _AT_ONCE:
        return Delay(0, DelayUnit.MINUTES)
    found = _DELAY.fullmatch(words)
    if found is None:
        raise ValueError(f"{words[:40]!r} is no time to wait: write 3 days, 2 business days, 4 hours or now.")
    return Delay(int(found[1]), _UNITS[found[2][0]])


def days_of(value: Any) -> EligibleDays:
    """On which days follow-ups may run."""
    try:
        return EligibleDays(str(value).strip().lower())
    except ValueError:
        raise ValueError(f"{str(value)[:40]!r} is not known: choose one of {', '.join(EligibleDays)}.") from None


def window_of(value: Any) -> SendWindow:
    """Between which local times follow-ups may run: "09:00-17:00", or two minutes of the day."""
    if isinstance(value, list | tuple) and len(value) == 2 and all(isinstance(minute, int) for minute in value):
        start, end = value
    elif found := _CLOCK.fullmatch(str(value).strip()):
        hours, minutes, last_hours, last_minutes = map(int, found.groups())
        start = hours * 60 + minutes if minutes < 60 else -1
        end = last_hours * 60 + last_minutes if last_minutes < 60 else -1
    else:
        start = end = -1
    if not 0 <= start < end <= _ALL_DAY:
        raise ValueError(f"{str(value)[:40]!r} is no send window: write 09:00-17:00, the start before the end.")
    return SendWindow(start, end)


def yes_or_no_of(value: Any) -> bool:
    """A decision."""
    words = str(value).strip().lower()
    if words not in ("true", "false", "yes", "no", "1", "0"):
        raise ValueError(f"{words[:40]!r} is no decision: write yes or no.")
    return words in ("true", "yes", "1")


def attachments_of(value: Any) -> tuple[Attachment, ...]:
    """Files by name, size and hash; none: those of the sequence stay behind."""
    if not isinstance(value, list) or len(value) > MOST_ATTACHMENTS:
        raise ValueError(f"write a list of at most {MOST_ATTACHMENTS} files, each with name, size and sha256.")
    return tuple(map(_attachment_of, value))


def _attachment_of(value: Any) -> Attachment:
    given = value if isinstance(value, Mapping) else {}
    name, size, sha256 = (given.get(part) for part in ("name", "size", "sha256"))
    if not isinstance(name, str) or not isinstance(sha256, str) or not _SHA256.fullmatch(sha256):
        raise ValueError("a file has a name, and in sha256 the 64 hexadecimal digits of its content.")
    if isinstance(size, bool) or not isinstance(size, int) or size < 1:
        raise ValueError("the size of a file is the number of its bytes.")
    if trouble := trouble_with(name):
        raise ValueError(f"{name[:60]!r}: {trouble}")
    return Attachment(name, media_type_of(name), size, sha256)


def address_of(value: Any) -> str:
    """One email address, in small letters."""
    words = str(value).strip().lower()
    if not _ADDRESS.fullmatch(words) or len(words) > 254:
        raise ValueError("this is no email address: write one of the mailbox's own, such as ana.north@example.com.")
    return words


def line_of(value: Any) -> str:
    """A template of one line: a subject, a title."""
    words = template_of(value).strip()
    if _CONTROL.search(words):
        raise ValueError("a line has no line breaks and other control characters.")
    if not words:
        raise ValueError("it is empty: leave it out, or write something.")
    if len(words) > LONGEST_LINE:
        raise ValueError(f"it has {len(words):,} characters: {LONGEST_LINE} are the most of one line.")
    return words


def template_of(value: Any) -> str:
    """A template, not yet read."""
    if not isinstance(value, str):
        raise ValueError("write text.")
    if len(value) > LONGEST_TEMPLATE:
        raise ValueError(f"it has {len(value):,} characters: {LONGEST_TEMPLATE:,} are the most.")
    if "\0" in value:
        raise ValueError("text has no NUL characters.")
    return value


def token_value_of(path: str, value: Any) -> str:
    """What a token stands for: words of one line, without markup."""
    if not _PATH.fullmatch(path):
        raise ValueError("only tokens of the contact and the company have values, such as contact.first_name.")
    words = str(value).strip() if isinstance(value, str | int | float) else ""
    if not words:
        raise ValueError("a value is not empty.")
    if len(words) > LONGEST_VALUE:
        raise ValueError(f"the value has {len(words):,} characters: {LONGEST_VALUE:,} are the most.")
    if _CONTROL.search(words):
        raise ValueError("a value has no line breaks and other control characters.")
    if _MARKUP.search(words):
        raise ValueError("a value has no markup and no tokens: write plain words.")
    return words
