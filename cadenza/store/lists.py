"""Which lists are there, and who is on them?"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, TextClause, text
from sqlalchemy.dialects import postgresql

from cadenza.domain.enrollment import Segment
from cadenza.domain.filter import parse_filter
from cadenza.errors import NotFound, WrongUse
from cadenza.store.filters import condition_sql
from cadenza.store.records import candidates_of


@dataclass(frozen=True, slots=True)
class ContactList:
    """A named set of contacts: chosen ones, or those that a filter finds each time it is loaded."""

    id: int
    name: str
    kind: Literal["static", "active"]
    filter: str | None = None
    source: str | None = None


_LIST = "SELECT id, name, kind, filter, source FROM lists"


def find_list(connection: Connection, name: str) -> ContactList:
    """The list of that name.

    Raises:
        NotFound: names the lists whose names come nearest.
    """
    row = connection.execute(text(f"{_LIST} WHERE name = :name"), {"name": _storable(name)}).one_or_none()
    if row is None:
        names = list(connection.scalars(text("SELECT name FROM lists ORDER BY name")))
        near = difflib.get_close_matches(name, names, n=3, cutoff=0.4) or names[:3]
        hint = f"Is it {' or '.join(repr(one) for one in near)}?" if near else "There are no lists yet: import one."
        raise NotFound(f"There is no list {name!r}. {hint}")
    return ContactList(**row._mapping)


def list_lists(connection: Connection) -> list[ContactList]:
    """Every list, by name."""
    return [ContactList(**row._mapping) for row in connection.execute(text(f"{_LIST} ORDER BY name"))]


def page_lists(connection: Connection, after: int, limit: int) -> list[ContactList]:
    """The next lists behind an id."""
    rows = connection.execute(
        text(f"{_LIST} WHERE id > :after ORDER BY id LIMIT :limit"), {"after": after, "limit": limit}
    )
    return [ContactList(**row._mapping) for row in rows]


def list_by_id(connection: Connection, list_id: int) -> ContactList:
    """The list of that number.

    Raises:
        NotFound: there is no such list.
    """
    row = connection.execute(text(f"{_LIST} WHERE id = :id"), {"id": list_id}).one_or_none()
    if row is None:
        raise NotFound(f"There is no list {list_id}.")
    return ContactList(**row._mapping)


def save_active_list(connection: Connection, name: str, filter: str, now: datetime) -> ContactList:
    """Create an active list, or give the one of that name another filter.

    Raises:
        FilterInvalid: names the position and what may stand there.
        WrongUse: a static list has this name.
    """
    parse_filter(filter)
    return _save(connection, name, "active", filter, None, now)


def save_static_list(connection: Connection, name: str, source: str | None, now: datetime) -> ContactList:
    """Create a static list, or take the one of that name: its members stay.

    Raises:
        WrongUse: an active list has this name.
    """
    return _save(connection, name, "static", None, source, now)


def add_members(connection: Connection, list_id: int, contact_ids: Iterable[int], now: datetime) -> int:
    """Put contacts on a static list; returns how many were not on it. Ids of no contact are passed over."""
    added = connection.execute(
        text("""
            INSERT INTO list_members (list_id, contact_id, added_at)
            SELECT :list_id, id, :now FROM contacts WHERE id = ANY (CAST(:contact_ids AS bigint[]))
            ON CONFLICT DO NOTHING
        """),
        {"list_id": list_id, "contact_ids": list(contact_ids), "now": now},
    )
    return added.rowcount


def members(connection: Connection, segment: Segment) -> TextClause:
    """A query for the ids of a segment's contacts, one column ``contact_id``, its parameters bound.

    It is meant to be embedded, ``SELECT … FROM (…) AS member WHERE contact_id > :after ORDER BY contact_id``.
    Names of parameters start with ``segment_``.

    Raises:
        NotFound: there is no such list.
        FilterInvalid: names the position and what may stand there.
        WrongUse: the segment is not exactly one of a name, a filter, chosen contacts or records.
    """
    given = [segment.name is not None, segment.filter is not None, bool(segment.contact_ids), bool(segment.records)]
    if given.count(True) != 1:
        raise WrongUse("A segment is exactly one of the name of a list, a filter, chosen contacts, or records.")
    if segment.new_to is not None:
        return _new_members(connection, segment, segment.new_to)
    if segment.records:
        of_records = candidates_of(connection, segment.records)
        distinct = f"SELECT DISTINCT contact_id FROM ({of_records.text}) f WHERE contact_id IS NOT NULL"  # noqa: S608
        return text(distinct).bindparams(**values_of(of_records))
    if segment.contact_ids:
        chosen = "SELECT DISTINCT contact_id FROM unnest(CAST(:segment_ids AS bigint[])) AS chosen(contact_id)"
        return text(chosen).bindparams(segment_ids=list(segment.contact_ids))
    if segment.filter is not None:
        return _filtered(segment.filter)
    found = find_list(connection, segment.name or "")
    if found.filter is not None:
        return _filtered(found.filter)
    query = "SELECT contact_id FROM list_members WHERE list_id = :segment_list_id"
    return text(query).bindparams(segment_list_id=found.id)


def count_members(connection: Connection, segment: Segment) -> int:
    """How many contacts a segment has now."""
    fragment = members(connection, segment)
    return count_rows(connection, fragment)


def count_rows(connection: Connection, fragment: TextClause) -> int:
    """How many rows a query with bound parameters gives."""
    counted = text(f"SELECT count(*) FROM ({fragment.text}) AS counted")  # noqa: S608
    return int(connection.scalar(counted, values_of(fragment)) or 0)


def values_of(fragment: TextClause) -> dict[str, Any]:
    """The values that are bound to a query's parameters, to embed it in another one."""
    return dict(fragment.compile(dialect=postgresql.dialect()).params)  # type: ignore[no-untyped-call]


