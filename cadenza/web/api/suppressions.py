"""The suppression list over the API: whom does nobody write to?"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import AwareDatetime, BaseModel, Field

from cadenza.domain.access import Scope
from cadenza.domain.suppression import Kind
from cadenza.sources.entries import entries_of
from cadenza.store.suppressions import Suppression, lift_entries, list_suppressions, suppress_entries
from cadenza.web.api.callers import Caller, need
from cadenza.web.api.errors import Problem
from cadenza.web.api.shapes import STORABLE, In, Name, Page, Paged, page_of

router = APIRouter(tags=["suppressions"])

Entry = Annotated[str, Field(min_length=1, max_length=320, pattern=STORABLE)]


class Named(In):
    """Addresses, and domains with everybody below them."""

    entries: Annotated[list[Entry], Field(min_length=1, max_length=10_000)]


class Suppressed(Named):
    """What is put on the list."""

    reason: Annotated[Name | None, Field(description="Why, in a word or two.")] = None
    until: Annotated[AwareDatetime | None, Field(description="Without it: for good.")] = None


class Lifted(Named):
    """What comes off the list."""

    consent: Annotated[
        Name | None, Field(description="Where and when a person who had opted out agreed anew; it is kept.")
    ] = None


class Wanted(Paged):
    """Which entries."""

    like: Annotated[str, Field(max_length=320, pattern=STORABLE, description="Only entries that contain this.")] = ""


class Changed(BaseModel):
    """How many entries that changed."""

    entries: int


@router.get("/suppressions")
def page(
    request: Request, caller: Annotated[Caller, need(Scope.CONTACTS_READ)], wanted: Annotated[Wanted, Query()]
) -> Page[Suppression]:
    """Addresses and domains that nobody writes to, the latest first."""
    with caller.transaction() as connection:
        found = list_suppressions(connection, wanted.like, wanted.limit + 1, wanted.place or None)
    return page_of(request, found, wanted.limit, lambda one: one.id)


@router.post("/suppressions", status_code=201)
def add(caller: Annotated[Caller, need(Scope.CONTACTS_WRITE)], body: Suppressed) -> Changed:
    """Write to them never again; their sequences end before the next step. All are put on the list, or none."""
    if body.until and body.until <= caller.now:
        raise Problem(422, "until is over: name a later instant, or none.", "UNTIL_IN_PAST", field="until")
    found = _readable(body)
    with caller.transaction() as connection:
        changed = suppress_entries(connection, found, body.reason or "", caller.actor, caller.now, body.until)
    return Changed(entries=changed)


@router.post("/suppressions/remove")
def remove(caller: Annotated[Caller, need(Scope.CONTACTS_WRITE)], body: Lifted) -> Changed:
    """Write to them again, and forget a bounce. All come off the list, or none."""
    found = _readable(body)
    with caller.transaction() as connection:
        return Changed(entries=lift_entries(connection, found, body.consent or "", caller.actor, caller.now))


def _readable(body: Named) -> dict[Kind, list[str]]:
    found = entries_of(body.entries)
    if found.unreadable:
        raise Problem(
            422, f"{found.unreadable[0]!r} is neither an address nor a domain.", "INVALID_ENTRY", field="entries"
        )
    return found.by_kind
