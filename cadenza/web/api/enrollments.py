"""Enrollments over the API: where do they stand, and how does a program step in?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel

from cadenza.domain.access import Scope
from cadenza.domain.enrollment import EnrollmentStatus
from cadenza.store import enrollments as store
from cadenza.store.enrollments import EnrollmentRow
from cadenza.store.histories import Happening, history_of
from cadenza.web.api.callers import Caller, need
from cadenza.web.api.errors import Problem
from cadenza.web.api.shapes import IdInUrl, Name, Page, Paged, page_of

router = APIRouter(tags=["enrollments"])

Reader = Annotated[Caller, need(Scope.ENROLLMENTS_READ)]
Writer = Annotated[Caller, need(Scope.ENROLLMENTS_WRITE)]
#: A function of the store: connection, ids of enrollments, who asks, now; how many it changed.
Change = Callable[[Any, Sequence[int], str, datetime], int]


class Wanted(Paged):
    """Which enrollments; what is left out may be anything."""

    sequence: Name | None = None
    status: EnrollmentStatus | None = None
    batch_id: IdInUrl | None = None
    contact_id: IdInUrl | None = None


class Enrollment(BaseModel):
    """An enrollment with everything that happened in it."""

    enrollment: EnrollmentRow
    timeline: list[Happening]


@router.get("/enrollments")
def page(request: Request, caller: Reader, wanted: Annotated[Wanted, Query()]) -> Page[EnrollmentRow]:
    """Enrollments, the newest first."""
    with caller.transaction() as connection:
        found = store.page_enrollments(
            connection,
            wanted.place if wanted.after else None,
            wanted.limit + 1,
            sequence=wanted.sequence,
            status=wanted.status,
            batch_id=wanted.batch_id,
            contact_id=wanted.contact_id,
        )
    return page_of(request, found, wanted.limit, lambda row: row.id)


@router.get("/enrollments/{enrollment_id}")
def get(caller: Reader, enrollment_id: IdInUrl) -> Enrollment:
    """One enrollment with its timeline."""
    with caller.transaction() as connection:
        found = store.find_enrollment(connection, enrollment_id)
        return Enrollment(enrollment=found, timeline=history_of(connection, enrollment_id))


@router.post("/enrollments/{enrollment_id}/pause")
def pause(caller: Writer, enrollment_id: IdInUrl) -> EnrollmentRow:
    """Pause an active enrollment: what is left of a running delay is kept."""
    return _change(caller, enrollment_id, store.pause, "active")


@router.post("/enrollments/{enrollment_id}/resume")
def resume(caller: Writer, enrollment_id: IdInUrl) -> EnrollmentRow:
    """Resume a paused enrollment: the rest of its delay runs on."""
    from flows.enroll_now import plan_waves_soon

    resumed = _change(caller, enrollment_id, store.resume, "paused")
    plan_waves_soon()
    return resumed


@router.post("/enrollments/{enrollment_id}/unenroll")
def unenroll(caller: Writer, enrollment_id: IdInUrl) -> EnrollmentRow:
    """End an active or paused enrollment for good; what was sent and counted stays."""
    return _change(caller, enrollment_id, store.unenroll, "active or paused")


@router.post("/enrollments/{enrollment_id}/finish")
def finish(caller: Writer, enrollment_id: IdInUrl) -> EnrollmentRow:
    """Finish an active or paused enrollment early: what was wanted is achieved, and it counts as finished."""
    return _change(caller, enrollment_id, store.finish, "active or paused")


def _change(caller: Caller, enrollment_id: int, change: Change, needed: str) -> EnrollmentRow:
    with caller.transaction() as connection:
        before = store.find_enrollment(connection, enrollment_id)
        if not change(connection, [enrollment_id], caller.actor, caller.now):
            raise Problem(
                409,
                f"The enrollment {enrollment_id} is {before.status}: this needs one that is {needed}.",
                "WRONG_STATUS",
            )
        return store.find_enrollment(connection, enrollment_id)