def page_members(connection: Connection, segment: Segment, after: int, limit: int) -> list[int]:
    """The ids of the next contacts of a segment behind an id. Raises what ``members`` raises."""
    fragment = members(connection, segment)
    page = text(f"""
        SELECT contact_id FROM ({fragment.text}) AS member
        WHERE contact_id > :after ORDER BY contact_id LIMIT :limit
    """)  # noqa: S608
    return list(connection.scalars(page, {"after": after, "limit": limit, **fragment.compile().params}))


def _new_members(connection: Connection, segment: Segment, sequence: str) -> TextClause:
    """Those of a list whom no enrollment of the sequence from it has judged: neither enrolled nor refused."""
    everybody = members(connection, replace(segment, new_to=None))
    judged = """
        WITH earlier AS (
            SELECT b.id FROM batches b JOIN sequence_versions v ON v.id = b.sequence_version_id
            JOIN sequences s ON s.id = v.sequence_id
            WHERE b.segment = :segment_list AND s.name = :segment_new_to
        )
        SELECT contact_id FROM enrollments WHERE batch_id IN (SELECT id FROM earlier)
        UNION ALL SELECT contact_id FROM refusals WHERE batch_id IN (SELECT id FROM earlier)
    """
    new = text(f"""
        SELECT everybody.contact_id FROM ({everybody.text}) AS everybody
        WHERE NOT EXISTS (SELECT FROM ({judged}) AS judged WHERE judged.contact_id = everybody.contact_id)
    """)  # noqa: S608
    return new.bindparams(**values_of(everybody), segment_list=segment.name, segment_new_to=sequence)


def _filtered(expression: str) -> TextClause:
    condition, parameters = condition_sql(parse_filter(expression))
    return text(f"SELECT c.id AS contact_id FROM contacts c WHERE c.erased_at IS NULL AND {condition}").bindparams(  # noqa: S608
        **parameters
    )


def _save(
    connection: Connection, name: str, kind: str, filter: str | None, source: str | None, now: datetime
) -> ContactList:
    name = name.strip()
    if not name or name != _storable(name):
        raise WrongUse("A list needs a name, without control characters.")
    row = connection.execute(
        text("""
            INSERT INTO lists (name, kind, filter, source, created_at, updated_at)
            VALUES (:name, :kind, :filter, :source, :now, :now)
            ON CONFLICT (name) DO UPDATE
               SET filter = excluded.filter, source = coalesce(excluded.source, lists.source), updated_at = :now
             WHERE lists.kind = excluded.kind
            RETURNING id, name, kind, filter, source
        """),
        {"name": name, "kind": kind, "filter": filter, "source": source, "now": now},
    ).one_or_none()
    if row is None:
        other = "active" if kind == "static" else "static"
        raise WrongUse(
            f"There is an {other} list {name!r} already: choose another name.".replace("an static", "a static")
        )
    return ContactList(**row._mapping)


def _storable(name: str) -> str:
    """A name without what no database text can hold."""
    return "".join(character for character in name if character.isprintable())
