"""How good is the data? The nightly report, whenever somebody wants it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from cadenza.cli.output import rows, show, table
from cadenza.errors import ContractsBroken

if TYPE_CHECKING:
    from rich.table import Table

    from tasks.publish_quality import QualityReport


def quality(
    days: Annotated[int, typer.Option(min=1, max=3650, help="Look at the batches and mails of so many days.")] = 30,
) -> None:
    """Judge contacts, enrollments and deliveries by their contracts; say what is broken and what to do about it."""
    from cadenza.cli.connection import connect
    from cadenza.cli.report_view import uri

    connect()
    from tasks.check_contracts import check_contracts
    from tasks.publish_quality import publish_quality

    report = publish_quality.fn(check_contracts.fn(days), days)
    show(_broken(report) if report.broken else f"[green]All {len(report.promises)} contracts are kept.[/]")
    show(f"  data docs  {uri(report.data_docs)}", *(f"  plot       {uri(plot)}" for plot in report.plots))
    if report.alarm:
        raise ContractsBroken(report.alarm)


def _broken(report: QualityReport) -> Table:
    """The broken contracts with their counts and remedies."""
    drawn = table("broken", "of", "severity", "contract", "what to do", right=("broken", "of"))
    return rows(
        drawn,
        (
            (f"{promise.broken:,}", f"{promise.checked:,}", promise.effect, promise.code,
             f"{promise.prose}. {promise.remedy}")
            for promise in report.broken
        ),
    )  # fmt: skip
