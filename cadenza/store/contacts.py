"""Which contacts are there, and how do many new ones get in?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
from psycopg.rows import scalar_row
from sqlalchemy import Connection, text

from cadenza.domain.contact import CONTACT_FIELDS
from cadenza.domain.importing import ALREADY_KNOWN, SAME_IN_SOURCE
from cadenza.errors import NotFound
from cadenza.store.columns import copy_columns
from cadenza.store.companies import create_company_staging, merge_companies
from cadenza.store.database import driver_connection

#: Whoever inserts contacts holds this lock; an import alone: what it has looked up, no other one inserts.
NEW_CONTACTS_LOCK: Final = 7267

_MERGED_COLUMNS: Final = ("email_normalized", *CONTACT_FIELDS)
_COLLAPSED_COLUMNS: Final = (*_MERGED_COLUMNS, "company_id")


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


def contact_ids_of(connection: Connection, named: Sequence[str]) -> list[int]:
    """The ids of contacts that are named by id or address, in that order.

    Raises:
        NotFound: nobody has one of the addresses.
    """
    addresses = [name.strip().lower() for name in named if not name.isdecimal()]
    rows = connection.execute(
        text("""
            SELECT email_normalized, min(id) AS id FROM contacts
            WHERE email_normalized = ANY (CAST(:addresses AS text[])) GROUP BY 1
        """),
        {"addresses": addresses},
    )
    known = {row.email_normalized: row.id for row in rows}
    for address in addresses:
        if address not in known:
            raise NotFound(f"There is no contact with the address {address}: import the person first.")
    return [int(name) if name.isdecimal() else known[name.strip().lower()] for name in named]


def create_staging(connection: Connection) -> None:
    """Make the temporary tables that rows are merged in; they live as long as the transaction.

    Imports wait for each other: what one has looked up, no other one inserts.
    """
    connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": NEW_CONTACTS_LOCK})
    create_company_staging(connection)
    columns = ", ".join(f"{name} text" for name in _MERGED_COLUMNS)
    connection.execute(
        text(f"""
            CREATE TEMPORARY TABLE staged_contacts (
                id bigint, line integer NOT NULL, is_repeat boolean NOT NULL DEFAULT false, identity_key text NOT NULL,
                {columns}, company_id bigint, properties jsonb
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


def merge_rows(connection: Connection, rows: pa.Table, import_id: int, list_id: int, now: datetime) -> Merge:
    """Merge rows into the contacts by identity key, put them on the list, and note the merged rows.

    ``rows`` has line, identity_key, email_normalized, the fields of contacts and companies, and properties (JSON). Of
    rows with the same identity, and against the contact that is there already, the later value wins; an empty one never
    erases. Merged rows get the code SAME_IN_SOURCE or ALREADY_KNOWN in ``import_rows``. Whoever is new is copied into
    the table; only what is left is merged.
    """
    ids, are_single = _new_ids(connection, rows["identity_key"])
    rows = rows.append_column("company_id", merge_companies(connection, rows)).append_column("id", ids)
    is_copied = pc.and_(ids.is_valid(), are_single)
    added = _add(connection, rows.filter(is_copied), list_id, now)
    others = rows.filter(pc.invert(is_copied))
    if not len(others):
        return Merge(added, 0)
    connection.execute(text("TRUNCATE staged_contacts, known_contacts"))
    staged = ("id", "line", "identity_key", *_MERGED_COLUMNS, "company_id", "properties")
    copy_columns(connection, "staged_contacts", others.select(staged))
    connection.execute(text(_COLLAPSE))
    connection.execute(text(_KNOW))
    # How many are known decides whether contacts are best found one by one: no plan can guess it.
    connection.execute(text("ANALYZE known_contacts"))
    row = connection.execute(text(_MERGE), {"import_id": import_id, "list_id": list_id, "now": now}).one()
    return Merge(added + row.imported, row.merged)


def _new_ids(connection: Connection, identity_keys: pa.ChunkedArray) -> tuple[pa.Array, pa.Array]:
    """The ids of contacts to be, at the first row of each in the order of the rows; and which identities come once."""
    keys = identity_keys.combine_chunks().dictionary_encode()
    codes = keys.indices.to_numpy()
    is_known = np.zeros(len(keys.dictionary), dtype=bool)
    with driver_connection(connection).cursor(row_factory=scalar_row, binary=True) as cursor:
        cursor.execute(
            """
            SELECT asked.number FROM json_array_elements_text(%(keys)s::json) WITH ORDINALITY AS asked(key, number)
            CROSS JOIN LATERAL (SELECT FROM contacts WHERE contacts.identity_key = asked.key LIMIT 1) known
            """,
            {"keys": orjson.dumps(keys.dictionary.to_pylist()).decode()},
        )
        is_known[np.array(cursor.fetchall(), dtype=np.int64) - 1] = True
        # Codes are numbered as they come: a row whose code is higher than all before it is the first of its identity.
        is_first = np.diff(np.maximum.accumulate(codes), prepend=-1) > 0
        is_new = is_first & ~is_known[codes]
        cursor.execute(
            """
            WITH ids AS MATERIALIZED (SELECT CAST(pg_get_serial_sequence('contacts', 'id') AS regclass) AS sequence)
            SELECT nextval(ids.sequence) FROM ids, generate_series(1, %s)
            """,
            [int(is_new.sum())],
        )
        ids = np.zeros(len(codes), dtype=np.int64)
        ids[is_new] = cursor.fetchall()
    return pa.array(ids, mask=~is_new), pa.array(np.bincount(codes, minlength=1)[codes] == 1)


def _add(connection: Connection, rows: pa.Table, list_id: int, now: datetime) -> int:
    """Copy new contacts into the table and onto the list; returns how many."""
    if not len(rows):
        return 0
    instants = pa.repeat(pa.scalar(now, pa.timestamp("us", "UTC")), len(rows))
    columns = {name: rows[name] for name in ("id", "identity_key", "company_id", *_MERGED_COLUMNS)}
    columns |= {"properties": pc.fill_null(rows["properties"], "{}"), "created_at": instants, "updated_at": instants}
    copy_columns(connection, "contacts", pa.table(columns))
    members = {"list_id": pa.repeat(list_id, len(rows)), "contact_id": rows["id"], "added_at": instants}
    copy_columns(connection, "list_members", pa.table(members))
    return len(rows)


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
           coalesce(NOT c.properties @> coalesce(s.properties, '{{}}') OR s.company_id <> c.company_id
                    OR {" OR ".join(f"s.{name} <> coalesce(c.{name}, '')" for name in _MERGED_COLUMNS)}, false)
    FROM staged_contacts s
    CROSS JOIN LATERAL (SELECT * FROM contacts WHERE contacts.identity_key = s.identity_key LIMIT 1) c
    WHERE NOT s.is_repeat
"""  # noqa: S608

#: Known contacts are written only if something changes; all others are inserted without the price of ON CONFLICT, which
#: the lock makes safe.
_MERGE: Final = f"""
    WITH updated AS (
        UPDATE contacts c
        SET updated_at = :now, company_id = coalesce(s.company_id, c.company_id),
            properties = c.properties || coalesce(s.properties, '{{}}'),
            {", ".join(f"{name} = coalesce(s.{name}, c.{name})" for name in _MERGED_COLUMNS)}
        FROM known_contacts known JOIN staged_contacts s USING (line)
        WHERE c.id = known.id AND known.is_changed
    ),
    inserted AS (
        INSERT INTO contacts
               (id, identity_key, company_id, properties, created_at, updated_at, {", ".join(_MERGED_COLUMNS)})
        OVERRIDING SYSTEM VALUE
        SELECT s.id, s.identity_key, s.company_id, coalesce(s.properties, '{{}}'), :now, :now,
               {", ".join(f"s.{name}" for name in _MERGED_COLUMNS)}
        FROM staged_contacts s
        WHERE s.id IS NOT NULL
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
