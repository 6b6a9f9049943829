"""Which to-dos wait for people, and what happens when one is done?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from cadenza.domain.advance import after_step
from cadenza.domain.overrides import own_sequence
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


def open_todos(connection: Connection, user: str | None = None, limit: int = 100, skip: int = 0) -> list[TodoRow]:
    """Open to-dos of running enrollments, urgent and old ones first, behind ``skip``; ``user`` is a handle."""
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
            WHERE t.completed_at IS NULL AND e.status <> 'ended' AND (e.status <> 'finished' OR e.ended_by IS NULL)
              AND (CAST(:user AS text) IS NULL OR u.handle = :user)
            ORDER BY array_position(ARRAY['high', 'medium', 'low'], t.priority) NULLS LAST, t.created_at, t.id
            LIMIT :limit OFFSET :skip
        """),
        {"user": user, "limit": limit, "skip": skip},
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
    completed = complete_todos(connection, [todo_id], actor, now)
    if not completed:
        raise NotFound(f"There is no open to-do {todo_id}: see 'cadenza todo list'.")
    return completed[0]


def complete_todos(connection: Connection, todo_ids: Sequence[int], actor: str, now: datetime) -> list[Completion]:
    """Mark to-dos as done, as ``complete_todo`` does; those that are done already are passed over."""
    done = connection.execute(
        text("""
            UPDATE todos SET completed_at = :now, completed_by = :actor
            WHERE id = ANY (:ids) AND completed_at IS NULL
            RETURNING id, enrollment_id, position, is_blocking
        """),
        {"ids": list(todo_ids), "actor": actor, "now": now},
    ).all()
    blocking = [todo for todo in done if todo.is_blocking]
    waiting = connection.execute(
        text("""
            SELECT e.id, e.sequence_version_id, e.next_position, e.time_zone, e.country,
                   CAST(nullif(e.overrides, '{}') AS text) AS overrides
            FROM unnest(CAST(:ids AS bigint[]), CAST(:positions AS int[])) AS todo(enrollment_id, position)
            JOIN enrollments e ON e.id = todo.enrollment_id AND e.next_position = todo.position
            WHERE e.next_kind = 'todo' AND e.status IN ('active', 'paused')
            ORDER BY e.id FOR UPDATE OF e
        """),
        {"ids": [todo.enrollment_id for todo in blocking], "positions": [todo.position for todo in blocking]},
    ).all()
    versions = sequences_by_version(connection, {row.sequence_version_id for row in waiting})
    coming = {
        row.id: after_step(
            own_sequence(versions[row.sequence_version_id], row.overrides),
            row.next_position,
            now,
            row.time_zone,
            row.country,
            row.id,
        )
        for row in waiting
    }
    connection.execute(
        text("""
            UPDATE enrollments e
            SET next_position = next_position + 1, next_kind = n.kind, last_ran_at = :now, attempts = 0,
                due_at = CASE WHEN status = 'active' THEN n.due_at END,
                expected_at = CASE WHEN status = 'active' THEN n.due_at END,
                remaining_delay = CASE WHEN status = 'paused' THEN n.due_at - :now END,
                status = CASE WHEN n.kind IS NULL THEN 'finished' ELSE status END,
                ended_at = CASE WHEN n.kind IS NULL THEN CAST(:now AS timestamptz) END
            FROM unnest(CAST(:ids AS bigint[]), CAST(:kinds AS text[]), CAST(:due AS timestamptz[]))
                 AS n(id, kind, due_at)
            WHERE e.id = n.id
        """),
        {
            "ids": list(coming),
            "kinds": [step.kind for step in coming.values()],
            "due": [step.due_at for step in coming.values()],
            "now": now,
        },
    )
    return [
        Completion(todo.id, todo.enrollment_id, coming[todo.enrollment_id].due_at)
        if todo.is_blocking and todo.enrollment_id in coming
        else Completion(todo.id, todo.enrollment_id, None)
        for todo in done
    ]
