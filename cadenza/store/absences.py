"""Until when do enrollments wait for people who are away?"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime

from psycopg.rows import class_row
from sqlalchemy import Connection, text

from cadenza.domain.answers import OUT_OF_OFFICE, Waiting, held
from cadenza.store.database import driver_connection
from cadenza.store.sequences import sequences_by_version


def hold(connection: Connection, back: Mapping[int, date], now: datetime) -> int:
    """Let enrollments wait until people are back. Returns how many wait longer than before."""
    if not back:
        return 0
    with driver_connection(connection).cursor(row_factory=class_row(Waiting)) as cursor:
        cursor.execute(
            """
            SELECT id, status, sequence_version_id AS version_id, due_at, held_reason, held_until,
                   last_ran_at IS NULL AS is_first, time_zone, country,
                   CAST(nullif(overrides, '{}') AS text) AS overrides
            FROM enrollments WHERE id = ANY (%s) AND status IN ('active', 'paused') ORDER BY id FOR NO KEY UPDATE
            """,
            [list(back)],
        )
        waiting = cursor.fetchall()
    versions = sequences_by_version(connection, {one.version_id for one in waiting})
    holds = [hold for one in waiting if (hold := held(one, back[one.id], versions[one.version_id], now))]
    connection.execute(
        text("""
            UPDATE enrollments e
            SET held_reason = :code, held_until = h.until, due_at = h.due_at,
                expected_at = CASE WHEN e.status = 'active' THEN h.due_at END
            FROM unnest(CAST(:ids AS bigint[]), CAST(:until AS timestamptz[]), CAST(:due AS timestamptz[]))
                 AS h(id, until, due_at)
            WHERE e.id = h.id
        """),
        {
            "ids": [hold.enrollment_id for hold in holds],
            "until": [hold.until for hold in holds],
            "due": [hold.due_at for hold in holds],
            "code": OUT_OF_OFFICE,
        },
    )
    return len(holds)
