"""Contacts over the API: get, search, add and change."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field

from cadenza.domain.access import Scope
from cadenza.domain.contact import property_name
from cadenza.domain.enrollment import Outcome, Segment
from cadenza.domain.report import Choice
from cadenza.errors import NotFound
from cadenza.sources.addresses import normalize_address
from cadenza.store.contact_pages import count_found, find_contacts
from cadenza.store.contacts import contacts_by_ids
from cadenza.store.deletions import erase_contact
from cadenza.store.enrollments import EnrollmentRow, page_enrollments
from cadenza.store.upserts import Upserted, upsert_contacts
from cadenza.web.api.callers import Caller, need
from cadenza.web.api.errors import ErrorDetail, Problem
from cadenza.web.api.shapes import STORABLE, AnyPage, IdInUrl, In, Name, Page, Paged, Words, page_of

router = APIRouter(tags=["contacts"])

Reader = Annotated[Caller, need(Scope.CONTACTS_READ)]
Writer = Annotated[Caller, need(Scope.CONTACTS_WRITE)]

#: Contacts of one request.
MOST_CONTACTS = 1_000


class Contact(BaseModel):
    """A contact as it is stored."""

    id: int
    email: str | None
    #: None: it is no address.
    email_normalized: str | None
    first_name: str | None
    last_name: str | None
    company: str | None
    job_title: str | None
    phone: str | None
    country: str | None
    city: str | None
    language: str | None
    time_zone: str | None
    owner_email: str | None
    external_id: str | None
    properties: dict[str, str]
    bounced_at: datetime | None
    complained_at: datetime | None
    opted_out_at: datetime | None
    created_at: datetime
    updated_at: datetime


class ContactIn(In):
    """What a request says of a contact; it is found by its address, else by ``external_id``.

    A field that is left out stays as it is; null, or an empty text, empties it.
    """

    email: Words | None = None
    first_name: Words | None = None
    last_name: Words | None = None
    company: Words | None = None
    job_title: Words | None = None
    phone: Words | None = None
    country: Words | None = None
    city: Words | None = None
    language: Words | None = None
    time_zone: Words | None = None
    owner_email: Words | None = None
    external_id: Words | None = None
    properties: Annotated[dict[str, Words | None], Field(max_length=200)] = Field(default_factory=dict)


class Contacts(In):
    """Contacts to be added or changed: all of them, or none."""

    contacts: Annotated[list[ContactIn], Field(min_length=1, max_length=MOST_CONTACTS)]


class Changed(BaseModel):
    """What became of each contact, in the order of the request."""

    results: list[Upserted]


class Search(Paged):
    """Which contacts: ``country = Germany and job_title contains "head"``."""

    filter: Annotated[str | None, Field(min_length=1, max_length=10_000, pattern=STORABLE)] = None
    email: Annotated[str | None, Field(min_length=1, max_length=320, pattern=STORABLE)] = None


class FoundContacts(Page[Contact]):
    """A page of contacts, and how many there are in all."""

    total: int


class Sending(In):
    """From whom the mails would be."""

    sender: Annotated[
        Name | None, Field(description="Handle of the user whom the mails are from, or `@owner`; else the key's user.")
    ] = None


class OfferedSequence(BaseModel):
    """A sequence, and what would become of the contact if it were enrolled now."""

    sequence: str
    title: str
    folder: str
    outcome: Outcome
    #: Why it would be held or refused; of one that would be enrolled: a warning.
    code: str | None
    cause: str | None
    detail: str | None
    remedy: str | None

    @classmethod
    def of(cls, choice: Choice) -> OfferedSequence:
        """A choice for a single contact."""
        counts = {Outcome.ENROLLED: choice.enrolled, Outcome.HELD: choice.held, Outcome.REFUSED: choice.refused}
        reason = next((one for one in choice.by_code if one.count), None)
        return cls(
            sequence=choice.sequence,
            title=choice.title,
            folder=choice.folder,
            outcome=next(outcome for outcome, count in counts.items() if count),
            code=reason and reason.code,
            cause=reason and reason.cause,
            detail=reason and (choice.details.get(reason.code) or None),
            remedy=reason and reason.remedy,
        )


class OfferedSequences(BaseModel):
    """Every sequence that is shared with the sender, by folder and name."""

    results: list[OfferedSequence]


@router.get("/contacts")
def search(request: Request, caller: Reader, wanted: Annotated[Search, Query()]) -> FoundContacts:
    """Find contacts by a filter or an address, in the order of their ids."""
    if wanted.filter and wanted.email:
        raise Problem(
            422, "Both filter and email are given: name the contacts by one of them.", "CONFLICT", field="filter"
        )
    with caller.transaction() as connection:
        found = find_contacts(connection, wanted.filter, wanted.email, wanted.place, wanted.limit + 1)
        total = count_found(connection, wanted.filter, wanted.email)
    page = page_of(request, [Contact.model_validate(row) for row in found], wanted.limit, lambda contact: contact.id)
    return FoundContacts(results=page.results, paging=page.paging, total=total)


@router.get("/contacts/{contact_id}")
def get(caller: Reader, contact_id: IdInUrl) -> Contact:
    """One contact."""
    with caller.transaction() as connection:
        found = contacts_by_ids(connection, [contact_id])
    if not found:
        raise NotFound(f"There is no contact {contact_id}.")
    return Contact.model_validate(found[contact_id])


@router.get("/contacts/{contact_id}/enrollments")
def enrollments(
    request: Request, caller: Annotated[Caller, need(Scope.ENROLLMENTS_READ)], contact_id: IdInUrl, page: AnyPage
) -> Page[EnrollmentRow]:
    """The sequences that a contact is in or was in, the newest first."""
    with caller.transaction() as connection:
        if not contacts_by_ids(connection, [contact_id]):
            raise NotFound(f"There is no contact {contact_id}.")
        found = page_enrollments(connection, page.place if page.after else None, page.limit + 1, contact_id=contact_id)
    return page_of(request, found, page.limit, lambda row: row.id)


@router.get("/contacts/{contact_id}/sequences")
def sequences(
    caller: Annotated[Caller, need(Scope.ENROLLMENTS_READ)], contact_id: IdInUrl, asked: Annotated[Sending, Query()]
) -> OfferedSequences:
    """Into which sequences a contact can be enrolled now, and why not into the others."""
    from flows.choose_sequence import choose_sequence

    user = caller.user_for(None, "enrolled_by")
    sender = asked.sender or user
    if sender is None:
        raise Problem(
            422, "No sender is named, and the key acts for nobody: name one.", "SENDER_MISSING", field="sender"
        )
    with caller.transaction() as connection:
        if not contacts_by_ids(connection, [contact_id]):
            raise NotFound(f"There is no contact {contact_id}.")
    choices = choose_sequence(Segment(contact_ids=(contact_id,)), sender, user)
    return OfferedSequences(results=[OfferedSequence.of(choice) for choice in choices])


@router.delete("/contacts/{contact_id}", status_code=204)
def erase(caller: Writer, contact_id: IdInUrl) -> None:
    """Forget who a contact is, for ever: what it is in ends, and only numbers stay."""
    with caller.transaction() as connection:
        erase_contact(connection, str(contact_id), caller.actor, caller.now)


@router.post("/contacts")
def upsert(caller: Writer, body: ContactIn) -> Upserted:
    """Add a contact, or change the one of this address or ``external_id``."""
    return _upsert(caller, [body])[0]


@router.post("/contacts/batch")
def upsert_many(caller: Writer, body: Contacts) -> Changed:
    """Add or change up to 1,000 contacts, all of them or, if one is not valid, none."""
    return Changed(results=_upsert(caller, body.contacts))


def _upsert(caller: Caller, contacts: list[ContactIn]) -> list[Upserted]:
    rows = [_stored(contact) for contact in contacts]
    if nameless := [number for number, row in enumerate(rows) if not row["identity_key"]]:
        raise _nameless(nameless, len(rows))
    with caller.transaction() as connection:
        return upsert_contacts(connection, rows, caller.now)


def _stored(contact: ContactIn) -> dict[str, Any]:
    """A contact as the store takes it; its ``identity_key`` is empty if nothing tells it apart from others."""
    row = contact.model_dump(exclude_unset=True)
    address = normalize_address(contact.email or "")
    external_id = (contact.external_id or "").strip()
    if "email" in row:
        row["email_normalized"] = address
    if contact.owner_email:
        row["owner_email"] = contact.owner_email.lower()
    row["properties"] = {
        property_name(name): (value and value.strip()) or None for name, value in contact.properties.items()
    }
    if "" in row["properties"]:
        words = "The name of a property has no letter and no digit: choose another."
        raise Problem(422, words, "INVALID_VALUE", field="properties")
    row["identity_key"] = f"email:{address}" if address else f"external:{external_id}" if external_id else ""
    return row


def _nameless(numbers: list[int], of: int) -> Problem:
    """Contacts that nothing tells apart from others."""
    sentence = "a contact needs a valid address in email, or an external_id: correct or add one of them"
    where = "email" if of == 1 else "contacts.{}.email"
    code = "EMAIL_INVALID_SYNTAX"
    details = [ErrorDetail(message=sentence, code=code, field=where.format(number)) for number in numbers[:20]]
    return Problem(422, f"{len(numbers)} of {of} contacts: {sentence}.", code, details=details)
