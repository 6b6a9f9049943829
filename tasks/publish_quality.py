"""How good is the data? The contracts' counts as a page, pictures and artifacts."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from prefect import task
from prefect.artifacts import create_markdown_artifact, create_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.context import FlowRunContext, TaskRunContext

from cadenza.runtime import current
from cadenza.store import database, quality
from data_contracts.contract import Severity
from data_contracts.documents import Chapter, Document, Picture, Promise, write_document
from data_contracts.plots import plot_hours, plot_refusals

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class QualityReport:
    """The data-quality report of a day: counts and where to read more, no addresses."""

    #: Batches and mails of so many days were looked at.
    days: int
    chapters: tuple[Chapter, ...]
    #: A page for the browser, readable without a network.
    data_docs: Path
    #: Refusals by code, and mails by hour of the day; those for which there is something to show.
    plots: tuple[Path, ...]

    @property
    def promises(self) -> tuple[Promise, ...]:
        """Every contract."""
        return tuple(promise for chapter in self.chapters for promise in chapter.promises)

    @property
    def broken(self) -> tuple[Promise, ...]:
        """The contracts that are not kept."""
        return tuple(promise for promise in self.promises if not promise.is_kept)

    @property
    def alarm(self) -> str:
        """One line that names every broken contract that is critical; empty: there is none."""
        return alarm_of(self.chapters)


def alarm_of(chapters: Sequence[Chapter]) -> str:
    """One line that names every broken contract that is critical; empty: there is none."""
    broken = [
        f"{promise.code} ({promise.broken:,} of {promise.checked:,} {chapter.title.lower()})"
        for chapter in chapters
        for promise in chapter.promises
        if not promise.is_kept and promise.effect == Severity.CRITICAL
    ]
    return f"Data-quality alarm: {', '.join(broken)}" if broken else ""


@task(cache_policy=NO_CACHE)
def publish_quality(chapters: tuple[Chapter, ...], days: int) -> QualityReport:
    """Publish what came of the contracts, whatever it is."""
    runtime = current()
    now = runtime.clock.now()
    period = quality.Period(now, days)
    with database.transaction(runtime.engine) as connection:
        refusals = quality.refusals_since(connection, period)
        hours = quality.sending_hours(connection, period)
    name = f"data-quality-{now:%Y-%m-%d}"
    pictures = _draw(refusals, hours, runtime.settings.home / "reports" / name, days)
    document = Document(
        title=f"Data quality on {now:%Y-%m-%d}",
        subtitle=f"As it was at {now:%H:%M} UTC; batches and mails of the last {days} days",
        figures=_figures(chapters),
        chapters=chapters,
        alarm=alarm_of(chapters),
        pictures=pictures,
    )
    page = write_document(runtime.settings.home / "data_docs", name, document, now)
    report = QualityReport(days, chapters, page, tuple(picture.path for picture in pictures))
    _show(report)
    logger.info("%d of %d contracts are broken", len(report.broken), len(report.promises))
    return report


def _draw(
    refusals: list[tuple[str, str, int]], hours: quality.SendingHours, stem: Path, days: int
) -> tuple[Picture, ...]:
    """The pictures for which there is something to show."""
    pictures = []
    if refusals:
        words = f"Why contacts were not enrolled at once, last {days} days"
        pictures.append(Picture(plot_refusals(refusals, words, stem.with_name(f"{stem.name}-refusals.png")), words))
    for clock, name, first, follow_up in (
        ("the recipients' own time", "local", hours.first_local, hours.follow_up_local),
        ("UTC", "utc", hours.first_utc, hours.follow_up_utc),
    ):
        if any(first) or any(follow_up):
            words = f"Mails sent by hour of the day in {clock}, last {days} days"
            counts = {"follow-ups": follow_up, "first steps": first}
            pictures.append(Picture(plot_hours(counts, words, stem.with_name(f"{stem.name}-hours-{name}.png")), words))
    return tuple(pictures)


def _figures(chapters: tuple[Chapter, ...]) -> tuple[tuple[str, int], ...]:
    promises = [promise for chapter in chapters for promise in chapter.promises]
    broken = [promise for promise in promises if not promise.is_kept]
    alarms = sum(promise.effect == Severity.CRITICAL for promise in broken)
    return (
        ("contracts", len(promises)),
        ("kept", len(promises) - len(broken)),
        ("warnings", len(broken) - alarms),
        ("alarms", alarms),
    )


def _state(promise: Promise) -> str:
    return "kept" if promise.is_kept else promise.effect


def _show(report: QualityReport) -> None:
    """The counts as artifacts of the run, if there is one: codes and numbers, no contact."""
    if FlowRunContext.get() is None and TaskRunContext.get() is None:
        return
    figures = dict(_figures(report.chapters))
    create_markdown_artifact(
        "\n".join(
            [
                f"# {report.alarm or 'Data quality'}",
                "",
                " · ".join(f"{count} {name}" for name, count in figures.items()),
                "",
                *(
                    f"- **{promise.code}** ({promise.effect}): {promise.prose}. {promise.remedy}"
                    for promise in report.broken
                ),
                "",
                *(f"- [{path.name}]({path.resolve().as_uri()})" for path in (report.data_docs, *report.plots)),
            ]
        ),
        key="data-quality",
        description=report.alarm or "Contacts, enrollments and deliveries by their contracts",
    )
    create_table_artifact(
        [
            {
                "about": chapter.title,
                "contract": promise.code,
                "state": _state(promise),
                "broken": promise.broken,
                "checked": promise.checked,
                "promise": promise.prose,
                "remedy": "" if promise.is_kept else promise.remedy,
            }
            for chapter in report.chapters
            for promise in chapter.promises
        ],
        key="data-quality-contracts",
        description=f"Every contract; page: {report.data_docs.name}",
    )
