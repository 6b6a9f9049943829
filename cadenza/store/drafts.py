"""Which enrollments are being prepared, and what is different for each of their contacts?"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from cadenza.domain.batch import Batch
from cadenza.domain.overrides import Overrides
from cadenza.errors import NotFound, WrongUse
from cadenza.store.batches import options_data
from cadenza.store.lists import members, values_of


@dataclass(frozen=True, slots=True)
class Draft:
    """An enrollment that is prepared; nothing is sent before its contacts are enrolled."""

    id: int
    sequence: str
    sender: str
    segment: str
    #: As ``batches.options_data`` gives them.
    options: Mapping[str, Any]
    created_by: str | None
    created_at: datetime
    discarded_at: datetime | None
    #: Contacts that are still to be enrolled, that were removed, and that were tried.
    waiting: int
    removed: int
    enrolled: int


@dataclass(frozen=True, slots=True)
class DraftContact:
    """One contact of a draft."""

    contact_id: int
    name: str
    email: str | None
    overrides: Mapping[str, Any]
    removed_at: datetime | None
    enrolled_at: datetime | None
    batch_id: int | None


_DRAFTS = """
    SELECT d.id, s.name AS sequence, d.sender, d.segment, d.options, d.created_by, d.created_at, d.discarded_at,
           count(c.contact_id) FILTER (WHERE c.removed_at IS NULL AND c.enrolled_at IS NULL) AS waiting,
           count(c.removed_at) AS removed, count(c.enrolled_at) AS enrolled
    FROM drafts d JOIN sequences s ON s.id = d.sequence_id LEFT JOIN draft_contacts c ON c.draft_id = d.id
