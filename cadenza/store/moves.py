"""Through which other mailbox do the coming mails of a mailbox go?"""

from __future__ import annotations

from datetime import datetime

from psycopg.types.json import Jsonb
from sqlalchemy import Connection, text

from cadenza.errors import WrongUse
from cadenza.store.database import driver_connection


def move_enrollments(connection: Connection, from_id: int, to_id: int, actor: str, now: datetime) -> int:
    """Let the coming mails of one mailbox's enrollments go through another. Returns how many enrollments moved.

    Another user's mailbox makes that user the sender: the enrollments' open to-dos go along.

    Raises:
        WrongUse: a sequence is not shared with that user.
    """
    unshared = connection.scalars(
        text("""
            SELECT DISTINCT s.name FROM enrollments e
            JOIN mailboxes t ON t.id = :to_id
            JOIN users u ON u.id = t.user_id
            JOIN sequences s ON s.id = e.sequence_id
            WHERE e.mailbox_id = :from_id AND e.status IN ('active', 'paused') AND e.user_id <> u.id
              AND NOT EXISTS (
                  SELECT FROM sequence_shares h
                  WHERE h.sequence_id = s.id
                    AND (h.kind = 'everyone' OR h.kind = 'team' AND h.name = ANY (u.teams)
                                             OR h.kind = 'user' AND h.name = u.handle)
              )
            ORDER BY s.name
        """),
        {"from_id": from_id, "to_id": to_id},
    ).all()
    if unshared:
        raise WrongUse(f"Not shared with the other mailbox's user: {', '.join(unshared)}. Share first, or end those.")
    return len(
        driver_connection(connection)
        .execute(
            """
            WITH moved AS (
                UPDATE enrollments e SET mailbox_id = t.id, user_id = t.user_id
                FROM mailboxes t
                WHERE t.id = %(to)s AND e.mailbox_id = %(from)s AND e.status IN ('active', 'paused')
                RETURNING e.id, e.contact_id, e.user_id
            ), todos_moved AS (
                UPDATE todos d SET user_id = m.user_id FROM moved m
                WHERE d.enrollment_id = m.id AND d.completed_at IS NULL AND d.user_id <> m.user_id
            )
            INSERT INTO events (kind, contact_id, enrollment_id, at, actor, data)
            SELECT 'move', contact_id, id, %(now)s, %(actor)s, %(data)s FROM moved
            RETURNING id
            """,
            {"from": from_id, "to": to_id, "now": now, "actor": actor, "data": Jsonb({"from": from_id, "to": to_id})},
        )
        .fetchall()
    )
