"""What happened to the enrollments of a batch, from the first mail to the last?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from cadenza.domain.rehearsal import SentMail
from cadenza.store.enrollments import HELD_REASON


def sent_mails(connection: Connection, batch_id: int) -> list[SentMail]:
    """The mails of a batch in the order in which they left."""
    rows = connection.execute(
        text("""
            SELECT d.ended_at AS at, e.time_zone, d.mailbox_id, d.position
            FROM deliveries d JOIN enrollments e ON e.id = d.enrollment_id
            WHERE e.batch_id = :batch_id AND d.state = 'sent'
            ORDER BY d.ended_at, e.time_zone, d.mailbox_id, d.position
        """),
        {"batch_id": batch_id},
    )
    return [SentMail(*row) for row in rows]


@dataclass(frozen=True, slots=True)
class Group:
    """Contacts of a batch who came equally far and stand alike."""

    #: The last step that ran; 0: none.
    position: int
    status: str
    ending: str | None
    #: Why they wait, by refusal code.
    held_reason: str | None
    contacts: int
    #: When the last of them left the sequence.
    left_at: datetime | None

    @property
    def is_waiting(self) -> bool:
        """Whether they are still in the sequence."""
        return self.status in ("active", "paused")

    @property
    def fate(self) -> str:
        """How they left: replied, bounced, stopped or finished; or waiting."""
        if self.is_waiting:
            return "waiting"
        if self.status == "finished":
            return "finished"
        return self.ending if self.ending in ("replied", "bounced") else "stopped"


def groups(connection: Connection, batch_id: int) -> list[Group]:
    """How far the contacts of a batch came, and how they stand."""
    rows = connection.execute(
        text(f"""
            WITH ran AS (
                SELECT enrollment_id, position FROM deliveries WHERE state = 'sent'
                UNION ALL SELECT enrollment_id, position FROM todos
            ), last AS (
                SELECT e.id, coalesce(max(r.position), 0) AS position
                FROM enrollments e LEFT JOIN ran r ON r.enrollment_id = e.id
                WHERE e.batch_id = :batch_id GROUP BY e.id
            )
            SELECT l.position, e.status, e.ending,
                   CASE WHEN e.status IN ('active', 'paused') THEN {HELD_REASON} END AS held_reason,
                   count(*) AS contacts, max(e.ended_at) AS left_at
            FROM last l
            JOIN enrollments e ON e.id = l.id
            JOIN mailboxes m ON m.id = e.mailbox_id
            JOIN sequences s ON s.id = e.sequence_id
            GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
        """),  # noqa: S608,
        {"batch_id": batch_id},
    )
    return [Group(**row._mapping) for row in rows]


def contacts_by_zone(connection: Connection, batch_id: int) -> dict[str, int]:
    """How many contacts of a batch live in each time zone."""
    rows = connection.execute(
        text("SELECT time_zone, count(*) FROM enrollments WHERE batch_id = :batch_id GROUP BY 1 ORDER BY 1"),
        {"batch_id": batch_id},
    )
    return {row[0]: row[1] for row in rows}


@dataclass(frozen=True, slots=True)
class TodoCount:
    """The to-dos of one step."""

    opened: int
    done: int


def todo_counts(connection: Connection, batch_id: int) -> Mapping[int, TodoCount]:
    """The to-dos of a batch by the position of their step."""
    rows = connection.execute(
        text("""
            SELECT t.position, count(*) AS opened, count(t.completed_at) AS done
            FROM todos t JOIN enrollments e ON e.id = t.enrollment_id WHERE e.batch_id = :batch_id GROUP BY 1
        """),
        {"batch_id": batch_id},
    )
    return {row.position: TodoCount(row.opened, row.done) for row in rows}


@dataclass(frozen=True, slots=True)
class MailboxUse:
    """What went through one mailbox."""

    mailbox_id: int
    user: str
    #: Of every mail, also of other enrollments, sorted.
    instants: list[datetime]


def mailbox_uses(connection: Connection, batch_id: int) -> list[MailboxUse]:
    """The mailboxes of a batch with everything that their limits count."""
    rows = connection.execute(
        text("""
            SELECT m.id AS mailbox_id, u.handle AS user,
                   ARRAY(SELECT d.ended_at FROM deliveries d
                         WHERE d.mailbox_id = m.id AND d.ended_at IS NOT NULL ORDER BY d.ended_at) AS instants
            FROM mailboxes m JOIN users u ON u.id = m.user_id
            WHERE m.id IN (SELECT mailbox_id FROM enrollments WHERE batch_id = :batch_id)
            ORDER BY u.handle, m.id
        """),
        {"batch_id": batch_id},
    )
    return [MailboxUse(**row._mapping) for row in rows]
