"""Lists and segments over the API."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from cadenza.domain.access import Scope
from cadenza.domain.enrollment import Segment
from cadenza.store import lists as store
from cadenza.store.lists import ContactList
from cadenza.web.api.callers import Caller, need
from cadenza.web.api.errors import Problem
from cadenza.web.api.shapes import STORABLE, AnyPage, Id, IdInUrl, In, Name, Page, page_of

router = APIRouter(tags=["lists"])

Reader = Annotated[Caller, need(Scope.CONTACTS_READ)]
Writer = Annotated[Caller, need(Scope.CONTACTS_WRITE)]

Ids = Annotated[list[Id], Field(max_length=10_000)]


class NewList(In):
    """A static list of chosen contacts, or an active one, whose filter finds its contacts each time it is used."""

    name: Name
    contact_ids: Ids | None = None
    filter: Annotated[str | None, Field(min_length=1, max_length=10_000, pattern=STORABLE)] = None


class Members(In):
    """Contacts to put on a static list."""

    contact_ids: Annotated[Ids, Field(min_length=1)]


class SizedList(BaseModel):
    """A list, and how many contacts it has now."""

    id: int
    name: str
    kind: str
    filter: str | None
    source: str | None
    contacts: int


@router.get("/lists")
def page(request: Request, caller: Reader, wanted: AnyPage) -> Page[ContactList]:
    """Every list and segment, in the order of their ids."""
    with caller.transaction() as connection:
        found = store.page_lists(connection, wanted.place, wanted.limit + 1)
    return page_of(request, found, wanted.limit, lambda one: one.id)


@router.get("/lists/{list_id}")
def get(caller: Reader, list_id: IdInUrl) -> SizedList:
    """One list with its size now."""
    with caller.transaction() as connection:
        return _sized(connection, store.list_by_id(connection, list_id))


@router.get("/lists/{list_id}/members")
def members(request: Request, caller: Reader, list_id: IdInUrl, wanted: AnyPage) -> Page[int]:
    """The ids of the contacts that are on a list now."""
    with caller.transaction() as connection:
        segment = Segment(name=store.list_by_id(connection, list_id).name)
        found = store.page_members(connection, segment, wanted.place, wanted.limit + 1)
    return page_of(request, found, wanted.limit, lambda contact_id: contact_id)


@router.post("/lists", status_code=201)
def create(caller: Writer, body: NewList) -> SizedList:
    """Make a list; of a name that exists: put the contacts on it as well, or give it the new filter."""
    if (body.contact_ids is None) == (body.filter is None):
        given = "Both contact_ids and filter are given" if body.filter else "Neither contact_ids nor filter is given"
        raise Problem(422, f"{given}: a list has exactly one of them.", "CONFLICT", field="filter")
    with caller.transaction() as connection:
        if body.filter is not None:
            made = store.save_active_list(connection, body.name, body.filter, caller.now)
        else:
            made = store.save_static_list(connection, body.name, "API", caller.now)
            store.add_members(connection, made.id, body.contact_ids or (), caller.now)
        return _sized(connection, made)


@router.post("/lists/{list_id}/members")
def add(caller: Writer, list_id: IdInUrl, body: Members) -> SizedList:
    """Put contacts on a static list; ids of no contact are passed over."""
    with caller.transaction() as connection:
        found = store.list_by_id(connection, list_id)
        if found.kind != "static":
            raise Problem(
                409, f"The list {found.name!r} finds its contacts by a filter: choose a static one.", "ACTIVE"
            )
        store.add_members(connection, list_id, body.contact_ids, caller.now)
        return _sized(connection, found)


def _sized(connection: Any, one: ContactList) -> SizedList:
    size = store.count_members(connection, Segment(name=one.name))
    return SizedList(id=one.id, name=one.name, kind=one.kind, filter=one.filter, source=one.source, contacts=size)
