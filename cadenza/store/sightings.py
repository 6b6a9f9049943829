"""Which mails were opened, and which links were followed?"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from cadenza.domain.sightings import TOO_SOON, Machine, Sighting
from cadenza.store.database import driver_connection


def note(connection: Connection, sightings: Sequence[Sighting], now: datetime) -> int:
    """Keep sightings as events; returns how many were not there yet.

    Nothing is noted of contacts that do not want it, that are erased, or that we know nothing of any more. What comes
    within two seconds after the mail left is a scanner's doing.
    """
    if not sightings:
        return 0
    return (
        driver_connection(connection)
        .execute(
            """
            INSERT INTO events (kind, source_id, contact_id, enrollment_id, delivery_id, at, noted_at, actor, data)
            SELECT s.kind, s.source_id, e.contact_id, e.id, d.id, s.at, %(now)s, 'recipient',
                   jsonb_strip_nulls(jsonb_build_object('machine', coalesce(s.machine,
                       CASE WHEN d.ended_at IS NULL OR s.at < d.ended_at + %(too_soon)s THEN %(scanner)s END)))
            FROM unnest(%(kinds)s::text[], %(source_ids)s::text[], %(enrollments)s::bigint[], %(positions)s::int[],
                        %(instants)s::timestamptz[], %(machines)s::text[])
                 AS s(kind, source_id, enrollment_id, position, at, machine)
            JOIN enrollments e ON e.id = s.enrollment_id
            JOIN deliveries d ON d.enrollment_id = e.id AND d.position = s.position
            JOIN contacts c ON c.id = e.contact_id
            WHERE c.untracked_at IS NULL AND c.erased_at IS NULL
            ON CONFLICT (source_id) DO NOTHING
            """,
            {
                "kinds": [one.what.value for one in sightings],
                "source_ids": [one.source_id for one in sightings],
                "enrollments": [one.enrollment_id for one in sightings],
                "positions": [one.position for one in sightings],
                "instants": [one.at for one in sightings],
                "machines": [one.machine.value if one.machine else None for one in sightings],
                "too_soon": TOO_SOON,
                "scanner": Machine.SCANNER.value,
                "now": now,
            },
        )
        .rowcount
    )
