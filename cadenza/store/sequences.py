"""Which sequences are there, and what did each version say?"""

from __future__ import annotations

import difflib
import hashlib
import json
from collections.abc import Collection, MutableMapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, text

from cadenza.domain.sequence import Sequence
from cadenza.errors import NotFound
from cadenza.store.automations import replace_rules
from cadenza.store.documents import keep_documents

#: Kept beside the versions, not in them: changing these is no new version.
_OUTSIDE_VERSIONS = ("shared_with", "is_active", "folder")


@dataclass(frozen=True, slots=True)
class StoredSequence:
    """A sequence with its newest version."""

    id: int
    version_id: int
    #: Of the version, from 1.
    number: int
    sequence: Sequence
    is_active: bool
    paused_at: datetime | None
    #: A person's words, or the guard's.
    paused_reason: str | None = None

    @property
    def folder(self) -> str:
        """Where people look for it; "": in no folder."""
        return self.sequence.folder


_STORED = """
    SELECT s.id, v.id AS version_id, v.number, v.definition, s.is_active, s.folder, s.paused_at, s.paused_reason,
           ARRAY(SELECT concat_ws(':', kind, nullif(name, '')) FROM sequence_shares h
                 WHERE h.sequence_id = s.id ORDER BY kind, name) AS shared_with
    FROM sequences s
    JOIN LATERAL (SELECT id, number, definition FROM sequence_versions v
                  WHERE v.sequence_id = s.id ORDER BY number DESC LIMIT 1) v ON true
"""


def save_sequence(connection: Connection, sequence: Sequence, now: datetime) -> StoredSequence:
    """Store a sequence under its name: a new version only if what it does changed; its shares are replaced.

    Enrollments keep the version they began with. A paused sequence stays paused; a deleted one is back.
    """
    sequence_id = connection.scalar(
        text("""
            INSERT INTO sequences (name, title, is_active, folder, created_at, updated_at)
            VALUES (:name, :title, :is_active, :folder, :now, :now)
            ON CONFLICT (name) DO UPDATE
               SET title = excluded.title, is_active = excluded.is_active, folder = excluded.folder,
                   updated_at = excluded.updated_at, deleted_at = NULL
            RETURNING id
        """),
        {
            "name": sequence.name,
            "title": sequence.title,
            "is_active": sequence.is_active,
            "folder": sequence.folder,
            "now": now,
        },
    )
    definition = sequence.as_definition()
    keep_documents(connection, sequence.documents)
    connection.execute(
        text("""
            INSERT INTO sequence_versions (sequence_id, number, definition, checksum, created_at)
            SELECT :id, coalesce(max(number), 0) + 1, CAST(:definition AS jsonb), :checksum, :now
            FROM sequence_versions WHERE sequence_id = :id
            HAVING (array_agg(checksum ORDER BY number DESC))[1] IS DISTINCT FROM :checksum
        """),
        {
            "id": sequence_id,
            "definition": json.dumps(definition, ensure_ascii=False),
            "checksum": _checksum(definition),
            "now": now,
        },
    )
    share_sequence(connection, int(sequence_id or 0), sequence.shared_with)
    if sequence.automations is not None:
        replace_rules(connection, int(sequence_id or 0), sequence.automations, now)
    return _stored(connection.execute(text(f"{_STORED} WHERE s.id = :id"), {"id": sequence_id}).one())


def share_sequence(connection: Connection, sequence_id: int, shared_with: Collection[str]) -> None:
    """Replace whom a sequence is shared with: "everyone", "team:NAME" or "user:HANDLE" each."""
    shares = [share.partition(":") for share in shared_with]
    connection.execute(text("DELETE FROM sequence_shares WHERE sequence_id = :id"), {"id": sequence_id})
    connection.execute(
        text("""
            INSERT INTO sequence_shares (sequence_id, kind, name)
            SELECT DISTINCT CAST(:id AS bigint), kind, name
            FROM unnest(CAST(:kinds AS text[]), CAST(:names AS text[])) AS share(kind, name)
        """),
        {"id": sequence_id, "kinds": [kind for kind, _, _ in shares], "names": [name for _, _, name in shares]},
    )


