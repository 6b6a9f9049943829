"""How good is the data that everything else relies on?"""

from __future__ import annotations

from typing import Annotated, Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Failed
from pydantic import Field

from cadenza.errors import CadenzaError, ContractsBroken
from tasks.check_contracts import check_contracts
from tasks.forget_messages import forget_messages
from tasks.publish_quality import QualityReport, publish_quality

Days = Annotated[int, Field(ge=1, le=3650, description="Batches and mails of so many days are looked at.")]


@flow(name="report-data-quality")
def report_data_quality(days: Days = 30) -> QualityReport | State[Any]:
    """Judge contacts, enrollments and deliveries by their contracts, and publish what came of it.

    A broken contract that is critical fails the run, after everything is published: that is the alarm.
    """
    try:
        chapters = check_contracts(days)
        report = publish_quality(chapters, days)
        forget_messages()
        if report.alarm:
            raise ContractsBroken(report.alarm)
        return report
    except CadenzaError as error:
        return Failed(message=str(error), data=error)
