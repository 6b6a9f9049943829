"""How does a segment get into a sequence?"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from prefect import flow, runtime
from prefect.client.schemas.objects import State
from prefect.states import Failed
from pydantic import BaseModel, Field

from cadenza.domain.enrollment import EnrollmentOptions
from cadenza.domain.overrides import Overrides
from cadenza.domain.records import Records, records_of
from cadenza.domain.report import Report
from cadenza.errors import CadenzaError
from tasks.begin_batch import begin_batch, check_choice, segment_of
from tasks.check_enrollability import check_enrollability
from tasks.forecast_sends import forecast_sends
from tasks.load_candidates import load_candidates
from tasks.open_enrollments import finish_batch, open_enrollments
from tasks.probe_mailboxes import probe_mailboxes
from tasks.publish_report import publish_report
from tasks.schedule_waves import schedule_waves
from tasks.time_first_steps import time_first_steps


class EnrollmentForm(BaseModel):
    """What may be chosen for one enrollment; what is left empty is as the settings say."""

    start_position: int = Field(1, ge=1, description="The step where contacts start; earlier steps are skipped.")
    time_zone: str | None = Field(None, description="One time zone for all; empty: each contact's own.")
    send_at: datetime | None = Field(
        None, description="Local date and time of the first step in each contact's zone; empty: as soon as possible."
    )
    mailbox_id: int | None = Field(None, description="The mailbox to send from; empty: the sender's own.")
    overrides: dict[str, Any] = Field(
        {},
        description='What else is different for everybody: {"steps": {"2": {"delay": "3 days", "subject": "…"}}, '
        '"token_values": {"contact.first_name": "…"}, "fallbacks": {}, "from_alias": "…", '
        '"follow_ups": {"eligible_days": "everyday", "window": "09:00-17:00"}}.',
    )
    from_columns: bool = Field(False, description="Take each contact's own options from columns of its list.")
    new_only: bool = Field(
        False, description="Of a list only whom no enrollment of this sequence from it has judged before."
    )
    enrolled_by: str | None = Field(None, description="Handle of the user who asks; empty: the sender.")
    over_daily_limit: Literal["hold", "refuse"] | None = Field(None, description="Empty: as the settings say.")
    role_addresses: Literal["allow", "warn", "refuse"] | None = Field(None, description="info@, sales@ and the like.")
    cooldown_days: int | None = Field(None, ge=0, description="Days since the contact's last sequence.")
    batch_limit: int | None = Field(None, ge=1, description="The most contacts in one enrollment.")

    def as_options(self) -> EnrollmentOptions:
        """The same as plain data; a time zone in ``send_at`` is dropped: it is a local time.

        Raises:
            OverrideInvalid: names the option and what may stand there.
        """
        chosen = self.model_dump()
        send_at = self.send_at and self.send_at.replace(tzinfo=None)
        return EnrollmentOptions(**chosen | {"send_at": send_at, "overrides": Overrides.from_data(self.overrides)})


class RecordsForm(BaseModel):
    """Companies, deals, tickets or other records whose contacts are enrolled."""

    named: list[str] = Field([], description="KIND:NAME of each, such as deal:4711 or company:Acme.")
    kind: str = Field("", description="Or all records of a kind that the filter finds.")
    filter: str = Field("", description="For example: stage = won and amount >= 1000. Only together with a kind.")
    contacts: Literal["primary", "all"] | None = Field(
        None, description="The primary contact of each, or all; empty: as the settings say."
    )

    def as_records(self) -> Records | None:
        """The same as plain data; None: nothing was filled in."""
        return records_of(**self.model_dump())


def run_name() -> str:
    """What is enrolled into what: names, never addresses."""
    given: dict[str, Any] = runtime.flow_run.parameters
    return f"{given.get('segment') or 'chosen contacts'} into {given.get('sequence')}"


@flow(name="enroll-segment", flow_run_name=run_name)
def enroll_segment(
    sequence: str,
    sender: str,
    segment: str = "",
    filter: str = "",
    contact_ids: list[int] | None = None,
    records: RecordsForm = RecordsForm(),  # noqa: B008 - the form's defaults, never changed
    options: EnrollmentForm = EnrollmentForm(),  # noqa: B008
) -> Report | State[Any]:
    """Enroll every contact of a segment, a filter or a choice that may be enrolled.

    A contact that may not is reported with a code and a remedy, never a reason to fail the run.

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
        batch = begin_batch(sequence, sender, whom, chosen)
        probe_mailboxes(batch)
        for candidates in load_candidates(batch):
            timed = time_first_steps(candidates, batch)
            verdict = check_enrollability(timed, batch)
            planned = forecast_sends(verdict, batch)
            open_enrollments(planned, verdict, batch)
        report = publish_report(finish_batch(batch))
        schedule_waves()
        return report
    except CadenzaError as error:
        return Failed(message=str(error), data=error)
