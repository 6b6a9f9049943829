"""What has happened in one enrollment, step by step?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text


@dataclass(frozen=True, slots=True)
class Happening:
    """One line of an enrollment's history."""

    at: datetime
    #: enrolled, email, todo, todo_done, or the kind of an event: reply, bounce, pause, resume, unenroll …
    kind: str
    #: Of the step, where it is about one.
    position: int | None
    #: Of an email: its delivery's state.
    state: str | None
    actor: str
    data: Mapping[str, Any]


def history_of(connection: Connection, enrollment_id: int) -> list[Happening]:
    """Mails, to-dos and events of an enrollment, the oldest first."""
    rows = connection.execute(
        text("""
            SELECT enrolled_at AS at, 'enrolled' AS kind, NULL AS position, NULL AS state, 'engine' AS actor,
                   CAST('{}' AS jsonb) AS data
            FROM enrollments WHERE id = :id
            UNION ALL
            SELECT coalesce(ended_at, in_flight_at, claimed_at), 'email', position, state, 'engine',
                   jsonb_build_object('subject', subject)
            FROM deliveries WHERE enrollment_id = :id
            UNION ALL
            SELECT created_at, 'todo', position, NULL, 'engine', jsonb_build_object('title', title)
            FROM todos WHERE enrollment_id = :id
            UNION ALL
            SELECT completed_at, 'todo_done', position, NULL, completed_by, '{}'
            FROM todos WHERE enrollment_id = :id AND completed_at IS NOT NULL
            UNION ALL
            SELECT at, kind, NULL, NULL, actor, '{}' FROM events WHERE enrollment_id = :id
            ORDER BY at, kind
        """),
        {"id": enrollment_id},
    )
    return [Happening(**row._mapping) for row in rows]
