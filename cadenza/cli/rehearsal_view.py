"""How does a person read a rehearsal?"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from cadenza.cli.output import console, count, instant, rows, show, table
from cadenza.cli.report_view import show_report, uri
from cadenza.domain.zones import zone_of

if TYPE_CHECKING:
    from rich.table import Table

    from cadenza.domain.rehearsal import MailboxLine, Progress, Rehearsal, SentMail

#: Lines shown of the days and of the time zones; the picture has all.
SHOWN_DAYS = 24
SHOWN_ZONES = 20
#: With more mailboxes than this, days are not split by mailbox.
SHOWN_MAILBOXES = 6
#: Characters of the longest bar of a day.
BAR = 28
#: Characters of a line of columns, one a day, where there is room beside the rest of the table; if there are more
#: days, a column is some days.
SPARKS = 40
LEAST_SPARKS = 10
BESIDE_SPARKS = 88
_HEIGHTS = " ▁▂▃▄▅▆▇█"


def run_rehearsal(
    sequence: str,
    sender: str,
    whom: tuple[str, str, Sequence[int]],
    starts_at: datetime | None,
    options: Mapping[str, Any],
    people: Mapping[str, Any],
) -> None:
    """Play it in this process, show how far it is, and print what came of it."""
    began = time.monotonic()
    with console().status("Rehearsal [dim]making copies[/]") as status:
        from flows.enroll_segment import EnrollmentForm
        from flows.rehearse import AssumptionsForm, play
        from tasks.begin_batch import segment_of
        from tasks.publish_rehearsal import publish_rehearsal

        def told(progress: Progress) -> None:
            answers = f"{count(progress.replies, 'reply', 'replies')}, {count(progress.bounces, 'bounce')}"
            status.update(
                f"Rehearsal [bold]{progress.at:%a %Y-%m-%d %H:%M}[/] UTC  {progress.percent:.0f} %  "
                f"[dim]{count(progress.mails, 'mail')}, {count(progress.todos, 'to-do')} done, {answers}[/]"
            )

        played = play(
            sequence, sender, segment_of(*whom), starts_at, EnrollmentForm(**options), AssumptionsForm(**people), told
        )
        status.update("Rehearsal [dim]drawing[/]")
        rehearsal = publish_rehearsal(played)
    show_rehearsal(rehearsal, time.monotonic() - began)


def show_rehearsal(rehearsal: Rehearsal, seconds: float) -> None:
    """Print who would be enrolled, what happens at each step, on which days, in which zones, and when it is over."""
    show_report(rehearsal, is_forecast=True)
    if not rehearsal.enrolled + rehearsal.held:
        show("  Nobody would be enrolled: there is nothing to play.")
        return
    show(_steps(rehearsal))
    if rehearsal.timeline:
        local = [(mail, mail.at.astimezone(zone_of(mail.time_zone)).date()) for mail in rehearsal.timeline]
        show(*_days(rehearsal, local), *_zones(rehearsal, local))
    show(_mailboxes(rehearsal), *_end(rehearsal, seconds))


def _steps(rehearsal: Rehearsal) -> Table:
    """What ran at each step; columns that are empty throughout are left out."""
    columns: dict[str, Sequence[int | str]] = {
        "step": [step.position for step in rehearsal.steps],
        "what": [step.what or "before the first" for step in rehearsal.steps],
        "mails": [step.mails for step in rehearsal.steps],
        "to-dos": [step.todos for step in rehearsal.steps],
        "done": [step.todos_done for step in rehearsal.steps],
        "replied": [step.replied for step in rehearsal.steps],
        "bounced": [step.bounced for step in rehearsal.steps],
        "stopped": [step.stopped for step in rehearsal.steps],
        "finished": [step.finished for step in rehearsal.steps],
        "still waiting": [step.waiting for step in rehearsal.steps],
    }
    used = {name: cells for name, cells in columns.items() if any(cells)}
    drawn = table(*used, title="What ran at each step, and who left after it", right=[n for n in used if n != "what"])
    return rows(drawn, zip(*([_number(cell) for cell in cells] for cells in used.values()), strict=True))


def _number(cell: int | str) -> str:
    return cell if isinstance(cell, str) else f"{cell:,}" if cell else ""


def _days(rehearsal: Rehearsal, local: Sequence[tuple[SentMail, date]]) -> Iterator[Table | str]:
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
                *(_number(counts[box.mailbox_id]) for box in boxes),
                "█" * max(1, round(BAR * counts.total() / most)),
            )
            for day, counts in list(by_day.items())[:SHOWN_DAYS]
        ),
    )
    if len(by_day) > SHOWN_DAYS:
        show_more = list(by_day.items())[SHOWN_DAYS:]
        yield f"  … and {sum(counts.total() for _, counts in show_more):,} mails on {len(show_more)} more days."


def _zones(rehearsal: Rehearsal, local: Sequence[tuple[SentMail, date]]) -> Iterator[Table | str]:
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
    if len(rehearsal.zones) > SHOWN_ZONES:
        rest = rehearsal.zones[SHOWN_ZONES:]
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


def _end(rehearsal: Rehearsal, seconds: float) -> Iterator[str]:
    for pause in rehearsal.pauses:
        yield f"  [yellow]{pause.what} {pause.id} paused {instant(pause.at)}.[/] {pause.reason}"
    if rehearsal.waiting:
        reasons = ", ".join(f"{number:,} {reason or 'for a to-do'}" for reason, number in rehearsal.held_by)
        yield f"  [yellow]{count(rehearsal.waiting, 'contact')} would wait for ever[/]: {reasons}."
    if rehearsal.ended_at:
        days = (rehearsal.ended_at - rehearsal.started_at).days
        who = "The last of the others leaves" if rehearsal.waiting else "The last contact leaves"
        yield (
            f"  [bold]{who} the sequence {instant(rehearsal.ended_at)}[/], {count(days, 'day')} after the start "
            f"on {instant(rehearsal.started_at)}."
        )
    yield (
        f"  Played in {seconds:.1f} s. {count(len(rehearsal.timeline), 'mail')} went to a sink that is gone now; "
        "nothing was written."
    )
    if rehearsal.plot:
        yield f"  plot                  {uri(rehearsal.plot)}"
