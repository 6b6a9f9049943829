"""Which contacts are there, and how do many new ones get in?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, text

from cadenza.domain.contact import COMPANY_FIELDS, CONTACT_FIELDS
from cadenza.domain.importing import ALREADY_KNOWN, SAME_IN_SOURCE
from cadenza.store.companies import merge_staged_companies
from cadenza.store.database import driver_connection

#: The columns that ``stage_contacts`` takes, in this order.
STAGED_COLUMNS: Final = (
    "line",
    "identity_key",
    "email_normalized",
    *CONTACT_FIELDS,
    *COMPANY_FIELDS,
    "properties",
)

_MERGED_COLUMNS: Final = ("email_normalized", *CONTACT_FIELDS)
_COLLAPSED_COLUMNS: Final = (*_MERGED_COLUMNS, *COMPANY_FIELDS)


@dataclass(frozen=True, slots=True)
class Merge:
    """What became of staged rows: each is imported (a new contact) or merged into one that was there."""

    imported: int
    merged: int


def contacts_by_ids(connection: Connection, contact_ids: Sequence[int]) -> dict[int, dict[str, Any]]:
    """The fields and properties of contacts, by id; ids of no contact are left out."""
    rows = connection.execute(
        text("SELECT * FROM contacts WHERE id = ANY (CAST(:contact_ids AS bigint[]))"),
        {"contact_ids": list(contact_ids)},
    )
    return {row["id"]: dict(row) for row in rows.mappings()}


def create_staging(connection: Connection) -> None:
    """Make the temporary tables of staged contacts and of those that are known; they live as long as the transaction.

    Imports wait for each other: what one has looked up, no other one inserts.
    """
    connection.execute(text("SELECT pg_advisory_xact_lock(7267)"))
    columns = ", ".join(f"{name} text" for name in _COLLAPSED_COLUMNS)
    connection.execute(
        text(f"""
            CREATE TEMPORARY TABLE staged_contacts (
                line integer NOT NULL, is_repeat boolean NOT NULL DEFAULT false, identity_key text NOT NULL,
                {columns}, properties jsonb
            ) ON COMMIT DROP
        """)
    )
    connection.execute(
        text("""
            CREATE TEMPORARY TABLE known_contacts (
                line integer NOT NULL, identity_key text NOT NULL, id bigint NOT NULL, is_changed boolean NOT NULL
            ) ON COMMIT DROP
        """)
    )


def stage_contacts(connection: Connection, blocks: Iterable[bytes]) -> None:
    """Replace what is staged by rows in CSV without a header, columns as ``STAGED_COLUMNS``; empty means none."""
    with driver_connection(connection).cursor() as cursor:
        cursor.execute("TRUNCATE staged_contacts")
        copy = f"COPY staged_contacts ({', '.join(STAGED_COLUMNS)}) FROM STDIN (FORMAT csv)"
        with cursor.copy(copy.encode()) as rows:
            for block in blocks:
                rows.write(block)


def merge_staged(connection: Connection, import_id: int, list_id: int, now: datetime) -> Merge:
    """Merge the staged rows into the contacts by identity key, put them on the list, and note the merged rows.

    Of rows with the same identity, and against the contact that is there already, the later value wins; an empty
    one never erases. Merged rows get the code SAME_IN_SOURCE or ALREADY_KNOWN in ``import_rows``.
    """
    merge_staged_companies(connection)
    if connection.scalar(text(_HAS_REPEATS)):
        connection.execute(text(_COLLAPSE))
    connection.execute(text("TRUNCATE known_contacts"))
    connection.execute(text(_KNOW))
    # How many are known decides whether contacts are best found one by one: no plan can guess it.
    connection.execute(text("ANALYZE known_contacts"))
    row = connection.execute(text(_MERGE), {"import_id": import_id, "list_id": list_id, "now": now}).one()
    return Merge(imported=row.imported, merged=row.merged)


_HAS_REPEATS: Final = "SELECT count(*) > count(DISTINCT identity_key) FROM staged_contacts"

#: The first row of an identity takes over what its repeats say.
_COLLAPSE: Final = f"""
    WITH repeated AS MATERIALIZED (
        SELECT * FROM staged_contacts
        WHERE identity_key IN (SELECT identity_key FROM staged_contacts GROUP BY 1 HAVING count(*) > 1)
    ),
    properties AS (
        SELECT r.identity_key, jsonb_object_agg(p.key, p.value ORDER BY r.line) AS properties
        FROM repeated r CROSS JOIN LATERAL jsonb_each(r.properties) p
        GROUP BY r.identity_key
    ),
    collapsed AS (
        SELECT identity_key, min(line) AS line,
               {
    ", ".join(
        f"(array_agg({name} ORDER BY line DESC) FILTER (WHERE {name} IS NOT NULL))[1] AS {name}"
        for name in _COLLAPSED_COLUMNS
    )
}
        FROM repeated
        GROUP BY identity_key
    )
    UPDATE staged_contacts s
    SET is_repeat = s.line <> c.line, properties = p.properties,
        {", ".join(f"{name} = c.{name}" for name in _COLLAPSED_COLUMNS)}
    FROM collapsed c LEFT JOIN properties p USING (identity_key)
    WHERE s.identity_key = c.identity_key
