"""Which enrollments were run, and what have they sent so far?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, text

from cadenza.errors import NotFound


@dataclass(frozen=True, slots=True)
class BatchRow:
    """One run of an enrollment, as lists show it."""

    id: int
    sequence: str
    segment: str
    sender: str
    #: candidates, enrolled, held, refused; empty as long as it runs.
    counts: Mapping[str, int]
    flow_run_id: UUID | None
    started_at: datetime
    finished_at: datetime | None


_LIST = """
    SELECT b.id, s.name AS sequence, b.segment, b.sender, b.counts, b.flow_run_id, b.started_at, b.finished_at
    FROM batches b
    JOIN sequence_versions v ON v.id = b.sequence_version_id
    JOIN sequences s ON s.id = v.sequence_id
"""


def list_batches(connection: Connection, limit: int = 20, before: int | None = None) -> list[BatchRow]:
    """The latest enrollments, or those before an id; the newest first."""
    rows = connection.execute(
        text(f"{_LIST} WHERE CAST(:before AS bigint) IS NULL OR b.id < :before ORDER BY b.id DESC LIMIT :limit"),
        {"limit": limit, "before": before},
    )
    return [BatchRow(**row._mapping) for row in rows]


def find_run(connection: Connection, flow_run_id: UUID) -> BatchRow | None:
    """The enrollment that a Prefect run made; None: none so far."""
    query = text(f"{_LIST} WHERE b.flow_run_id = :run ORDER BY b.id DESC LIMIT 1")
    row = connection.execute(query, {"run": flow_run_id}).first()
    return BatchRow(**row._mapping) if row else None


def latest_batch(connection: Connection) -> int:
    """The id of the latest enrollment.

    Raises:
        NotFound: there was none.
    """
    found = connection.scalar(text("SELECT max(id) FROM batches"))
    if found is None:
        raise NotFound("There is no enrollment yet: 'cadenza enroll' makes one.")
    return int(found)


def batch_of_run(connection: Connection, flow_run_id: UUID) -> int:
    """The id of the enrollment that a Prefect run made.

    Raises:
        NotFound: it made none.
    """
    query = text("SELECT id FROM batches WHERE flow_run_id = :run ORDER BY id DESC LIMIT 1")
    found = connection.scalar(query, {"run": flow_run_id})
    if found is None:
        raise NotFound(f"The run {flow_run_id} enrolled nobody: see it in the Prefect UI.")
    return int(found)


@dataclass(frozen=True, slots=True)
class MailboxProgress:
    """How far one mailbox is with the first steps of an enrollment."""

    sender: str
    #: Mails that went out, and mails that are due now and wait for a free slot.
    sent: int
    due: int


def mail_progress(connection: Connection, batch_id: int, now: datetime) -> list[MailboxProgress]:
    """What each mailbox has sent for a batch, and what it could send now if there were no limits."""
    rows = connection.execute(
        text("""
            SELECT u.handle AS sender,
                   CAST(coalesce(sum(d.sent), 0) AS int) AS sent,
                   CAST(count(*) FILTER (
                       WHERE e.status = 'active' AND e.next_kind = 'email' AND e.due_at <= :now
                         AND (e.held_until IS NULL OR e.held_until <= :now)
                   ) AS int) AS due
            FROM enrollments e
            JOIN users u ON u.id = e.user_id
            LEFT JOIN LATERAL (
                SELECT count(*) AS sent FROM deliveries WHERE enrollment_id = e.id AND state = 'sent'
            ) d ON true
            WHERE e.batch_id = :batch_id
            GROUP BY u.handle ORDER BY u.handle
        """),
        {"batch_id": batch_id, "now": now},
    )
    return [MailboxProgress(**row._mapping) for row in rows]
