"""What would happen in all the weeks of a sequence?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Self

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Failed
from pydantic import BaseModel, Field, model_validator

from cadenza.domain.assumptions import Assumptions
from cadenza.domain.batch import Batch
from cadenza.domain.enrollment import CONTACT_OWNER, EnrollmentOptions, Segment
from cadenza.domain.overrides import Overrides
from cadenza.domain.rehearsal import Progress, Rehearsal
from cadenza.errors import CadenzaError
from flows.enroll_segment import EnrollmentForm, RecordsForm, run_name
from tasks.begin_batch import begin_batch, segment_of
from tasks.check_enrollability import check_enrollability
from tasks.claim_steps import claim_steps
from tasks.forecast_sends import forecast_sends
from tasks.load_candidates import load_candidates
from tasks.look_back import look_back
from tasks.open_enrollments import finish_batch, open_enrollments
from tasks.play_weeks import Play
from tasks.publish_rehearsal import ProgressArtifact, publish_rehearsal
from tasks.recover_deliveries import recover_deliveries
from tasks.send_email import hand_over
from tasks.set_stage import stage
from tasks.time_first_steps import time_first_steps


class AssumptionsForm(BaseModel):
    """What the simulated people do; the Prefect UI shows it as a form."""

    replies: float = Field(
        0.0, ge=0, le=1, allow_inf_nan=False, description="Share of the mails answered: 0.05 is 5 %."
    )
    bounces: float = Field(0.0, ge=0, le=1, allow_inf_nan=False, description="Share of the mails that come back.")
    todo_days: int | None = Field(1, ge=0, le=365, description="Days until a to-do is done; empty: it never is.")
    seed: int = Field(1, ge=0, description="Another seed, other people answer.")

    @model_validator(mode="after")
    def _no_more_than_all(self) -> Self:
        if self.replies + self.bounces > 1:
            raise ValueError("replies and bounces together are more than all mails")
        return self


@flow(name="rehearse", flow_run_name=run_name)
def rehearse(
    sequence: str,
    segment: str = "",
    sender: str = CONTACT_OWNER,
    filter: str = "",
    contact_ids: list[int] | None = None,
    starts_at: datetime | None = None,
    records: RecordsForm = RecordsForm(),  # noqa: B008 - the form's defaults, never changed
    options: EnrollmentForm = EnrollmentForm(),  # noqa: B008
    people: AssumptionsForm = AssumptionsForm(),  # noqa: B008
) -> Rehearsal | State[Any]:
    """Play all the weeks of an enrollment in seconds: nothing is written to the database, nothing leaves the machine.

    ``starts_at`` is when it would be enrolled; empty: now.
    """
    try:
        whom = segment_of(segment, filter, contact_ids, records.as_records())
        shown = ProgressArtifact.begin(sequence)
        played = play(sequence, sender, whom, starts_at, options, people, shown)
        shown.finish()
        return publish_rehearsal(played)
    except CadenzaError as error:
        return Failed(message=str(error), data=error)


def play(
    sequence: str,
    sender: str,
    whom: Segment,
    starts_at: datetime | None,
    options: EnrollmentForm,
    people: AssumptionsForm,
    show: Callable[[Progress], None],
) -> Rehearsal:
    """Enroll and send by the same tasks as ``enroll_segment`` and ``send_wave``, on copies and a driven clock.

    Needs no Prefect server. ``show`` is told how far it is.
    """
    assumptions = Assumptions(**people.model_dump())
    with stage(whom, starts_at) as sink:
        batch = enroll(sequence, sender, whom, options.as_options())
        weeks = Play(claim_steps.fn, hand_over, recover_deliveries.fn, assumptions, show)
        weeks.run()
        return look_back(batch, assumptions, weeks.pauses, len(sink.messages()))


def enroll(
    sequence: str,
    sender: str,
    whom: Segment,
    options: EnrollmentOptions,
    contact_overrides: Mapping[int, Overrides] | None = None,
) -> Batch:
    """The same as ``enroll_segment``, without a report and without waves."""
    batch = begin_batch.fn(sequence, sender, whom, options, contact_overrides)
    for candidates in load_candidates.fn(batch):
        timed = time_first_steps.fn(candidates, batch)
        verdict = check_enrollability.fn(timed, batch)
        planned = forecast_sends.fn(verdict, batch)
        open_enrollments.fn(planned, verdict, batch)
    finish_batch.fn(batch)
    return batch
