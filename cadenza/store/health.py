"""How many enrollments and deliveries are in which state?"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text


@dataclass(frozen=True, slots=True)
class Health:
    """What somebody who looks after an installation wants to know first."""

    active: int
    paused: int
    held: int
    #: Steps that are due and not yet run.
    overdue: int
    sent: int
    deferred: int
    #: Deliveries whose fate nobody knows and whose enrollment waits: a person decides.
    unknown: int


def answers(connection: Connection) -> bool:
    """Whether the database answers at all."""
    return bool(connection.scalar(text("SELECT 1")))


def health(connection: Connection, now: datetime) -> Health:
    """The counts as they are now."""
    row = connection.execute(
        text("""
            SELECT e.active, e.paused, e.held, e.overdue, d.sent, d.deferred, d.unknown
            FROM (SELECT count(*) FILTER (WHERE status = 'active') AS active,
                         count(*) FILTER (WHERE status = 'paused') AS paused,
                         count(*) FILTER (WHERE status = 'active' AND held_reason IS NOT NULL) AS held,
                         count(*) FILTER (WHERE status = 'active' AND due_at <= :now
                                          AND (held_until IS NULL OR held_until <= :now)) AS overdue
                  FROM enrollments) e,
                 (SELECT count(*) FILTER (WHERE state = 'sent') AS sent,
                         count(*) FILTER (WHERE state = 'deferred') AS deferred,
                         (SELECT count(*) FROM deliveries u JOIN enrollments e ON e.id = u.enrollment_id
                          WHERE u.state = 'unknown' AND e.status IN ('active', 'paused')) AS unknown
                  FROM deliveries) d
        """),
        {"now": now},
    ).one()
    return Health(**row._mapping)
