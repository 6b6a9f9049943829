"""How does a person read a timeline: by day, by time zone, by mailbox?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING

from cadenza.cli.output import console, count, rows, table
from cadenza.domain.zones import zone_of

if TYPE_CHECKING:
    from rich.table import Table

    from cadenza.domain.rehearsal import MailboxLine, Rehearsal, SentMail

    Local = Sequence[tuple[SentMail, date]]

#: Lines shown of the days and of the time zones; the picture has all.
SHOWN_DAYS = 24
SHOWN_ZONES = 20
#: With more mailboxes than this, days are not split by mailbox.
SHOWN_MAILBOXES = 6
#: Characters of the longest bar of a day.
BAR = 28
#: Characters of a line of columns: at most, at least, and what stands beside it. A column is a day, or some days if
#: there is no room for all.
SPARKS = 40
LEAST_SPARKS = 10
BESIDE_SPARKS = 88
_HEIGHTS = " ▁▂▃▄▅▆▇█"


def timeline_tables(rehearsal: Rehearsal) -> Iterator[Table | str]:
    """The mails by day and by time zone, both local to each contact, then by mailbox."""
    if rehearsal.timeline:
        local = [(mail, mail.at.astimezone(zone_of(mail.time_zone)).date()) for mail in rehearsal.timeline]
        yield from _days(rehearsal, local)
        yield from _zones(rehearsal, local)
    yield _mailboxes(rehearsal)


def _days(rehearsal: Rehearsal, local: Local) -> Iterator[Table | str]:
    """The mails of each day on which there are any, mailbox by mailbox."""
    by_day: dict[date, Counter[int]] = {}
    for mail, day in sorted(local, key=lambda pair: pair[1]):
        by_day.setdefault(day, Counter())[mail.mailbox_id] += 1
    most = max(counts.total() for counts in by_day.values())
    boxes = rehearsal.mailboxes if len(rehearsal.mailboxes) <= SHOWN_MAILBOXES else ()
    names = [_name(box, rehearsal.mailboxes) for box in boxes]
    drawn = table("day", "mails", *names, "", title="Mails by the contact's day", right=["mails", *names])
    yield rows(
        drawn,
        (
            (
                f"{day:%a %Y-%m-%d}",
                f"{counts.total():,}",
                *(f"{counts[box.mailbox_id] or ''}" for box in boxes),
                "█" * max(1, round(BAR * counts.total() / most)),
            )
            for day, counts in list(by_day.items())[:SHOWN_DAYS]
        ),
    )
    if rest := list(by_day.values())[SHOWN_DAYS:]:
        yield f"  … and {sum(counts.total() for counts in rest):,} mails on {count(len(rest), 'more day')}."


def _zones(rehearsal: Rehearsal, local: Local) -> Iterator[Table | str]:
    first, last = min(day for _, day in local), max(day for _, day in local)
    room = min(SPARKS, max(LEAST_SPARKS, console().width - BESIDE_SPARKS))
    width = -(-((last - first).days + 1) // room)
    by_zone: dict[str, Counter[int]] = {}
    for mail, day in local:
        by_zone.setdefault(mail.time_zone, Counter())[(day - first).days // width] += 1
    places = range((last - first).days // width + 1)
    title = "Mails by time zone" if width == 1 else f"Mails by time zone; a column is {width} days"
    drawn = table(
        "time zone", "contacts", "mails", "first, local", "last, local", "by day",
        title=title, right=("contacts", "mails"),
    )  # fmt: skip
    yield rows(
        drawn,
        (
            (
                zone.time_zone,
                f"{zone.contacts:,}",
                f"{zone.mails:,}",
                _local(zone.first_at, zone.time_zone),
                _local(zone.last_at, zone.time_zone),
                _sparks([by_zone.get(zone.time_zone, Counter())[place] for place in places]),
            )
            for zone in rehearsal.zones[:SHOWN_ZONES]
        ),
    )
    if rest := rehearsal.zones[SHOWN_ZONES:]:
        yield f"  … and {sum(zone.mails for zone in rest):,} mails in {count(len(rest), 'more time zone')}."


def _local(at: datetime | None, zone: str) -> str:
    return f"{at.astimezone(zone_of(zone)):%d %b %H:%M}" if at else ""


def _sparks(numbers: Sequence[int]) -> str:
    """A line of small columns; anything is more than nothing."""
    most = max(1, *numbers)
    return "".join(_HEIGHTS[-(-number * (len(_HEIGHTS) - 1) // most)] for number in numbers)


def _mailboxes(rehearsal: Rehearsal) -> Table:
    """How close each mailbox came to each of its limits."""
    spans = sorted({limit.seconds for box in rehearsal.mailboxes for limit, _ in box.busiest})
    names = [f"busiest {_span(span)}" for span in spans]
    drawn = table("sender", "mails", *names, title="Mails by mailbox", right=["mails", *names])
    return rows(
        drawn,
        (
            (
                _name(box, rehearsal.mailboxes),
                f"{box.mails:,}",
                *(
                    next((f"{most:,} of {limit.count:,}" for limit, most in box.busiest if limit.seconds == span), "")
                    for span in spans
                ),
            )
            for box in rehearsal.mailboxes
        ),
    )


def _span(seconds: int) -> str:
    return f"{seconds // 3_600} h" if seconds % 3_600 == 0 else f"{seconds} s"


def _name(box: MailboxLine, boxes: Sequence[MailboxLine]) -> str:
    """A mailbox by its user; those of one user are told apart."""
    has_others = sum(other.user == box.user for other in boxes) > 1
    return f"{box.user} ({box.mailbox_id})" if has_others else box.user
