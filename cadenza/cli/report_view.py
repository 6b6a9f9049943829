"""How does a person read what came of an enrollment?"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from cadenza.cli.output import count, instant, rows, show, table

if TYPE_CHECKING:
    from datetime import datetime

    from rich.table import Table

    from cadenza.domain.report import Report, Tally
    from cadenza.store.waves import DueWave

COLOURS = {"refused": "red", "held": "yellow", "enrolled": "blue"}


def show_report(report: Tally, *, is_forecast: bool = False) -> None:
    """Print the counts of an enrollment and, code by code, the cause and what to do about it."""
    will = "would be " if is_forecast else ""
    from rich.markup import escape

    show(
        "",
        f"[bold]{escape(report.segment)} → {report.sequence}[/], sender {report.sender}: "
        f"{count(report.candidates, 'contact')}",
        f"  [green]{report.enrolled:,} {will}enrolled[/]   [yellow]{report.held:,} {will}held[/]   "
        f"[red]{report.refused:,} {will}refused[/]",
    )
    if not report.candidates:
        show("  Nobody was found: nothing to do.")
    if is_repeated(report):
        show("  Everybody who may be is in this sequence already: nothing to do.")
    if report.by_code:
        show(_codes(report))


def is_repeated(report: Tally) -> bool:
    """Whether the enrollment was a repetition: nobody new, somebody in the sequence already."""
    known = any(line.code == "ALREADY_IN_THIS_SEQUENCE" for line in report.by_code)
    return report.enrolled + report.held == 0 and known


def show_files(report: Report) -> None:
    """Print where the report and the Data Docs lie."""
    show(f"  contacts and reasons  {uri(report.errors)}", f"  data docs             {uri(report.data_docs)}")
    if report.plot:
        show(f"  plot                  {uri(report.plot)}")
    show(f"  fingerprint           {report.fingerprint}, of the {count(report.candidates, 'contact')} of then")


def show_waves(waves: Iterable[DueWave], now: datetime, limit: int = 12) -> None:
    """Print which time zones come next and when: local time, UTC, how many steps."""
    waves = list(waves)
    if not waves:
        show("  No step of theirs is due within a week.")
        return
    drawn = table("time zone", "local time", "UTC", "emails", "to-dos", title="Next waves", right=("emails", "to-dos"))
    show(
        rows(
            drawn,
            (
                (
                    wave.time_zone,
                    "now" if wave.due_at <= now else instant(wave.due_at, wave.time_zone),
                    instant(wave.due_at),
                    wave.emails,
                    wave.todos,
                )
                for wave in waves[:limit]
            ),
        )
    )
    if len(waves) > limit:
        show(f"  … and {len(waves) - limit} more time zones.")


def uri(path: Path) -> str:
    """A link that terminals and browsers open."""
    return path.resolve().as_uri()


def _codes(report: Tally) -> Table:
    from rich.text import Text

    drawn = table("contacts", "outcome", "code", "what to do", right=("contacts",))
    for line in report.by_code:
        if not line.count:
            continue
        drawn.add_row(
            f"{line.count:,}",
            Text(str(line.outcome.value), COLOURS.get(line.outcome.value, "")),
            line.code,
            f"{line.cause} [dim]{line.remedy}[/]",
        )
    return drawn
