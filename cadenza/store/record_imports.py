"""How do many records get in, with the contacts that they are about?"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

import pyarrow as pa
from sqlalchemy import Connection, text

from cadenza.domain.importing import UNKNOWN_CONTACT
from cadenza.domain.records import COMPANY
from cadenza.store.columns import copy_columns


@dataclass(frozen=True, slots=True)
class MergedRecords:
    """What became of staged rows: each is imported (a new record) or merged into one that was there."""

    imported: int
    merged: int
    associations: int
    unknown_contacts: int


def create_record_staging(connection: Connection) -> None:
    """Make the temporary tables that records are merged in; they live as long as the transaction.

    Imports wait for each other: what one has looked up, no other one inserts.
    """
    connection.execute(text("SELECT pg_advisory_xact_lock(7268)"))
    connection.execute(
        text("""
            CREATE TEMPORARY TABLE staged_records (
                line integer NOT NULL, external_id text NOT NULL, name text NOT NULL, properties jsonb
            ) ON COMMIT DROP
        """)
    )
    connection.execute(
        text("""
            CREATE TEMPORARY TABLE staged_associations (
                line integer NOT NULL, external_id text NOT NULL, address text, contact_id text,
                is_primary boolean NOT NULL
            ) ON COMMIT DROP
        """)
    )


def merge_records(
    connection: Connection, kind: str, records: pa.Table, associations: pa.Table, import_id: int, now: datetime
) -> MergedRecords:
    """Merge rows into the records of a kind, associate their contacts, and note rows whose contact nobody knows.

    Of rows about the same record, and against the record that is there already, the later value wins; an empty one
    never erases. Associations are added; one that is primary takes that from the others of its record.
    """
    connection.execute(text("TRUNCATE staged_records, staged_associations"))
    copy_columns(connection, "staged_records", records)
    copy_columns(connection, "staged_associations", associations)
    connection.execute(text("ANALYZE staged_records, staged_associations"))
    parameters = {"kind": kind, "import_id": import_id, "now": now}
    imported = connection.execute(text(_MERGE), parameters).scalar_one()
    if kind == COMPANY:
        connection.execute(text(_COMPANIES))
    row = connection.execute(text(_ASSOCIATE), parameters).one()
    return MergedRecords(imported, len(records) - imported, row.associations, row.unknown_contacts)


_MERGE: Final = """
    WITH properties AS (
        SELECT s.external_id, jsonb_object_agg(p.key, p.value ORDER BY s.line) AS properties
        FROM staged_records s CROSS JOIN LATERAL jsonb_each(s.properties) p
        GROUP BY s.external_id
    ),
    latest AS (
        SELECT DISTINCT ON (s.external_id) s.external_id, s.name, coalesce(p.properties, '{}') AS properties
        FROM staged_records s LEFT JOIN properties p USING (external_id)
        ORDER BY s.external_id, s.name = s.external_id, s.line DESC
    ),
    merged AS (
        INSERT INTO records AS r (kind, external_id, name, properties, created_at, updated_at)
        SELECT :kind, external_id, name, properties, :now, :now FROM latest ORDER BY external_id
        ON CONFLICT (kind, external_id) DO UPDATE
        SET name = CASE WHEN excluded.name = excluded.external_id THEN r.name ELSE excluded.name END,
            properties = r.properties || excluded.properties, updated_at = excluded.updated_at
        RETURNING xmax = 0 AS is_new
    )
    SELECT count(*) FILTER (WHERE is_new) FROM merged
"""

#: Contacts that name a company have what is known of it.
_COMPANIES: Final = """
    INSERT INTO companies AS k (name, domain, country, time_zone)
    SELECT DISTINCT ON (lower(r.name)) r.name, r.properties ->> 'domain', r.properties ->> 'country',
           r.properties ->> 'time_zone'
    FROM records r JOIN staged_records s USING (external_id)
    WHERE r.kind = 'company'
    ORDER BY lower(r.name), s.line DESC
    ON CONFLICT (lower(name)) DO UPDATE
    SET domain = coalesce(excluded.domain, k.domain), country = coalesce(excluded.country, k.country),
        time_zone = coalesce(excluded.time_zone, k.time_zone)
"""

_ASSOCIATE: Final = f"""
    WITH known AS MATERIALIZED (
        SELECT s.line, s.external_id, s.is_primary, coalesce(by_address.id, by_id.id) AS contact_id
        FROM staged_associations s
        LEFT JOIN contacts by_address ON by_address.identity_key = 'email:' || s.address
        LEFT JOIN (
            SELECT external_id, min(id) AS id FROM contacts
            WHERE external_id IN (SELECT contact_id FROM staged_associations) GROUP BY external_id
        ) by_id ON by_id.external_id = s.contact_id
    ),
    wanted AS (
        SELECT r.id AS record_id, k.contact_id, bool_or(k.is_primary) AS is_primary
        FROM known k JOIN records r ON r.kind = :kind AND r.external_id = k.external_id
        WHERE k.contact_id IS NOT NULL
        GROUP BY r.id, k.contact_id
    ),
    demoted AS (
        UPDATE record_contacts a SET is_primary = false
        FROM (SELECT DISTINCT record_id FROM wanted WHERE is_primary) w
        WHERE a.record_id = w.record_id AND a.is_primary
          AND a.contact_id NOT IN (SELECT contact_id FROM wanted WHERE wanted.record_id = a.record_id)
    ),
    added AS (
        INSERT INTO record_contacts AS a (record_id, contact_id, is_primary)
        SELECT record_id, contact_id, is_primary FROM wanted ORDER BY record_id, contact_id
        ON CONFLICT (record_id, contact_id) DO UPDATE SET is_primary = a.is_primary OR excluded.is_primary
    ),
    unknown AS (
        INSERT INTO import_rows (import_id, line, outcome, code)
        SELECT DISTINCT :import_id, line, 'unknown_contact', '{UNKNOWN_CONTACT}' FROM known k
        WHERE contact_id IS NULL
          -- A row that gives address and id names one contact: either of them is enough.
          AND NOT EXISTS (SELECT FROM known other WHERE other.line = k.line AND other.contact_id IS NOT NULL)
        RETURNING line
    )
    SELECT (SELECT count(*) FROM wanted) AS associations, (SELECT count(*) FROM unknown) AS unknown_contacts
"""  # noqa: S608
