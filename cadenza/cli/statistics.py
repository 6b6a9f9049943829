"""How well do sequences do?"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cadenza.cli.connection import transaction
from cadenza.cli.output import near, rows, show, table
from cadenza.errors import WrongUse

if TYPE_CHECKING:
    from rich.table import Table

    from cadenza.domain.performance import Performance, StepPerformance


def statistics(
    sequence: Annotated[str | None, typer.Argument(metavar="SEQUENCE", help="Its steps and variants, too.")] = None,
    by: Annotated[str, typer.Option("--by", help="A line for each sequence, sender, company or folder.")] = "sequence",
    since: Annotated[str | None, typer.Option("--since", help="Enrolled on this day (UTC) or later.")] = None,
    until: Annotated[str | None, typer.Option("--until", help="Enrolled before this day (UTC).")] = None,
    sender: Annotated[str | None, typer.Option("--sender", help="Of this user (handle).")] = None,
    company: Annotated[str | None, typer.Option("--company", help="Of this company (name or domain).")] = None,
    folder: Annotated[str | None, typer.Option("--folder", help="Of this folder, and of those below it.")] = None,
    status: Annotated[str | None, typer.Option("--status", help="active, paused, finished or ended.")] = None,
    rank: Annotated[str, typer.Option("--rank", help="The largest first, such as reply_rate.")] = "enrolled",
    csv: Annotated[str | None, typer.Option("--csv", metavar="FILE", help="Write the lines as a table, too.")] = None,
) -> None:
    """Show what became of enrollments: of each sequence, or of one with its steps and variants."""
    from cadenza.domain.enrollment import EnrollmentStatus
    from cadenza.domain.performance import GROUPED_BY, RANKS, Scope, ranked
    from cadenza.store.statistics import performance, step_performance, write_csv

    for value, allowed, option in (
        (by, GROUPED_BY, "--by"),
        (rank, RANKS, "--rank"),
        (status, (None, *EnrollmentStatus), "--status"),
    ):
        if value not in allowed:
            raise WrongUse(f"{option} {value!r}: choose one of {', '.join(str(one) for one in allowed if one)}.")
    grouped_by = next(one for one in GROUPED_BY if one == by)
    scope = Scope(
        sequence,
        folder,
        sender,
        company,
        EnrollmentStatus(status) if status else None,
        _day(since, "--since"),
        _day(until, "--until"),
    )
    with transaction() as connection:
        lines = ranked(performance(connection, scope, grouped_by), rank)
        steps = step_performance(connection, scope) if sequence else []
    if not lines:
        show("Nobody was enrolled yet." if scope == Scope() else "Nothing was counted: nobody such was enrolled.")
        return
    show(_overview(lines, by))
    if steps:
        show(_steps(steps))
    if csv:
        path = Path(csv)
        write_csv(path, steps or lines)
        show(f"[green]✓[/] {near(path)}")


def _day(words: str | None, option: str) -> datetime | None:
    if words is None:
        return None
    try:
        at = datetime.fromisoformat(words)
    except ValueError as error:
        raise WrongUse(f"{option} {words!r} is no date: write 2026-12-01.") from error
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _overview(lines: list[Performance], by: str) -> Table:
    is_tracked = any(line.opened or line.clicked or line.opened_by_machines for line in lines)
    seen = ("opened", "clicked") if is_tracked else ()
    numbers = (
        "enrolled",
        "people",
        "mails",
        "replied",
        "meetings",
        "bounced",
        "opted out",
        *seen,
        "finished",
        "running",
    )
    drawn = table("#", by, *numbers, right=("#", *numbers))
    return rows(
        drawn,
        (
            (
                place,
                line.name or "(none)",
                f"{line.enrolled:,}",
                f"{line.contacts:,}",
                f"{line.sent:,}",
                _told(line.replied, line.reply_rate),
                _told(line.meetings, line.meeting_rate),
                _told(line.bounced, line.bounce_rate),
                _told(line.opted_out, line.opt_out_rate),
                *([_told(line.opened, line.open_rate), _told(line.clicked, line.click_rate)] if is_tracked else []),
                _told(line.finished, line.finish_rate),
                f"{line.running:,}",
            )
            for place, line in enumerate(lines, start=1)
        ),
    )


def _steps(steps: list[StepPerformance]) -> Table:
    numbers = ("ran", "done", "replied", "meetings", "bounced", "opted out", "opened", "clicked")
    drawn = table("step", "variant", *numbers, title="Steps", right=numbers)
    return rows(
        drawn,
        (
            (
                f"{step.position} {step.kind}",
                f"{step.variant} (winner)" if step.is_winner else step.variant,
                f"{step.ran:,}",
                f"{step.done:,}",
                _told(step.replied, step.reply_rate),
                *(f"{number:,}" for number in (step.meetings, step.bounced, step.opted_out, step.opened, step.clicked)),
            )
            for step in steps
        ),
    )


def _told(number: int, rate: float | None) -> str:
    return f"{number:,}" if rate is None else f"{number:,} ({rate:.1%})"
