"""Enrollments over the API: where do they stand, and how does a program step in?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field

from cadenza.domain.access import Scope
from cadenza.domain.enrollment import EnrollmentStatus
from cadenza.store import enrollments as store
from cadenza.store import schedule
from cadenza.store.choices import Choice, running
from cadenza.store.enrollments import EnrollmentRow
from cadenza.store.histories import Happening, history_of
from cadenza.store.schedule import Coming
from cadenza.web.api.callers import Caller, need
from cadenza.web.api.errors import Problem
from cadenza.web.api.shapes import Id, IdInUrl, In, Name, Page, Paged, page_of

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


class Rescheduling(In):
    """When the next step runs."""

    at: Annotated[datetime, Field(description="Local to the contact; an offset is not read.")]


class Whose(In):
    """Whose running enrollments: of one contact, of a sequence, at a company, or of both."""

    contact_id: Id | None = None
    sequence: Name | None = None
    company: Annotated[Name | None, Field(description="Its name, or the domain of its addresses.")] = None
    enrolled_by: Annotated[Name | None, Field(description="Only what this user (handle) enrolled.")] = None

    def as_choice(self) -> Choice:
        """The same as plain data."""
        contact = None if self.contact_id is None else str(self.contact_id)
        return Choice(contact, self.sequence, self.company, enrolled_by=self.enrolled_by)


class WhoseOrAll(Whose):
    """Whose running enrollments, or all of them."""

    all: Annotated[bool, Field(strict=True)] = False

    def as_choice(self) -> Choice:
        """The same as plain data."""
        return replace(super().as_choice(), is_all=self.all)


class Pausing(WhoseOrAll):
    """What is paused, and why."""

    reason: Annotated[Name | None, Field(description="People read it in the list.")] = None


class Resuming(WhoseOrAll):
    """What goes on."""

    reason: Annotated[Name | None, Field(description="Only what was paused with this reason.")] = None

    def as_choice(self) -> Choice:
        """The same as plain data."""
        return replace(super().as_choice(), paused_reason=self.reason)


class Many(BaseModel):
    """How many enrollments that changed."""

    enrollments: int


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


@router.post("/enrollments/{enrollment_id}/reschedule")
def reschedule(caller: Writer, enrollment_id: IdInUrl, body: Rescheduling) -> Coming:
    """Let the next step run at another time, local to the contact; the delays after it count from there."""
    from flows.enroll_now import plan_waves_soon

    with caller.transaction() as connection:
        store.find_enrollment(connection, enrollment_id)
        at = body.at.replace(tzinfo=None)
        moved = schedule.reschedule_enrollment(connection, enrollment_id, at, caller.actor, caller.now)
    plan_waves_soon()
    return moved


@router.post("/enrollments/pause")
def pause_many(caller: Writer, body: Pausing) -> Many:
    """Pause the active enrollments of a sequence, a company, a contact, or all."""
    return _change_many(caller, partial(store.pause, reason=body.reason), body)


@router.post("/enrollments/resume")
def resume_many(caller: Writer, body: Resuming) -> Many:
    """Resume the paused enrollments of a sequence, a company, a contact, or all."""
    from flows.enroll_now import plan_waves_soon

    resumed = _change_many(caller, store.resume, body)
    plan_waves_soon()
    return resumed


@router.post("/enrollments/unenroll")
def unenroll_many(caller: Writer, body: Whose) -> Many:
    """End the running enrollments of a sequence, a company or a contact for good."""
    return _change_many(caller, store.unenroll, body)


@router.post("/enrollments/finish")
def finish_many(caller: Writer, body: Whose) -> Many:
    """Finish the running enrollments of a sequence, a company or a contact early."""
    return _change_many(caller, store.finish, body)


def _change_many(caller: Caller, change: Change, body: Whose) -> Many:
    with caller.transaction() as connection:
        return Many(enrollments=change(connection, running(connection, body.as_choice()), caller.actor, caller.now))


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
