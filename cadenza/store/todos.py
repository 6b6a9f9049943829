"""Which to-dos wait for people, and what happens when one is done?"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from cadenza.domain.advance import after_step
from cadenza.errors import NotFound
from cadenza.store.sequences import sequences_by_version


@dataclass(frozen=True, slots=True)
class TodoRow:
    """An open to-do as lists show it."""

    id: int
    user: str
    contact_id: int
    name: str
    email: str
    phone: str | None
    sequence: str
    kind: str
    title: str
    notes: str
    priority: str
    is_blocking: bool
    created_at: datetime


def open_todos(connection: Connection, user: str | None = None, limit: int = 100) -> list[TodoRow]:
    """Open to-dos of running enrollments, urgent and old ones first; ``user`` is a handle."""
    rows = connection.execute(
        text("""
            SELECT t.id, u.handle AS user, t.contact_id, btrim(concat_ws(' ', c.first_name, c.last_name)) AS name,
                   e.to_address AS email, c.phone, s.name AS sequence, t.kind, t.title, t.notes, t.priority,
                   t.is_blocking, t.created_at
            FROM todos t
            JOIN users u ON u.id = t.user_id
            JOIN contacts c ON c.id = t.contact_id
            JOIN enrollments e ON e.id = t.enrollment_id
            JOIN sequences s ON s.id = e.sequence_id
            WHERE t.completed_at IS NULL AND e.status <> 'ended' AND (CAST(:user AS text) IS NULL OR u.handle = :user)
            ORDER BY array_position(ARRAY['high', 'medium', 'low'], t.priority) NULLS LAST, t.created_at, t.id
            LIMIT :limit
        """),
        {"user": user, "limit": limit},
    )
    return [TodoRow(**row._mapping) for row in rows]


@dataclass(frozen=True, slots=True)
class Completion:
    """What completing a to-do set in motion."""

    todo_id: int
    enrollment_id: int
    #: When the next step is due; None: nothing follows, or it did not wait for this to-do.
    next_due_at: datetime | None


def complete_todo(connection: Connection, todo_id: int, actor: str, now: datetime) -> Completion:
    """Mark a to-do as done. A sequence that waited for it goes on: the next delay counts from now.

    Raises:
        NotFound: there is no such to-do, or it is done already.
    """
    todo = connection.execute(
        text("""
            UPDATE todos t SET completed_at = :now, completed_by = :actor
            WHERE id = :id AND completed_at IS NULL
            RETURNING id, enrollment_id, position, is_blocking
        """),
        {"id": todo_id, "now": now, "actor": actor},
    ).first()
    if todo is None:
        raise NotFound(f"There is no open to-do {todo_id}: see 'cadenza todo list'.")
    waiting = connection.execute(
        text("""
            SELECT id, status, sequence_version_id, time_zone, country FROM enrollments
            WHERE id = :id AND next_position = :position AND next_kind = 'todo' AND status IN ('active', 'paused')
            FOR UPDATE
        """),
        {"id": todo.enrollment_id, "position": todo.position},
    ).first()
    if waiting is None or not todo.is_blocking:
        return Completion(todo.id, todo.enrollment_id, None)
    sequence = sequences_by_version(connection, {waiting.sequence_version_id})[waiting.sequence_version_id]
    coming = after_step(sequence, todo.position, now, waiting.time_zone, waiting.country)
    connection.execute(
        text("""
            UPDATE enrollments
            SET next_position = next_position + 1, next_kind = :kind, last_ran_at = :now, attempts = 0,
                due_at = CASE WHEN status = 'active' THEN CAST(:due AS timestamptz) END,
                expected_at = CASE WHEN status = 'active' THEN CAST(:due AS timestamptz) END,
                remaining_delay = CASE WHEN status = 'paused' THEN CAST(:due AS timestamptz) - :now END,
                status = CASE WHEN CAST(:kind AS text) IS NULL THEN 'finished' ELSE status END,
                ended_at = CASE WHEN CAST(:kind AS text) IS NULL THEN CAST(:now AS timestamptz) END
            WHERE id = :id
        """),
        {"id": waiting.id, "kind": coming.kind, "due": coming.due_at, "now": now},
    )
    return Completion(todo.id, todo.enrollment_id, coming.due_at)