"""


def create_draft(connection: Connection, batch: Batch, created_by: str | None) -> int:
    """Store a batch that was outlined as a draft, with the contacts that its segment has now; returns its id."""
    draft_id = connection.scalar(
        text("""
            INSERT INTO drafts (sequence_id, sender, segment, options, created_by, created_at)
            VALUES (:sequence_id, :sender, :segment, CAST(:options AS jsonb), :created_by, :now) RETURNING id
        """),
        {
            "sequence_id": batch.sequence_id,
            "sender": batch.sender,
            "segment": batch.segment_words,
            "options": json.dumps(options_data(batch.options)),
            "created_by": created_by,
            "now": batch.started_at,
        },
    )
    fragment = members(connection, batch.segment)
    order = "array_position(CAST(:chosen AS bigint[]), m.contact_id)" if batch.segment.contact_ids else "m.contact_id"
    connection.execute(
        text(f"""
            INSERT INTO draft_contacts (draft_id, contact_id, ordinal, overrides)
            SELECT :draft_id, m.contact_id, row_number() OVER (ORDER BY {order}), coalesce(o.overrides, '{{}}')
            FROM ({fragment.text}) AS m
            JOIN contacts c ON c.id = m.contact_id
            LEFT JOIN jsonb_each(CAST(:overrides AS jsonb)) AS o(contact_id, overrides)
                   ON CAST(o.contact_id AS bigint) = m.contact_id
        """),  # noqa: S608
        {
            **values_of(fragment),
            "draft_id": draft_id,
            "overrides": _as_json(batch.contact_overrides),
            **({"chosen": list(batch.segment.contact_ids)} if batch.segment.contact_ids else {}),
        },
    )
    return int(draft_id or 0)


def find_draft(connection: Connection, draft_id: int) -> Draft:
    """The draft of that number.

    Raises:
        NotFound: there is no such draft.
    """
    row = connection.execute(text(f"{_DRAFTS} WHERE d.id = :id GROUP BY d.id, s.name"), {"id": draft_id}).one_or_none()
    if row is None:
        raise NotFound(f"There is no draft {draft_id}: see 'cadenza draft list'.")
    return Draft(**row._mapping)


def open_draft(connection: Connection, draft_id: int) -> Draft:
    """The draft of that number, locked, which may still be changed.

    Raises:
        NotFound: there is no such draft.
        WrongUse: it was discarded.
    """
    connection.execute(text("SELECT id FROM drafts WHERE id = :id FOR UPDATE"), {"id": draft_id})
    draft = find_draft(connection, draft_id)
    if draft.discarded_at:
        raise WrongUse(f"Draft {draft_id} was discarded: create another one.")
    return draft


def list_drafts(connection: Connection, limit: int = 100) -> list[Draft]:
    """Drafts that were not discarded, the newest first."""
    statement = f"{_DRAFTS} WHERE d.discarded_at IS NULL GROUP BY d.id, s.name ORDER BY d.id DESC LIMIT :limit"
    return [Draft(**row._mapping) for row in connection.execute(text(statement), {"limit": limit})]


def draft_contacts(
    connection: Connection, draft_id: int, contact_ids: Collection[int] | None = None
) -> list[DraftContact]:
    """The contacts of a draft in their order, all or some of them."""
    rows = connection.execute(
        text("""
            SELECT d.contact_id, btrim(concat_ws(' ', c.first_name, c.last_name)) AS name, c.email, d.overrides,
                   d.removed_at, d.enrolled_at, d.batch_id
            FROM draft_contacts d JOIN contacts c ON c.id = d.contact_id
            WHERE d.draft_id = :id AND (CAST(:contact_ids AS bigint[]) IS NULL OR d.contact_id = ANY (:contact_ids))
            ORDER BY d.ordinal
        """),
        {"id": draft_id, "contact_ids": None if contact_ids is None else list(contact_ids)},
    )
    return [DraftContact(**row._mapping) for row in rows]


def waiting_contacts(connection: Connection, draft_id: int, contact_ids: Collection[int] | None = None) -> list[int]:
    """The ids of those who are still to be enrolled, all or some of them, in their order."""
    return [
        one.contact_id
        for one in draft_contacts(connection, draft_id, contact_ids)
        if one.removed_at is None and one.enrolled_at is None
    ]


def set_options(connection: Connection, draft_id: int, options: Mapping[str, Any]) -> None:
    """Replace what holds for all contacts."""
    connection.execute(
        text("UPDATE drafts SET options = CAST(:options AS jsonb) WHERE id = :id"),
        {"id": draft_id, "options": json.dumps(options)},
    )


def set_overrides(connection: Connection, draft_id: int, overrides: Mapping[int, Overrides]) -> None:
    """Replace what is different for single contacts."""
    connection.execute(
        text("""
            UPDATE draft_contacts d SET overrides = o.overrides
            FROM jsonb_each(CAST(:overrides AS jsonb)) AS o(contact_id, overrides)
            WHERE d.draft_id = :id AND d.contact_id = CAST(o.contact_id AS bigint)
        """),
        {"id": draft_id, "overrides": _as_json(overrides)},
    )


def set_removed(connection: Connection, draft_id: int, contact_ids: Sequence[int], removed_at: datetime | None) -> int:
    """Take contacts out of a draft, or (None) put them back. Returns how many; who is enrolled stays as it is."""
    return connection.execute(
        text("""
            UPDATE draft_contacts SET removed_at = :at
            WHERE draft_id = :id AND contact_id = ANY (:contact_ids) AND enrolled_at IS NULL
              AND (removed_at IS NULL) = (CAST(:at AS timestamptz) IS NOT NULL)
        """),
        {"id": draft_id, "contact_ids": list(contact_ids), "at": removed_at},
    ).rowcount


def note_enrolled(
    connection: Connection, draft_id: int, contact_ids: Sequence[int], batch_id: int, now: datetime
) -> None:
    """Note which contacts of a draft a batch has looked at."""
    connection.execute(
        text("""
            UPDATE draft_contacts SET enrolled_at = :now, batch_id = :batch_id
            WHERE draft_id = :id AND contact_id = ANY (:contact_ids)
        """),
        {"id": draft_id, "contact_ids": list(contact_ids), "batch_id": batch_id, "now": now},
    )


def discard(connection: Connection, draft_id: int, now: datetime) -> None:
    """Give a draft up; what was enrolled out of it stays."""
    connection.execute(text("UPDATE drafts SET discarded_at = :now WHERE id = :id"), {"id": draft_id, "now": now})


def _as_json(overrides: Mapping[int, Overrides]) -> str:
    return json.dumps({str(id_): one.as_data() for id_, one in overrides.items()})
