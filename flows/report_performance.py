"""How well do sequences, steps and variants do?"""

from __future__ import annotations

from typing import Annotated, Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Failed
from pydantic import Field

from cadenza.errors import CadenzaError
from tasks.publish_performance import PerformanceReport, publish_performance

Days = Annotated[int, Field(ge=1, le=3650, description="Enrollments of so many days are counted.")]


@flow(name="report-performance")
def report_performance(days: Days = 90) -> PerformanceReport | State[Any]:
    """Count what became of enrollments, mails and to-dos, and publish it as artifacts, tables and pictures."""
    try:
        return publish_performance(days)
    except CadenzaError as error:
        return Failed(message=str(error), data=error)
