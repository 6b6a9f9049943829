"""Statistics over the API: what became of sequences, steps and variants, and what comes next?"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import AwareDatetime, BaseModel

from cadenza.domain.access import Scope
from cadenza.domain.enrollment import EnrollmentStatus
from cadenza.domain.performance import RATES, GroupedBy, Performance, StepPerformance
from cadenza.domain.performance import Scope as Counted
from cadenza.store.schedule import Coming, coming_steps
from cadenza.store.statistics import performance, step_performance
from cadenza.web.api.callers import Caller, need
from cadenza.web.api.shapes import IdInUrl, In, Limit, Name, Page

router = APIRouter(tags=["reports"])

Reader = Annotated[Caller, need(Scope.REPORTS_READ)]


class Wanted(In):
    """Which enrollments are counted; what is left out may be anything."""

    sequence: Name | None = None
    folder: Name | None = None
    sender: Name | None = None
    company: Name | None = None
    status: EnrollmentStatus | None = None
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None

    def as_scope(self) -> Counted:
        """The same as plain data."""
        return Counted(**{name: getattr(self, name) for name in Counted.__dataclass_fields__})


class GroupsWanted(Wanted):
    """And by what they are grouped."""

    by: GroupedBy = "sequence"


class Line(BaseModel):
    """What became of some enrollments, and the shares of it; a share of nothing is none."""

    numbers: Performance
    rates: dict[str, float | None]


class StepLine(BaseModel):
    """What became of the mails or to-dos of one step, or of one of its variants."""

    numbers: StepPerformance
    reply_rate: float | None


class NextWanted(In):
    """Whose next steps; what is left out may be anybody's."""

    sequence: Name | None = None
    sender: Name | None = None
    contact_id: IdInUrl | None = None
    limit: Limit = 100


@router.get("/statistics")
def lines(caller: Reader, wanted: Annotated[GroupsWanted, Query()]) -> Page[Line]:
    """What became of the enrollments of each sequence, sender, company or folder, those with most of them first."""
    with caller.transaction() as connection:
        found = performance(connection, wanted.as_scope(), wanted.by)
    return Page(results=[Line(numbers=one, rates={name: getattr(one, name) for name in RATES}) for one in found])


@router.get("/statistics/steps")
def steps(caller: Reader, wanted: Annotated[Wanted, Query()]) -> Page[StepLine]:
    """What became of each step and variant, by sequence and position."""
    with caller.transaction() as connection:
        found = step_performance(connection, wanted.as_scope())
    return Page(results=[StepLine(numbers=one, reply_rate=one.reply_rate) for one in found])


@router.get("/scheduled")
def scheduled(
    caller: Annotated[Caller, need(Scope.ENROLLMENTS_READ)], wanted: Annotated[NextWanted, Query()]
) -> Page[Coming]:
    """The next step of each active enrollment, the soonest first."""
    with caller.transaction() as connection:
        found = coming_steps(
            connection,
            sequence=wanted.sequence,
            sender=wanted.sender,
            contact=str(wanted.contact_id) if wanted.contact_id else None,
            limit=wanted.limit,
        )
    return Page(results=found)
