"""Which zones have due steps, and when may the first of them run?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, text

from cadenza.domain.throttle import Limit
from cadenza.store.mailboxes import ROOM, limits_json


@dataclass(frozen=True, slots=True)
class DueWave:
    """The next steps of one time zone."""

    time_zone: str
    #: When the first of them may run under its mailbox's limits.
    due_at: datetime
    #: Steps that are due by then.
    steps: int
    emails: int
    todos: int


def waves_due(
    connection: Connection,
    now: datetime,
    horizon: timedelta,
    default_limits: Sequence[Limit],
    batch_id: int | None = None,
) -> list[DueWave]:
    """The next wave of each time zone that has steps due within the horizon, soonest first; of all or of one batch.

    Steps of paused sequences and of mailboxes that are paused or not connected wait without a wave; those of mailboxes
    that could not be read, until these are tried again.
    """
    rows = connection.execute(
        text(f"""
            WITH room AS ({ROOM} WHERE m.is_connected AND m.paused_at IS NULL GROUP BY m.id),
            due AS (
                SELECT e.time_zone, e.mailbox_id, e.next_kind,
                       date_trunc('minute', greatest(e.due_at, e.held_until)) AS minute,
                       min(greatest(e.due_at, e.held_until)) AS first_at, count(*) AS steps
                FROM enrollments e
                WHERE e.status = 'active' AND e.due_at <= :until AND (e.held_until IS NULL OR e.held_until <= :until)
                  {"" if batch_id is None else "AND e.batch_id = :batch_id"}
                  AND e.sequence_id NOT IN (SELECT id FROM sequences WHERE paused_at IS NOT NULL)
                  AND NOT EXISTS (
                      SELECT FROM deliveries d
                      WHERE d.enrollment_id = e.id AND d.position = e.next_position AND d.state <> 'deferred'
                  )
                GROUP BY 1, 2, 3, 4
            ),
            possible AS (
                SELECT due.*,
                       greatest(first_at, CASE WHEN next_kind = 'email' THEN room.free_at END, m.away_until) AS runs_at
                FROM due JOIN room USING (mailbox_id) JOIN mailboxes m ON m.id = due.mailbox_id
            ),
            first AS (SELECT time_zone, min(runs_at) AS runs_at FROM possible GROUP BY 1)
            SELECT p.time_zone, f.runs_at AS due_at, CAST(sum(p.steps) AS bigint) AS steps,
                   CAST(coalesce(sum(p.steps) FILTER (WHERE p.next_kind = 'email'), 0) AS bigint) AS emails,
                   CAST(coalesce(sum(p.steps) FILTER (WHERE p.next_kind = 'todo'), 0) AS bigint) AS todos
            FROM possible p JOIN first f ON f.time_zone = p.time_zone AND p.first_at <= f.runs_at + interval '1 minute'
            WHERE f.runs_at <= :until
            GROUP BY 1, 2 ORDER BY 2, 1
        """),  # noqa: S608
        {
            "now": now,
            "until": now + horizon,
            "default_limits": limits_json(default_limits),
            **({} if batch_id is None else {"batch_id": batch_id}),
        },
    )
    return [DueWave(**row._mapping) for row in rows]


def steps_due(connection: Connection, time_zone: str, now: datetime) -> int:
    """Steps of a zone that are due now, whether or not a mailbox has room for them."""
    return int(
        connection.scalar(
            text("""
                SELECT count(*) FROM enrollments e
                WHERE e.status = 'active' AND e.time_zone = :time_zone AND e.due_at <= :now
                  AND (e.held_until IS NULL OR e.held_until <= :now)
            """),
            {"time_zone": time_zone, "now": now},
        )
        or 0
    )
