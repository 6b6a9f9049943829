"""How does a person read what an enrollment would do?"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, cast

from cadenza.cli.output import console, instant, rows, show, table
from cadenza.cli.report_view import show_report, uri

if TYPE_CHECKING:
    from rich.status import Status

    from cadenza.cli.whom import Whom
    from cadenza.domain.report import Forecast

#: Time zones shown; the rest is in the plan.
SHOWN_ZONES = 15


class _Told(logging.Handler):
    """Shows what tasks say of their progress."""

    def __init__(self, status: Status) -> None:
        super().__init__(logging.INFO)
        self.status = status

    def emit(self, record: logging.LogRecord) -> None:
        """Show one message."""
        self.status.update(f"Preflight [dim]{record.getMessage()}[/]")


def run_preflight(sequence: str, sender: str, whom: Whom, options: dict[str, Any]) -> None:
    """Judge and forecast without writing, as a run of this process, and print both."""
    with console().status("Preflight") as status:
        from flows.enroll_segment import EnrollmentForm, RecordsForm
        from flows.preflight import preflight

        said, told = logging.getLogger("tasks"), _Told(status)
        said.setLevel(logging.INFO)
        said.addHandler(told)
        try:
            named = whom.parameters()
            named["records"] = RecordsForm(**named["records"])
            forecast = cast("Forecast", preflight(sequence, sender, **named, options=EnrollmentForm(**options)))
        finally:
            said.removeHandler(told)
    show_forecast(forecast)


def show_forecast(forecast: Forecast) -> None:
    """Print the counts, the reasons, and when the first steps would run."""
    show_report(forecast, is_forecast=True)
    if forecast.zones:
        drawn = table(
            "time zone", "contacts", "first, local", "last, local", "UTC", title="First steps", right=("contacts",)
        )
        show(
            rows(
                drawn,
                (
                    (
                        zone.time_zone,
                        f"{zone.contacts:,}",
                        instant(zone.first_at, zone.time_zone) or "when the mailbox is connected",
                        instant(zone.last_at, zone.time_zone),
                        instant(zone.first_at),
                    )
                    for zone in forecast.zones[:SHOWN_ZONES]
                ),
            )
        )
        if len(forecast.zones) > SHOWN_ZONES:
            show(f"  … and {len(forecast.zones) - SHOWN_ZONES} more time zones.")
    if forecast.missing_tokens:
        drawn = table("missing token", "contacts", right=("contacts",))
        show(rows(drawn, ((token, f"{count:,}") for token, count in forecast.missing_tokens)))
    if forecast.matrix:
        show(f"  contact by token      {uri(forecast.matrix)}")
    if forecast.attachments:
        show(rows(table("step", "its mails take along", right=("step",)), forecast.attachments))
    show("  Nothing was written to the database.", f"  plan of everybody     {uri(forecast.plan)}")
    if forecast.plot:
        show(f"  plot                  {uri(forecast.plot)}")
