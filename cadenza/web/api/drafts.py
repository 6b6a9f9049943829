"""Drafts over the API: prepare an enrollment, review it, change it, begin it for one or for all."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from cadenza.domain.access import Scope
from cadenza.store import drafts as store
from cadenza.store.drafts import Draft, DraftContact
from cadenza.web.api.batches import CodeLine
from cadenza.web.api.callers import Caller, need
from cadenza.web.api.enrolling import Enrolled, Enroller, Enrolling, read_overrides, understood
from cadenza.web.api.errors import Problem
from cadenza.web.api.once import IdempotencyKey, once
from cadenza.web.api.shapes import Id, IdInUrl, In, Name, Page, Words

router = APIRouter(tags=["drafts"])

Reader = Annotated[Caller, need(Scope.ENROLLMENTS_READ)]

ContactIds = Annotated[list[Id], Field(min_length=1, max_length=10_000)]


class Chosen(In):
    """Some contacts of a draft."""

    contact_ids: ContactIds


class SomeOrAll(In):
    """Some contacts of a draft, or (left out) all of them."""

    contact_ids: ContactIds | None = None


class Different(SomeOrAll):
    """What is different for some contacts, or for all; what was chosen before and is not named stays."""

    overrides: dict[str, Any]


class Filling(SomeOrAll):
    """A value for a token, for those who have none."""

    path: Name
    value: Words
    write_back: Annotated[bool, Field(strict=True, description="The contacts get the value too, for ever.")] = False


class Changed(BaseModel):
    """How many contacts that changed."""

    contacts: int


class MissingToken(BaseModel):
    """A token, and how many contacts have no value for it."""

    path: str
    contacts: int


class Review(BaseModel):
    """What enrolling everybody who is left would do."""

    enrolled: int
    held: int
    refused: int
    by_code: list[CodeLine]
    missing_tokens: list[MissingToken]


@router.get("/drafts")
def page(caller: Reader) -> Page[Draft]:
    """The latest 500 drafts that were not discarded, the newest first."""
    with caller.transaction() as connection:
        return Page(results=store.list_drafts(connection, 500))


@router.post("/drafts", status_code=201, response_model=Draft)
def create(caller: Enroller, body: Enrolling, key: IdempotencyKey = None) -> JSONResponse:
    """Prepare an enrollment of the contacts that are named now; nothing is sent."""
    return once(caller, key, "/drafts", body, lambda: (201, _created(caller, body)))


def _created(caller: Caller, body: Enrolling) -> Draft:
    from flows.prepare_draft import create

    sender, options, segment, _ = understood(caller, body)
    return create(body.sequence, sender, segment, options, options.enrolled_by or sender, body.own)


@router.get("/drafts/{draft_id}")
def get(caller: Reader, draft_id: IdInUrl) -> Draft:
    """One draft."""
    with caller.transaction() as connection:
        return store.find_draft(connection, draft_id)


@router.get("/drafts/{draft_id}/contacts")
def contacts(caller: Reader, draft_id: IdInUrl) -> Page[DraftContact]:
    """The contacts of a draft in their order, with what is different for each."""
    with caller.transaction() as connection:
        store.find_draft(connection, draft_id)
        return Page(results=store.draft_contacts(connection, draft_id))


@router.post("/drafts/{draft_id}/overrides")
def choose(caller: Enroller, draft_id: IdInUrl, body: Different) -> Changed:
    """Say what is different for all contacts of a draft, or for some."""
    from flows.prepare_draft import choose_for, choose_for_all

    overrides = read_overrides("overrides", body.overrides)
    if body.contact_ids is None:
        return Changed(contacts=choose_for_all(draft_id, overrides).waiting)
    return Changed(contacts=choose_for(draft_id, body.contact_ids, overrides))


@router.post("/drafts/{draft_id}/tokens")
def fill(caller: Enroller, draft_id: IdInUrl, body: Filling) -> Changed:
    """Give a token a value for contacts that have none, some or all of them."""
    from flows.prepare_draft import fill

    if body.write_back and Scope.CONTACTS_WRITE not in caller.key.scopes:
        words = f"write_back needs the scope {Scope.CONTACTS_WRITE}, which the API key lacks: leave it out."
        raise Problem(
            403, words, "MISSING_SCOPES", field="write_back", context={"missingScopes": [Scope.CONTACTS_WRITE]}
        )
    return Changed(contacts=fill(draft_id, body.path, body.value, body.contact_ids, write_back=body.write_back))


@router.post("/drafts/{draft_id}/remove")
def remove(caller: Enroller, draft_id: IdInUrl, body: Chosen) -> Changed:
    """Take contacts out of a draft."""
    from flows.prepare_draft import remove

    return Changed(contacts=remove(draft_id, body.contact_ids))


@router.post("/drafts/{draft_id}/restore")
def restore(caller: Enroller, draft_id: IdInUrl, body: Chosen) -> Changed:
    """Put removed contacts back."""
    from flows.prepare_draft import restore

    return Changed(contacts=restore(draft_id, body.contact_ids))


@router.post("/drafts/{draft_id}/review")
def review(caller: Enroller, draft_id: IdInUrl) -> Review:
    """What enrolling everybody who is left would do, and which tokens are missing; nothing is stored."""
    from flows.prepare_draft import review

    found = review(draft_id)
    return Review(
        enrolled=found.enrolled,
        held=found.held,
        refused=found.refused,
        by_code=[CodeLine.of(one) for one in found.by_code],
        missing_tokens=[MissingToken(path=path, contacts=count) for path, count in found.missing_tokens],
    )


@router.post("/drafts/{draft_id}/enroll")
def enroll(caller: Enroller, draft_id: IdInUrl, body: SomeOrAll) -> Enrolled:
    """Enroll those who are left, some or all of them. Who is refused stays in the draft, to be corrected."""
    from flows.prepare_draft import enroll

    return Enrolled.of(enroll(draft_id, body.contact_ids, enrolled_by=caller.key.user))


@router.post("/drafts/{draft_id}/discard")
def discard(caller: Enroller, draft_id: IdInUrl) -> Draft:
    """Give a draft up; what was enrolled out of it stays."""
    from flows.prepare_draft import discard

    discard(draft_id)
    with caller.transaction() as connection:
        return store.find_draft(connection, draft_id)
