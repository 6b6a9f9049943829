"""How does a person read a rehearsal?"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from cadenza.cli.output import console, count, instant, rows, show, table
from cadenza.cli.report_view import show_report, uri
from cadenza.cli.timeline_view import timeline_tables

if TYPE_CHECKING:
    from rich.table import Table

    from cadenza.cli.whom import Whom
    from cadenza.domain.rehearsal import Progress, Rehearsal


def run_rehearsal(
    sequence: str,
    sender: str,
    whom: Whom,
    starts_at: datetime | None,
    options: Mapping[str, Any],
    people: Mapping[str, Any],
) -> None:
    """Play it in this process, show how far it is, and print what came of it."""
    began = time.monotonic()
    with console().status("Rehearsal [dim]making copies[/]") as status:
        from flows.enroll_segment import EnrollmentForm, RecordsForm
        from flows.rehearse import AssumptionsForm, play
        from tasks.begin_batch import segment_of
        from tasks.publish_rehearsal import publish_rehearsal

        def told(progress: Progress) -> None:
            answers = f"{count(progress.replies, 'reply', 'replies')}, {count(progress.bounces, 'bounce')}"
            status.update(
                f"Rehearsal [bold]{progress.at:%a %Y-%m-%d %H:%M}[/] UTC  {progress.percent:.0f} %  "
                f"[dim]{count(progress.mails, 'mail')}, {count(progress.todos, 'to-do')} done, {answers}[/]"
            )

        named = whom.parameters()
        segment = segment_of(**named | {"records": RecordsForm(**named["records"]).as_records()})
        played = play(sequence, sender, segment, starts_at, EnrollmentForm(**options), AssumptionsForm(**people), told)
        status.update("Rehearsal [dim]drawing[/]")
        rehearsal = publish_rehearsal(played)
    show_rehearsal(rehearsal, time.monotonic() - began)


def show_rehearsal(rehearsal: Rehearsal, seconds: float) -> None:
    """Print who would be enrolled, what happens at each step, on which days, in which zones, and when it is over."""
    show_report(rehearsal, is_forecast=True)
    if not rehearsal.enrolled + rehearsal.held:
        show("  Nobody would be enrolled: there is nothing to play.")
        return
    show(_steps(rehearsal), *timeline_tables(rehearsal), *_end(rehearsal, seconds))


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


def _end(rehearsal: Rehearsal, seconds: float) -> Iterator[str]:
    users = {box.mailbox_id: box.user for box in rehearsal.mailboxes}
    for pause in rehearsal.pauses:
        what = f"{users.get(pause.id, pause.id)}'s mailbox" if pause.what == "mailbox" else "the sequence"
        yield f"  [yellow]{instant(pause.at)}: {what} is paused.[/] {pause.reason}"
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