def page_sequences(connection: Connection, after: int, limit: int, name: str | None = None) -> list[StoredSequence]:
    """The next sequences behind an id; ``name`` is part of their name or title."""
    rows = connection.execute(
        text(f"""{_STORED}
            WHERE s.id > :after AND (CAST(:name AS text) IS NULL OR position(lower(:name) IN lower(s.name)) > 0
                                     OR position(lower(:name) IN lower(s.title)) > 0)
            ORDER BY s.id LIMIT :limit
        """),
        {"after": after, "limit": limit, "name": name},
    )
    return [_stored(row) for row in rows]


def sequences_by_id(connection: Connection, sequence_ids: Collection[int]) -> dict[int, StoredSequence]:
    """Sequences with their newest versions; ids of none are left out."""
    rows = connection.execute(text(f"{_STORED} WHERE s.id = ANY (:ids)"), {"ids": list(sequence_ids)})
    return {row.id: _stored(row) for row in rows}


def find_sequence(connection: Connection, name: str) -> StoredSequence:
    """The sequence of that name with its newest version.

    Raises:
        NotFound: names the sequences whose names come nearest.
    """
    wanted = name.replace("\0", "")
    row = connection.execute(
        text(f"{_STORED} WHERE s.name = :name AND s.deleted_at IS NULL"), {"name": wanted}
    ).one_or_none()
    if row is None:
        names = list(connection.scalars(text("SELECT name FROM sequences WHERE deleted_at IS NULL ORDER BY name")))
        near = difflib.get_close_matches(name, names, n=3, cutoff=0.4) or names[:3]
        hint = f"Is it {' or '.join(repr(one) for one in near)}?" if near else "There are none yet: load a folder."
        raise NotFound(f"There is no sequence {name!r}. {hint}")
    return _stored(row)


def list_sequences(connection: Connection, folder: str | None = None) -> list[StoredSequence]:
    """Every sequence with its newest version, by folder and name; of one folder, those in the folders below it too."""
    rows = connection.execute(
        text(f"""
            {_STORED}
            WHERE s.deleted_at IS NULL
              AND (CAST(:folder AS text) IS NULL OR s.folder = :folder OR starts_with(s.folder, :folder || '/'))
            ORDER BY s.folder, s.name
        """),
        {"folder": folder},
    )
    return [_stored(row) for row in rows]


def sequences_by_version(
    connection: Connection, version_ids: Collection[int], known: MutableMapping[int, Sequence] | None = None
) -> dict[int, Sequence]:
    """What each of the versions says, by its id.

    ``known`` holds versions that were read before, and takes those that are read now: versions never change.
    """
    known = {} if known is None else known
    missing = [id_ for id_ in set(version_ids) if id_ not in known]
    if missing:
        rows = connection.execute(
            text("SELECT id, definition FROM sequence_versions WHERE id = ANY (:ids)"), {"ids": missing}
        )
        known.update((row.id, Sequence.from_definition(row.definition)) for row in rows)
    return {id_: known[id_] for id_ in version_ids if id_ in known}


def _stored(row: Row[Any]) -> StoredSequence:
    sequence = replace(
        Sequence.from_definition(row.definition),
        shared_with=tuple(row.shared_with),
        is_active=row.is_active,
        folder=row.folder,
    )
    return StoredSequence(row.id, row.version_id, row.number, sequence, row.is_active, row.paused_at, row.paused_reason)


def _checksum(definition: dict[str, Any]) -> str:
    steady = {key: value for key, value in definition.items() if key not in _OUTSIDE_VERSIONS}
    return hashlib.sha256(json.dumps(steady, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
