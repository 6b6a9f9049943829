"""Records over the API: companies, deals, tickets and others, and the contacts that they stand for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field

from cadenza.domain.access import Scope
from cadenza.domain.contact import property_name
from cadenza.domain.records import kind_named
from cadenza.store import record_pages as store
from cadenza.store.imports import import_rows
from cadenza.store.record_pages import Associate, Record
from cadenza.web.api.callers import Caller, need
from cadenza.web.api.errors import Problem
from cadenza.web.api.shapes import LARGEST_ID, STORABLE, AnyPage, In, Name, Page, Paged, Words, page_of

router = APIRouter(tags=["records"])

Reader = Annotated[Caller, need(Scope.CONTACTS_READ)]
Writer = Annotated[Caller, need(Scope.CONTACTS_WRITE)]

#: A company that only contacts name has a negative id.
RecordId = Annotated[int, Field(ge=-LARGEST_ID, le=LARGEST_ID)]
#: Records of one request, and contacts of one record.
MOST_RECORDS: Final = 1_000
MOST_CONTACTS: Final = 1_000
#: The fields of a row; every other column is a property.
FIELDS: Final = ("external_id", "name", "contact_email", "contact_id", "is_primary")


class RecordPage(Paged):
    """Which records: ``stage = won and amount >= 1000``."""

    kind: Annotated[Name | None, Field(description="`company`, `deal`, `ticket`, or the name of another kind.")] = None
    filter: Annotated[str | None, Field(min_length=1, max_length=10_000, pattern=STORABLE)] = None


class AssociateIn(In):
    """A contact of a record, who is there already: by address, or by the id in the other system."""

    email: Words | None = None
    external_id: Words | None = None
    is_primary: Annotated[bool, Field(strict=True)] = False


class RecordIn(In):
    """What a request says of a record; it is found by ``external_id``, else by its name.

    What is left out or empty stays as it is; contacts are added to those that it has.
    """

    external_id: Words | None = None
    name: Words | None = None
    properties: Annotated[dict[str, Words | None], Field(max_length=200)] = Field(default_factory=dict)
    contacts: Annotated[list[AssociateIn], Field(max_length=MOST_CONTACTS)] = Field(default_factory=list)


class Records(In):
    """Records of one kind to be added or changed: all of them, or none."""

    kind: Annotated[Name, Field(description="`company`, `deal`, `ticket`, or a name of your own.")]
    records: Annotated[list[RecordIn], Field(min_length=1, max_length=MOST_RECORDS)]


class Changed(BaseModel):
    """What became of the records."""

    kind: str
    #: How many are new.
    new: int
    #: Their associations with contacts, known ones included.
    associations: int
    #: Places in the request, from 0, of the records of which a contact is unknown.
    unknown_contacts: list[int]


@router.get("/records")
def page(request: Request, caller: Reader, wanted: Annotated[RecordPage, Query()]) -> Page[Record]:
    """Find records of a kind, or of all, by a filter over their name, external_id and properties."""
    kind = kind_named(wanted.kind) if wanted.kind else None
    with caller.transaction() as connection:
        found = store.page_records(connection, kind, wanted.filter, wanted.place, wanted.limit + 1)
    return page_of(request, found, wanted.limit, store.place_of)


@router.get("/records/{record_id}")
def get(caller: Reader, record_id: RecordId) -> Record:
    """One record."""
    with caller.transaction() as connection:
        return store.find_record(connection, record_id)


@router.get("/records/{record_id}/contacts")
def contacts(request: Request, caller: Reader, record_id: RecordId, wanted: AnyPage) -> Page[Associate]:
    """The contacts that are associated with a record; of a company also whoever works there."""
    with caller.transaction() as connection:
        store.find_record(connection, record_id)
        found = store.page_associates(connection, record_id, wanted.place, wanted.limit + 1)
    return page_of(request, found, wanted.limit, lambda one: one.contact_id)


@router.post("/records/batch")
def upsert_many(caller: Writer, body: Records) -> Changed:
    """Add or change up to 1,000 records with the contacts that they are about, as an import of a file does."""
    from cadenza.sources.cells import text_chunk
    from cadenza.sources.chunk import Chunk, Source
    from tasks.import_records import import_records

    properties = [_properties(number, one) for number, one in enumerate(body.records)]
    columns = (*FIELDS, *dict.fromkeys(name for one in properties for name in one))
    of_line: list[int] = []
    rows: list[list[str | None]] = []
    for number, (one, given) in enumerate(zip(body.records, properties, strict=True)):
        for contact in one.contacts or [AssociateIn()]:
            values = given | {
                "external_id": one.external_id,
                "name": one.name,
                "contact_email": contact.email,
                "contact_id": contact.external_id,
                "is_primary": "true" if contact.is_primary else None,
            }
            rows.append([values.get(name) for name in columns])
            of_line.append(number)

    def read() -> Iterator[Chunk]:
        yield text_chunk(columns, rows, 0)

    done = import_records.fn(Source("API", columns, read), body.kind, {name: name for name in columns})
    with caller.transaction() as connection:
        unknown = import_rows(connection, done.import_id, "unknown_contact")
    return Changed(
        kind=done.kind,
        new=done.imported,
        associations=done.associations,
        unknown_contacts=sorted({of_line[row.line] for row in unknown}),
    )


def _properties(number: int, record: RecordIn) -> dict[str, str | None]:
    """The properties of a record by the names under which they are stored.

    Raises:
        Problem: nothing tells the record from others, or a name is none, or is that of a field.
    """
    place = f"records.{number}"
    if not (record.external_id or "").strip() and not (record.name or "").strip():
        words = f"{place}: a record needs an external_id or a name: add one of them."
        raise Problem(422, words, "RECORD_UNNAMED", field=f"{place}.external_id")
    named = {property_name(name): value for name, value in record.properties.items()}
    if wrong := next((name for name in named if not name or name in FIELDS), None):
        words = f"{place}: {wrong!r} is a field and cannot be a property too: choose another name."
        raise Problem(422, words, "INVALID_VALUE", field=f"{place}.properties")
    if "" in named:
        words = f"{place}: the name of a property has no letter and no digit: choose another."
        raise Problem(422, words, "INVALID_VALUE", field=f"{place}.properties")
    return named
