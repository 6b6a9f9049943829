"""How well do sequences do? The numbers as a page, pictures, tables and artifacts."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from itertools import groupby
from pathlib import Path
from typing import Any, Final

from prefect import task
from prefect.artifacts import create_markdown_artifact, create_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.context import FlowRunContext, TaskRunContext

from cadenza.domain.performance import Performance, Scope, StepPerformance
from cadenza.runtime import current
from cadenza.store import database, statistics
from data_contracts.documents import Document, Picture, write_document
from data_contracts.performance_plot import plot_rates, plot_steps

logger = logging.getLogger(__name__)

#: Sequences that the pictures show: those with most contacts.
MOST_SHOWN: Final = 12


@dataclass(frozen=True, slots=True)
class PerformanceReport:
    """Where to read how sequences do; numbers and names of sequences, no contact."""

    days: int
    lines: tuple[Performance, ...]
    steps: tuple[StepPerformance, ...]
    page: Path
    tables: tuple[Path, ...]
    plots: tuple[Path, ...]


@task(cache_policy=NO_CACHE)
def publish_performance(days: int) -> PerformanceReport:
    """Publish what became of the enrollments of the last days: of each sequence, step and variant."""
    runtime = current()
    now = runtime.clock.now()
    scope = Scope(since=now - timedelta(days=days))
    with database.transaction(runtime.engine) as connection:
        lines = statistics.performance(connection, scope)
        steps = statistics.step_performance(connection, scope)
    name = f"performance-{now:%Y-%m-%d}"
    folder = runtime.settings.home / "reports"
    tables = (folder / f"{name}-sequences.csv", folder / f"{name}-steps.csv")
    statistics.write_csv(tables[0], lines)
    statistics.write_csv(tables[1], steps)
    pictures = _draw(lines, steps, folder / name, days)
    document = Document(
        title=f"Performance on {now:%Y-%m-%d}",
        subtitle=f"Enrollments of the last {days} days, as it was at {now:%H:%M} UTC",
        figures=(
            ("enrolled", sum(line.enrolled for line in lines)),
            ("mails", sum(line.sent for line in lines)),
            ("replied", sum(line.replied for line in lines)),
            ("meetings", sum(line.meetings for line in lines)),
        ),
        pictures=pictures,
        footer="Counted from what happened. This page holds counts only and needs no network.",
    )
    page = write_document(runtime.settings.home / "data_docs", name, document, now)
    plots = tuple(picture.path for picture in pictures)
    report = PerformanceReport(days, tuple(lines), tuple(steps), page, tables, plots)
    _show(report)
    logger.info("%d sequences, %d steps", len(lines), len(steps))
    return report


def _draw(lines: Sequence[Performance], steps: Sequence[StepPerformance], stem: Path, days: int) -> tuple[Picture, ...]:
    """The pictures for which there is something to show."""
    shown = [line for line in lines if line.mailed][:MOST_SHOWN]
    if not shown:
        return ()
    words = f"Of those who were written to, last {days} days"
    pictures = [Picture(plot_rates(shown, words, stem.with_name(f"{stem.name}-rates.png")), words)]
    names = {line.name for line in shown}
    for name, group in groupby(steps, lambda step: step.sequence):
        if name in names:
            words = f"{name}: step by step, last {days} days"
            pictures.append(Picture(plot_steps(list(group), words, stem.with_name(f"{stem.name}-{name}.png")), words))
    return tuple(pictures)


def _show(report: PerformanceReport) -> None:
    """The numbers as artifacts of the run, if there is one."""
    if FlowRunContext.get() is None and TaskRunContext.get() is None:
        return
    files = (report.page, *report.tables, *report.plots)
    create_markdown_artifact(
        "\n".join(
            [
                f"# Performance of the last {report.days} days",
                "",
                *(
                    f"- **{line.name}**: {line.enrolled:,} enrolled ({line.contacts:,} people), "
                    f"{line.replied:,} of {line.mailed:,} answered, {line.meetings:,} meetings, "
                    f"{line.bounced:,} came back, {line.opted_out:,} opted out"
                    for line in report.lines
                ),
                "",
                *(f"- [{path.name}]({path.resolve().as_uri()})" for path in files),
            ]
        ),
        key="performance",
        description=f"Sequences of the last {report.days} days",
    )
    create_table_artifact(
        [_row(line, "reply_rate", "meeting_rate", "bounce_rate", "opt_out_rate") for line in report.lines],
        key="performance-sequences",
        description="What became of the enrollments of each sequence",
    )
    create_table_artifact(
        [_row(step, "reply_rate") for step in report.steps],
        key="performance-steps",
        description="What became of each step and variant",
    )


def _row(line: Performance | StepPerformance, *rates: str) -> dict[str, Any]:
    shares = {name: getattr(line, name) for name in rates}
    return asdict(line) | {name: None if share is None else f"{share:.1%}" for name, share in shares.items()}
