"""Which records does somebody look for, and who is associated with one?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, text

from cadenza.domain.filter import parse_filter
from cadenza.errors import NotFound
from cadenza.store.filters import condition_sql
from cadenza.store.records import ASSOCIATED, EVERY_RECORD, FIELDS


@dataclass(frozen=True, slots=True)
class Record:
    """A company, a deal, a ticket or another record; a company that only contacts name has a negative id."""

    id: int
    kind: str
    external_id: str
    name: str
    properties: dict[str, str]


@dataclass(frozen=True, slots=True)
class Associate:
    """A contact of a record."""

    contact_id: int
    is_primary: bool


#: Pages are in the order of this number, which is never negative.
_PLACE: Final = "CASE WHEN c.id > 0 THEN 2 * c.id ELSE 1 - 2 * c.id END"


def place_of(record: Record) -> int:
    """Behind which place the page after a record begins."""
    return 2 * record.id if record.id > 0 else 1 - 2 * record.id


def page_records(connection: Connection, kind: str | None, filter: str | None, after: int, limit: int) -> list[Record]:
    """The next records behind a place, of one kind or of all, that a filter finds.

    Raises:
        FilterInvalid: names the position and what may stand there.
    """
    condition, parameters = condition_sql(parse_filter(filter), fields=FIELDS) if filter else ("true", {})
    rows = connection.execute(
        text(f"""
            SELECT c.id, c.kind, c.external_id, c.name, c.properties FROM ({EVERY_RECORD}) c
            WHERE {_PLACE} > :after AND (CAST(:kind AS text) IS NULL OR c.kind = :kind) AND {condition}
            ORDER BY {_PLACE} LIMIT :limit
        """),  # noqa: S608
        {"after": after, "kind": kind, "limit": limit, **parameters},
    )
    return [Record(**row) for row in rows.mappings()]


def find_record(connection: Connection, id_: int) -> Record:
    """One record.

    Raises:
        NotFound: there is none.
    """
    row = connection.execute(text(f"SELECT * FROM ({EVERY_RECORD}) c WHERE id = :id"), {"id": id_}).one_or_none()  # noqa: S608
    if row is None:
        raise NotFound(f"There is no record {id_}.")
    return Record(**row._mapping)


def page_associates(connection: Connection, id_: int, after: int, limit: int) -> list[Associate]:
    """The next contacts of a record behind a contact's id; of a company also whoever works there."""
    rows = connection.execute(
        text(f"""
            WITH r AS (SELECT * FROM ({EVERY_RECORD}) every WHERE id = :id)
            SELECT contact_id, is_primary FROM ({ASSOCIATED}) a
            WHERE contact_id > :after ORDER BY contact_id LIMIT :limit
        """),  # noqa: S608
        {"id": id_, "after": after, "limit": limit},
    )
    return [Associate(**row) for row in rows.mappings()]
