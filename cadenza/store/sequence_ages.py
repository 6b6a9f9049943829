"""Which sequences may a user send, and since when are they as they are?"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from cadenza.errors import NotFound
from cadenza.store.sequences import StoredSequence, sequences_by_id


@dataclass(frozen=True, slots=True)
class DatedSequence:
    """A sequence with its newest version and the instants of both."""

    stored: StoredSequence
    created_at: datetime
    updated_at: datetime
    version_at: datetime


_SHARED = """
    FROM sequences s
    WHERE EXISTS (SELECT FROM sequence_shares h, users u
                  WHERE h.sequence_id = s.id AND u.id = :user_id
                    AND (h.kind = 'everyone' OR h.kind = 'team' AND h.name = ANY (u.teams)
                                             OR h.kind = 'user' AND h.name = u.handle))
      AND (CAST(:name AS text) IS NULL OR position(lower(:name) IN lower(s.title)) > 0)
"""


def page_shared(
    connection: Connection, user_id: int, after: int, limit: int, name: str | None = None
) -> list[DatedSequence]:
    """The next sequences behind an id that a user may send; ``name`` is part of their title."""
    found = connection.scalars(
        text(f"SELECT s.id {_SHARED} AND s.id > :after ORDER BY s.id LIMIT :limit"),
        {"user_id": user_id, "after": after, "limit": limit, "name": name},
    )
    return _dated(connection, found.all())


def count_shared(connection: Connection, user_id: int, name: str | None = None) -> int:
    """How many sequences a user may send."""
    return int(connection.scalar(text(f"SELECT count(*) {_SHARED}"), {"user_id": user_id, "name": name}) or 0)


def find_shared(connection: Connection, user_id: int, sequence_id: int) -> DatedSequence:
    """A sequence that a user may send.

    Raises:
        NotFound: there is no such sequence, or it is not shared with the user.
    """
    found = connection.scalar(
        text(f"SELECT s.id {_SHARED} AND s.id = :id"),
        {"user_id": user_id, "id": sequence_id, "name": None},
    )
    if found is None:
        raise NotFound(f"There is no sequence {sequence_id} that is shared with the user {user_id}: list them first.")
    return _dated(connection, [found])[0]


def _dated(connection: Connection, sequence_ids: Collection[int]) -> list[DatedSequence]:
    rows = connection.execute(
        text("""
            SELECT s.id, s.created_at, s.updated_at, max(v.created_at) AS version_at
            FROM sequences s JOIN sequence_versions v ON v.sequence_id = s.id
            WHERE s.id = ANY (:ids) GROUP BY s.id ORDER BY s.id
        """),
        {"ids": list(sequence_ids)},
    ).all()
    stored = sequences_by_id(connection, sequence_ids)
    return [DatedSequence(stored[row.id], row.created_at, row.updated_at, row.version_at) for row in rows]
