"""How do a few contacts get into a sequence at once, without a run? For the API, automation and mails."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping, Sequence
from contextvars import copy_context
from dataclasses import replace
from typing import Final

from prefect.settings import get_current_settings

from cadenza.domain.enrollment import EnrollmentOptions, Segment
from cadenza.domain.overrides import Overrides
from cadenza.domain.report import ContactOutcome
from cadenza.runtime import current
from cadenza.store import database
from cadenza.store.outcomes import outcomes_of
from data_contracts import validation
from data_contracts.foresight import foreseen_outcomes
from tasks.begin_batch import begin_batch, outline_batch
from tasks.check_enrollability import check_enrollability
from tasks.forecast_sends import forecast_sends
from tasks.load_candidates import load_candidates
from tasks.open_enrollments import finish_batch, open_enrollments
from tasks.schedule_waves import schedule_waves
from tasks.time_first_steps import time_first_steps

logger = logging.getLogger(__name__)

#: Enrollments within so many seconds share one look at the waves.
PAUSE_SECONDS: Final = 0.5

_waiting = threading.Lock()
_planning = threading.Lock()


def enroll_now(
    sequence: str,
    sender: str,
    whom: Sequence[int] | Segment,
    options: EnrollmentOptions = EnrollmentOptions(),  # noqa: B008 - frozen
    *,
    enrolled_by: str | None = None,
    contact_overrides: Mapping[int, Overrides] | None = None,
) -> list[ContactOutcome]:
    """Enroll chosen contacts, or those of a segment, here and now; returns what became of each.

    By the same tasks as ``enroll_segment``, for as many as somebody waits for: it takes some 50 ms, and little more for
    hundreds. No mailbox is probed: what is known of them counts. Waves are planned in the background; a flow, which may
    end before that, schedules them itself.
    ``contact_overrides`` are what is different for single contacts, by id.

    Raises:
        NotFound: there is no such sequence, list or record.
        WrongUse: nobody is chosen, or there is no such time zone.
        OverrideInvalid: an option for everybody makes no sense; names it.
        DatabaseUnavailable: the database is away (transient).
    """
    asked = replace(options, enrolled_by=enrolled_by) if enrolled_by else options
    batch = begin_batch.fn(sequence, sender, _segment(whom), asked, contact_overrides)
    judged: list[int] = []
    for candidates in load_candidates.fn(batch):
        judged += candidates["contact_id"].tolist()
        timed = time_first_steps.fn(candidates, batch)
        verdict = check_enrollability.fn(timed, batch)
        planned = forecast_sends.fn(verdict, batch)
        open_enrollments.fn(planned, verdict, batch)
    batch_id = finish_batch.fn(batch)
    plan_waves_soon()
    with database.transaction(current().engine) as connection:
        return outcomes_of(connection, batch_id, judged)


def _segment(whom: Sequence[int] | Segment) -> Segment:
    return whom if isinstance(whom, Segment) else Segment(contact_ids=tuple(whom))


def foresee(
    sequence: str,
    sender: str,
    whom: Sequence[int] | Segment,
    options: EnrollmentOptions = EnrollmentOptions(),  # noqa: B008 - frozen
    contact_overrides: Mapping[int, Overrides] | None = None,
) -> list[ContactOutcome]:
    """What ``enroll_now`` would do, and when each contact would be mailed; nothing is stored. Raises the same."""
    batch = outline_batch.fn(sequence, sender, _segment(whom), options, contact_overrides)
    foreseen: list[ContactOutcome] = []
    for candidates in load_candidates.fn(batch):
        timed = time_first_steps.fn(candidates, batch)
        verdict = check_enrollability.fn(timed, batch)
        planned = forecast_sends.fn(verdict, batch)
        foreseen += foreseen_outcomes(verdict, planned)
    return foreseen


def prepare() -> None:
    """Load what the first enrollment of a process would wait seconds for."""
    validation.prepare()


def plan_waves_soon() -> None:
    """Let what is due have its wave, in the background; where no Prefect server is known ``catch-up`` does it later."""
    if get_current_settings().api.url and _waiting.acquire(blocking=False):
        threading.Thread(target=copy_context().run, args=(_plan_waves,), name="waves", daemon=True).start()


def _plan_waves() -> None:
    time.sleep(PAUSE_SECONDS)
    with _planning:
        _waiting.release()
        try:
            schedule_waves.fn()
        except Exception as error:
            logger.warning("Waves are left to catch-up: %s", error)
