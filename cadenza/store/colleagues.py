"""Whose sequences end because a colleague answered?"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from cadenza.domain.answers import Effect
from cadenza.domain.freemail import FREEMAIL_DOMAINS
from cadenza.store.database import driver_connection


def colleagues_of(connection: Connection, answers: Sequence[Effect], now: datetime) -> list[int]:
    """The running account-based enrollments at the companies of those who answered; it is noted at each of them.

    A company is the one of the contacts' records, or the domain of their addresses if it is no provider's.
    """
    if not answers:
        return []
    rows = driver_connection(connection).execute(
        """
        WITH account_based AS MATERIALIZED (
            SELECT id FROM sequence_versions WHERE (definition ->> 'account_based')::boolean
        ),
        answered AS MATERIALIZED (
            SELECT a.source_id, e.id, e.contact_id, c.company_id,
                   CASE WHEN split_part(e.to_address, '@', 2) <> ALL (%(freemail)s::text[])
                        THEN split_part(e.to_address, '@', 2) END AS domain
            FROM unnest(%(sources)s::text[], %(ids)s::bigint[]) AS a(source_id, id)
            JOIN enrollments e ON e.id = a.id
            JOIN contacts c ON c.id = e.contact_id
            WHERE e.sequence_version_id IN (SELECT id FROM account_based)
        ),
        ending AS (
            SELECT DISTINCT ON (e.id) e.id, e.contact_id, a.source_id, a.id AS answered_id
            FROM answered a
            JOIN enrollments e ON e.status IN ('active', 'paused') AND e.contact_id <> a.contact_id
                              AND e.sequence_version_id IN (SELECT id FROM account_based)
            JOIN contacts c ON c.id = e.contact_id
                           AND (c.company_id = a.company_id OR split_part(e.to_address, '@', 2) = a.domain)
            ORDER BY e.id, a.source_id
        ),
        noted AS (
            INSERT INTO events (kind, source_id, contact_id, enrollment_id, at, noted_at, actor, data)
            SELECT 'colleague_reply', source_id || '/' || id, contact_id, id, %(now)s, %(now)s, %(actor)s,
                   jsonb_build_object('enrollment_id', answered_id)
            FROM ending
            ON CONFLICT (source_id) DO NOTHING
        )
        SELECT id FROM ending ORDER BY id
        """,
        {
            "sources": [effect.source_id for effect in answers],
            "ids": [effect.match.enrollment_id for effect in answers],
            "freemail": list(FREEMAIL_DOMAINS),
            "now": now,
            "actor": "engine",
        },
    )
    return [row[0] for row in rows]