"""  # noqa: S608

#: Known contacts are looked up one index probe each, however many there are.
_KNOW: Final = f"""
    INSERT INTO known_contacts (line, identity_key, id, is_changed)
    SELECT s.line, s.identity_key, c.id,
           coalesce(NOT c.properties @> coalesce(s.properties, '{{}}') OR k.id <> c.company_id
                    OR {" OR ".join(f"s.{name} <> coalesce(c.{name}, '')" for name in _MERGED_COLUMNS)}, false)
    FROM staged_contacts s
    CROSS JOIN LATERAL (SELECT * FROM contacts WHERE contacts.identity_key = s.identity_key LIMIT 1) c
    LEFT JOIN companies k ON lower(k.name) = lower(s.company)
    WHERE NOT s.is_repeat
"""  # noqa: S608

#: Known contacts are written only if something changes; all others are inserted without the price of ON CONFLICT, which
#: the lock makes safe.
_MERGE: Final = f"""
    WITH updated AS (
        UPDATE contacts c
        SET updated_at = :now, company_id = coalesce(k.id, c.company_id),
            properties = c.properties || coalesce(s.properties, '{{}}'),
            {", ".join(f"{name} = coalesce(s.{name}, c.{name})" for name in _MERGED_COLUMNS)}
        FROM known_contacts known JOIN staged_contacts s USING (line)
        LEFT JOIN companies k ON lower(k.name) = lower(s.company)
        WHERE c.id = known.id AND known.is_changed
    ),
    inserted AS (
        INSERT INTO contacts
               (identity_key, company_id, properties, created_at, updated_at, {", ".join(_MERGED_COLUMNS)})
        SELECT s.identity_key, k.id, coalesce(s.properties, '{{}}'), :now, :now,
               {", ".join(f"s.{name}" for name in _MERGED_COLUMNS)}
        FROM staged_contacts s LEFT JOIN companies k ON lower(k.name) = lower(s.company)
        WHERE NOT s.is_repeat AND NOT EXISTS (SELECT FROM known_contacts known WHERE known.line = s.line)
        ORDER BY s.line
        RETURNING id, identity_key
    ),
    new_members AS (
        INSERT INTO list_members (list_id, contact_id, added_at) SELECT :list_id, id, :now FROM inserted
    ),
    known_members AS (
        INSERT INTO list_members (list_id, contact_id, added_at) SELECT :list_id, id, :now FROM known_contacts
        ON CONFLICT DO NOTHING
    ),
    notes AS (
        INSERT INTO import_rows (import_id, line, outcome, code, contact_id)
        SELECT :import_id, line, 'merged', '{ALREADY_KNOWN}', id FROM known_contacts
        UNION ALL
        SELECT :import_id, s.line, 'merged', CASE WHEN k.id IS NULL THEN '{SAME_IN_SOURCE}' ELSE '{ALREADY_KNOWN}' END,
               coalesce(k.id, i.id)
        FROM staged_contacts s
        LEFT JOIN known_contacts k USING (identity_key) LEFT JOIN inserted i USING (identity_key)
        WHERE s.is_repeat
    )
    SELECT (SELECT count(*) FROM inserted) AS imported,
           (SELECT count(*) FROM staged_contacts) - (SELECT count(*) FROM inserted) AS merged
"""  # noqa: S608
