"""How do a few contacts get in, or change, field by field?"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, text

from cadenza.domain.contact import CONTACT_FIELDS
from cadenza.store.contacts import NEW_CONTACTS_LOCK

_FIELDS: Final = ("email_normalized", *CONTACT_FIELDS)


@dataclass(frozen=True, slots=True)
class Upserted:
    """What became of one contact."""

    id: int
    is_new: bool


def upsert_contacts(connection: Connection, rows: Sequence[Mapping[str, Any]], now: datetime) -> list[Upserted]:
    """Add contacts, or change those of the same ``identity_key``; one line each, in their order.

    A field that a row does not have stays as it is, None empties it; properties likewise, each by itself. Of rows with
    the same identity the later one wins. Waits for a running import, which counts on nobody else's new contacts.
    """
    merged: dict[str, dict[str, Any]] = {}
    for row in rows:
        known = merged.setdefault(row["identity_key"], {"properties": {}})
        properties = {**known["properties"], **row.get("properties", {})}
        known.update(row)
        known["properties"] = properties
    parameters = {"rows": json.dumps([merged[key] for key in sorted(merged)]), "now": now}
    connection.execute(text("SET LOCAL lock_timeout = '10s'"))
    connection.execute(text("SELECT pg_advisory_xact_lock_shared(:lock)"), {"lock": NEW_CONTACTS_LOCK})
    connection.execute(text(_COMPANIES), parameters)
    new = {row.identity_key: row.id for row in connection.execute(text(_INSERT), parameters)}
    known_ids = {row.identity_key: row.id for row in connection.execute(text(_UPDATE), parameters | {"new": list(new)})}
    ids = new | known_ids
    return [Upserted(ids[row["identity_key"]], row["identity_key"] in new) for row in rows]


_COMPANIES: Final = """
    INSERT INTO companies (name)
    SELECT DISTINCT ON (lower(name)) name
    FROM (SELECT btrim(row ->> 'company') AS name FROM jsonb_array_elements(CAST(:rows AS jsonb)) AS given(row)) named
    WHERE name <> '' ORDER BY lower(name)
    ON CONFLICT (lower(name)) DO NOTHING
"""

_INSERT: Final = f"""
    INSERT INTO contacts (identity_key, company_id, properties, created_at, updated_at, {", ".join(_FIELDS)})
    SELECT row ->> 'identity_key', k.id, jsonb_strip_nulls(row -> 'properties'), :now, :now,
           {", ".join(f"nullif(btrim(row ->> '{name}'), '')" for name in _FIELDS)}
    FROM jsonb_array_elements(CAST(:rows AS jsonb)) AS given(row)
    LEFT JOIN companies k ON lower(k.name) = lower(btrim(row ->> 'company'))
    ORDER BY row ->> 'identity_key'
    ON CONFLICT (identity_key) DO NOTHING
    RETURNING id, identity_key
"""  # noqa: S608

_UPDATE: Final = f"""
    UPDATE contacts c
    SET updated_at = :now,
        company_id = CASE WHEN row ? 'company' THEN k.id ELSE c.company_id END,
        properties = jsonb_strip_nulls(c.properties || (row -> 'properties')),
        {
    ", ".join(
        f"{name} = CASE WHEN row ? '{name}' THEN nullif(btrim(row ->> '{name}'), '') ELSE c.{name} END"
        for name in _FIELDS
    )
}
    FROM jsonb_array_elements(CAST(:rows AS jsonb)) AS given(row)
    LEFT JOIN companies k ON lower(k.name) = lower(btrim(row ->> 'company'))
    WHERE c.identity_key = row ->> 'identity_key' AND NOT c.identity_key = ANY (:new)
    RETURNING c.id, c.identity_key
"""  # noqa: S608
