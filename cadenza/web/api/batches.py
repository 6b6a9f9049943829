"""Batches over the API: which enrollments were run, and who was refused why?"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import BaseModel

from cadenza.domain.access import Scope
from cadenza.domain.enrollment import Outcome
from cadenza.domain.refusals import CATALOGUE
from cadenza.domain.report import RefusalCount
from cadenza.store import batch_list, reports
from cadenza.store.batch_list import BatchRow
from cadenza.store.batch_refusals import page_refusals
from cadenza.web.api.callers import Caller, need
from cadenza.web.api.shapes import AnyPage, IdInUrl, Page, page_of

router = APIRouter(tags=["batches"])

Reader = Annotated[Caller, need(Scope.REPORTS_READ)]


class CodeLine(BaseModel):
    """One code, and how many contacts it concerns."""

    code: str
    outcome: Outcome
    #: Contacts of which it is the reason, and contacts that break the rule besides.
    contacts: int
    mentions: int
    cause: str
    remedy: str

    @classmethod
    def of(cls, one: RefusalCount) -> CodeLine:
        """The count as the API shows it."""
        return cls(
            code=one.code,
            outcome=one.outcome,
            contacts=one.count,
            mentions=one.mentions,
            cause=one.cause,
            remedy=one.remedy,
        )


class Batch(BaseModel):
    """One run of an enrollment with its errors by code."""

    id: int
    sequence: str
    segment: str
    sender: str
    started_at: datetime
    candidates: int
    #: The same for two batches that looked at the same contacts.
    fingerprint: str
    enrolled: int
    held: int
    refused: int
    by_code: list[CodeLine]


class Refusal(BaseModel):
    """Why one contact was refused or held, or what is to be said of it."""

    #: Its place in the batch.
    line: int
    contact_id: int | None
    code: str
    outcome: Outcome
    detail: str
    cause: str
    remedy: str
    #: Codes of the other rules that the contact breaks.
    also_broken: list[str]


class Run(BaseModel):
    """How far a run that enrolls many contacts is."""

    run_id: UUID
    #: None: it has not begun yet, or ended before it did.
    batch_id: int | None
    is_finished: bool


@router.get("/batches")
def page(request: Request, caller: Reader, wanted: AnyPage) -> Page[BatchRow]:
    """The enrollments that were run, the newest first."""
    with caller.transaction() as connection:
        before = wanted.place if wanted.after else None
        found = batch_list.list_batches(connection, wanted.limit + 1, before)
    return page_of(request, found, wanted.limit, lambda one: one.id)


@router.get("/batches/{batch_id}")
def get(caller: Reader, batch_id: IdInUrl) -> Batch:
    """One batch: counts, and its errors by code."""
    with caller.transaction() as connection:
        batch = reports.find_batch(connection, batch_id)
        counts = reports.count_refusals(connection, batch_id)
        fingerprint = reports.fingerprint(connection, batch_id)
    lines = [RefusalCount(one.code, one.outcome, one.reasons, one.mentions) for one in counts]
    return Batch(
        id=batch.id,
        sequence=batch.sequence,
        segment=batch.segment,
        sender=batch.sender,
        started_at=batch.started_at,
        candidates=batch.enrollments + batch.refused,
        fingerprint=fingerprint,
        enrolled=batch.enrolled,
        held=batch.held,
        refused=batch.refused,
        by_code=[CodeLine.of(one) for one in lines],
    )


@router.get("/batches/{batch_id}/refusals")
def refusals(request: Request, caller: Reader, batch_id: IdInUrl, wanted: AnyPage) -> Page[Refusal]:
    """The contacts of a batch with an error or a warning, in the batch's order."""
    with caller.transaction() as connection:
        reports.find_batch(connection, batch_id)
        found = page_refusals(connection, batch_id, wanted.place, wanted.limit + 1)
    return page_of(request, [_refusal(row) for row in found], wanted.limit, lambda one: one.line)


@router.get(
    "/batches/{batch_id}/refusals.csv",
    response_class=Response,
    responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}, "description": "A table."}},
)
def table(caller: Reader, batch_id: IdInUrl) -> Response:
    """The same as a table for people, with addresses; no cell starts like a formula."""
    with caller.transaction() as connection:
        reports.find_batch(connection, batch_id)
        rows = b"".join(bytes(block) for block in reports.error_report(connection, batch_id))
    name = f'attachment; filename="enrollment-errors-{batch_id}.csv"'
    return Response(b"\xef\xbb\xbf" + rows, media_type="text/csv", headers={"Content-Disposition": name})


@router.get("/runs/{run_id}")
def run(caller: Reader, run_id: UUID) -> Run:
    """How far a run is that an enrollment of many contacts started."""
    with caller.transaction() as connection:
        found = batch_list.find_run(connection, run_id)
    return Run(run_id=run_id, batch_id=found and found.id, is_finished=bool(found and found.finished_at))


def _refusal(row: Any) -> Refusal:
    known = CATALOGUE.get(row.code)
    return Refusal(**row._mapping, cause=known.cause if known else "", remedy=known.remedy if known else "")
