"""How are whole sequences paused, and how do they go on?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from psycopg.types.json import Jsonb
from sqlalchemy import Connection, text

from cadenza.domain.advance import run_after
from cadenza.domain.overrides import own_sequence
from cadenza.domain.sequence import Sequence as ContactSequence
from cadenza.store.database import driver_connection
from cadenza.store.sequences import sequences_by_version


@dataclass(frozen=True, slots=True)
class Changed:
    """A sequence that was paused or resumed."""

    id: int
    name: str
    #: Of a resumed one: enrollments whose next step got a new instant.
    moved: int = 0


def pause_sequences(
    connection: Connection, names: Sequence[str] | None, actor: str, reason: str | None, now: datetime
) -> list[Changed]:
    """Pause sequences that run; None: every one. Nothing of theirs is claimed; people can still be enrolled."""
    rows = connection.execute(
        text("""
            UPDATE sequences SET paused_at = :now, paused_reason = :reason
            WHERE paused_at IS NULL AND (CAST(:names AS text[]) IS NULL OR name = ANY (:names)) RETURNING id, name
        """),
        {"names": None if names is None else list(names), "reason": reason, "now": now},
    )
    changed = [Changed(row.id, row.name) for row in rows]
    _note(connection, "sequence_pause", changed, actor, now)
    return sorted(changed, key=lambda one: one.name)


def resume_sequences(connection: Connection, names: Sequence[str] | None, actor: str, now: datetime) -> list[Changed]:
    """Let paused sequences go on; None: every one. The guard counts their mails anew.

    The pause does not use up any delay: what was left of it when the pause began runs on from now.
    """
    paused = connection.execute(
        text("""
            SELECT id, name, paused_at FROM sequences
            WHERE paused_at IS NOT NULL AND (CAST(:names AS text[]) IS NULL OR name = ANY (:names))
            ORDER BY name FOR UPDATE
        """),
        {"names": None if names is None else list(names)},
    ).all()
    changed = [Changed(one.id, one.name, _run_on(connection, one.id, one.paused_at, now)) for one in paused]
    connection.execute(
        text("""
            UPDATE sequences SET paused_at = NULL, paused_reason = NULL, guard_reset_at = :now WHERE id = ANY (:ids)
        """),
        {"ids": [one.id for one in changed], "now": now},
    )
    _note(connection, "sequence_resume", changed, actor, now)
    return changed


def _run_on(connection: Connection, sequence_id: int, paused_at: datetime, now: datetime) -> int:
    """Move the next steps of a sequence's active enrollments by the time of the pause. Returns how many moved."""
    waiting = connection.execute(
        text("""
            SELECT id, sequence_version_id, due_at, held_until, coalesce(last_ran_at, enrolled_at) AS began_at,
                   last_ran_at IS NULL AS is_first, time_zone, country,
                   CAST(nullif(overrides, '{}') AS text) AS overrides
            FROM enrollments WHERE sequence_id = :id AND status = 'active' AND due_at IS NOT NULL
            ORDER BY id FOR NO KEY UPDATE
        """),
        {"id": sequence_id},
    ).all()
    versions = sequences_by_version(connection, {row.sequence_version_id for row in waiting})
    due = {row.id: moved for row in waiting if (moved := _due(row, versions, paused_at, now))}
    connection.execute(
        text("""
            UPDATE enrollments e SET due_at = r.due_at, expected_at = r.due_at
            FROM unnest(CAST(:ids AS bigint[]), CAST(:due AS timestamptz[])) AS r(id, due_at) WHERE e.id = r.id
        """),
        {"ids": list(due.keys()), "due": list(due.values())},
    )
    return len(due)


def _due(row: Any, versions: Mapping[int, ContactSequence], paused_at: datetime, now: datetime) -> datetime | None:
    """The new instant of a step; None: the pause did not touch its delay."""
    start = max(paused_at, row.began_at, row.held_until or paused_at)
    if start >= now:
        return None
    left = max(row.due_at - start, timedelta(0))
    sequence = own_sequence(versions[row.sequence_version_id], row.overrides)
    return run_after(sequence, row.is_first, now, left, row.time_zone, row.country)


def _note(connection: Connection, kind: str, changed: Sequence[Changed], actor: str, now: datetime) -> None:
    with driver_connection(connection).cursor() as cursor:
        cursor.executemany(
            "INSERT INTO events (kind, at, noted_at, actor, data) VALUES (%s, %s, %s, %s, %s)",
            [(kind, now, now, actor, Jsonb({"sequence_id": one.id})) for one in changed],
        )
