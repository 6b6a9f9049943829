"""What runs next in a rehearsal, and what happened that its people react to?"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, Engine, text

from cadenza.domain.assumptions import MailOut
from cadenza.domain.claim import HELD_BY
from cadenza.domain.throttle import Limit
from cadenza.store.database import autocommit
from cadenza.store.mailboxes import ROOM, limits_json

#: Enrollments that time alone moves on: what waits for a repair is left out, for in a rehearsal nobody makes it.
_MOVING: Final = f"""
    status = 'active' AND due_at IS NOT NULL
    AND (held_reason IS NULL OR held_reason NOT IN ({", ".join(f"'{code}'" for code in sorted(HELD_BY))}))
"""


@dataclass(frozen=True, slots=True)
class NextWave:
    """The zone whose wave finds something to do next."""

    time_zone: str
    runs_at: datetime


@dataclass(frozen=True, slots=True)
class TodoOpened:
    """A to-do that somebody will do."""

    id: int
    opened_at: datetime
    #: Where its user lives; None: unknown.
    time_zone: str | None


class Agenda:
    """Looks at a rehearsal's database again and again, each time in one round trip."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def stop(self, mailbox_ids: Collection[int] | None = None) -> None:
        """Expect nothing more of some mailboxes; None: of all."""
        self._connection.execute(
            text("DELETE FROM queues WHERE CAST(:ids AS bigint[]) IS NULL OR mailbox_id = ANY (:ids)"),
            {"ids": None if mailbox_ids is None else list(mailbox_ids)},
        )

    def next_wave(self, now: datetime, default_limits: Sequence[Limit]) -> NextWave | None:
        """The next wave of all zones; None: nothing is ever due again.

        Finding the first in each queue takes as long as there are queues, however many wait in them.
        """
        row = self._connection.execute(
            text(f"""
                WITH room AS ({ROOM} WHERE m.id IN (SELECT mailbox_id FROM queues) GROUP BY m.id),
                first AS (
                    SELECT q.*, head.due_at
                    FROM queues q
                    CROSS JOIN LATERAL (
                        SELECT greatest(due_at, held_until) AS due_at FROM enrollments e
                        WHERE e.mailbox_id = q.mailbox_id AND e.time_zone = q.time_zone AND next_kind = q.kind
                          AND {_MOVING}
                          AND NOT EXISTS (
                              SELECT FROM deliveries d
                              WHERE d.enrollment_id = e.id AND d.position = e.next_position AND d.state <> 'deferred'
                          )
                        ORDER BY greatest(due_at, held_until) LIMIT 1
                    ) head
                )
                SELECT time_zone, greatest(due_at, CASE kind WHEN 'email' THEN free_at END) AS runs_at
                FROM first JOIN room USING (mailbox_id)
                ORDER BY runs_at, due_at, time_zone LIMIT 1
            """),  # noqa: S608
            {"now": now, "default_limits": limits_json(default_limits)},
        ).first()
        return NextWave(row.time_zone, row.runs_at) if row else None

    def mails_out(self, delivery_ids: Sequence[int]) -> list[MailOut]:
        """Those of the deliveries that were sent."""
        rows = self._connection.execute(
            text("""
                SELECT d.id AS delivery_id, d.enrollment_id, e.contact_id, d.position, d.to_address,
                       d.ended_at AS sent_at
                FROM deliveries d JOIN enrollments e ON e.id = d.enrollment_id
                WHERE d.id = ANY (:ids) AND d.state = 'sent' ORDER BY d.id
            """),
            {"ids": list(delivery_ids)},
        )
        return [MailOut(**row._mapping) for row in rows]

    def todos_opened(self, after_id: int) -> list[TodoOpened]:
        """The to-dos that were opened after one with this id."""
        rows = self._connection.execute(
            text("""
                SELECT t.id, t.created_at AS opened_at, u.time_zone
                FROM todos t JOIN users u ON u.id = t.user_id WHERE t.id > :after_id ORDER BY t.id
            """),
            {"after_id": after_id},
        )
        return [TodoOpened(**row._mapping) for row in rows]


@contextmanager
def agenda(engine: Engine) -> Iterator[Agenda]:
    """Look after what runs in a rehearsal's database: it gets an index for that, and statistics."""
    with autocommit(engine) as connection:
        connection.execute(
            text(f"""
                CREATE INDEX enrollments_moving
                ON enrollments (mailbox_id, time_zone, next_kind, greatest(due_at, held_until)) WHERE {_MOVING}
            """)
        )
        connection.execute(
            text("""
                CREATE TEMPORARY TABLE queues AS
                SELECT DISTINCT e.mailbox_id, e.time_zone, step.kind
                FROM enrollments e
                JOIN mailboxes m ON m.id = e.mailbox_id AND m.is_connected AND m.paused_at IS NULL
                JOIN sequences s ON s.id = e.sequence_id AND s.paused_at IS NULL
                CROSS JOIN (VALUES ('email'), ('todo')) AS step(kind)
                WHERE e.status = 'active'
            """)
        )
        connection.execute(text("ANALYZE"))
        yield Agenda(connection)


def steps_ahead(connection: Connection) -> int:
    """The steps that all running enrollments have before them."""
    return int(
        connection.scalar(
            text("""
                SELECT sum(jsonb_array_length(v.definition -> 'steps') - e.next_position + 1)
                FROM enrollments e JOIN sequence_versions v ON v.id = e.sequence_version_id WHERE e.status = 'active'
            """)
        )
        or 0
    )


def still_wanted(connection: Connection, todo_ids: Sequence[int]) -> list[int]:
    """Those of the to-dos that people still see: their enrollments did not end early."""
    return list(
        connection.scalars(
            text("""
                SELECT t.id FROM todos t JOIN enrollments e ON e.id = t.enrollment_id
                WHERE t.id = ANY (:ids) AND e.status <> 'ended' ORDER BY t.id
            """),
            {"ids": list(todo_ids)},
        )
    )
