"""What would an enrollment do, and when would each mail leave?"""

from __future__ import annotations

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Failed

from cadenza.domain.report import Forecast
from cadenza.errors import CadenzaError
from flows.enroll_segment import EnrollmentForm, RecordsForm, run_name
from tasks.begin_batch import check_choice, outline_batch, segment_of
from tasks.check_enrollability import check_enrollability
from tasks.forecast_sends import forecast_sends, queue_of
from tasks.load_candidates import load_candidates
from tasks.publish_forecast import Preview, publish_forecast
from tasks.time_first_steps import time_first_steps


@flow(name="preflight", flow_run_name=run_name)
def preflight(
    sequence: str,
    sender: str,
    segment: str = "",
    filter: str = "",
    contact_ids: list[int] | None = None,
    records: RecordsForm = RecordsForm(),  # noqa: B008 - the form's defaults, never changed
    options: EnrollmentForm = EnrollmentForm(),  # noqa: B008
) -> Forecast | State[Any]:
    """Judge and plan like ``enroll_segment``, and write nothing.

    The same verdict, and the forecast: when each contact would be mailed under all limits.

    Args:
        sequence: Name of the sequence, as 'cadenza sequences list' shows it.
        sender: Handle of the user whom the mails are from; '@owner': each contact's owner.
        segment: Name of a list or segment. Name the contacts here, by filter, contact_ids or records: one of them.
        filter: For example: country = Germany and job_title contains "head".
        contact_ids: Ids of single contacts.
        records: Companies, deals, tickets or others whose contacts are meant.
        options: Everything else; nothing has to be chosen.
    """
    try:
        whom, chosen = segment_of(segment, filter, contact_ids, records.as_records()), options.as_options()
        check_choice(whom, chosen)
        batch = outline_batch(sequence, sender, whom, chosen)
        preview = Preview(batch)
        for candidates in load_candidates(batch):
            timed = time_first_steps(candidates, batch)
            verdict = check_enrollability(timed, batch, preview.counted.taken)
            planned = forecast_sends(verdict, batch, preview.ahead)
            preview.add(verdict, planned, queue_of(planned))
        return publish_forecast(preview)
    except CadenzaError as error:
        return Failed(message=str(error), data=error)
