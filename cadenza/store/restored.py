"""Does the database know less than what was sent? A restored backup does: whoever sent remembers, mailboxes tell."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from psycopg.rows import class_row
from sqlalchemy import Connection, text

from cadenza.domain.settlement import ClaimedMail
from cadenza.store.database import driver_connection

logger = logging.getLogger(__name__)

#: Why mailboxes are paused until it is known what they sent.
LOOKING = "the database was restored: what was sent since its backup is looked up in the mailbox"
#: Why they stay so.
NOBODY_KNOWS = "the database was restored, and the mailbox does not tell what it sent since: look, then resume it"
#: Numbers of enrollments that were lost with their rows are not given again: links in their mails name them.
SKIPPED = 1_000_000


@dataclass(frozen=True, slots=True)
class Mark:
    """The last delivery that a machine knows to be stored."""

    delivery_id: int
    claimed_at: str
    #: Whether its outcome is stored, too.
    is_settled: bool


@dataclass(frozen=True, slots=True)
class DoubtfulStep:
    """An email step that may have run although the database does not know."""

    enrollment_id: int
    next_position: int
    version_id: int
    to_address: str
    #: Of the delivery that there is already.
    message_id: str | None


@dataclass(frozen=True, slots=True)
class SentStep:
    """An email step that did."""

    enrollment_id: int
    position: int
    message_id: str


class Memory:
    """What this machine knows to be stored, in a file for each database: it outlives the database."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path: Path | None = None

    def keep(self, mail: ClaimedMail, *, is_settled: bool) -> None:
        """Remember a delivery whose claim, or whose outcome, was committed, if ``is_ahead`` was asked before."""
        if self._path is None:
            return
        fresh = self._path.with_suffix(f".{os.getpid()}")
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            fresh.write_text(json.dumps(asdict(Mark(mail.id, mail.claimed_at.isoformat(), is_settled))))
            fresh.replace(self._path)
        except OSError as error:
            # A restored backup may go unnoticed; that is no reason to send nothing.
            logger.warning("cannot remember in %s what was sent: %s", self._folder, error.strerror)

    def is_ahead(self, connection: Connection) -> bool:
        """Whether the database has forgotten what this machine remembers."""
        if self._path is None:
            self._path = self._folder / str(connection.scalar(text("SELECT id FROM installation")))
        try:
            mark = Mark(**json.loads(self._path.read_text()))
        except (OSError, ValueError, TypeError):
            return False
        row = driver_connection(connection).execute(
            """
            SELECT NOT EXISTS (
                SELECT FROM deliveries
                WHERE id = %(delivery_id)s
                  AND (claimed_at > %(claimed_at)s OR claimed_at = %(claimed_at)s
                       AND NOT (%(is_settled)s AND state IN ('claimed', 'in_flight')))
            )
            """,
            asdict(mark),
        )
        found = row.fetchone()
        return bool(found and found[0])

    def forget(self) -> None:
        """Begin anew, with what the database knows."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)


def stop_sending(connection: Connection, now: datetime) -> int:
    """Pause every mailbox until it is known what it sent. Returns how many."""
    connection.execute(
        text("SELECT setval(s, nextval(s) + :skipped) FROM pg_get_serial_sequence('enrollments', 'id') AS s"),
        {"skipped": SKIPPED},
    )
    return connection.execute(
        text("UPDATE mailboxes SET paused_at = :now, paused_reason = :reason WHERE paused_at IS NULL"),
        {"now": now, "reason": LOOKING},
    ).rowcount


def stopped_mailboxes(connection: Connection, before: datetime) -> list[int]:
    """The mailboxes that have been paused for it since before an instant."""
    return list(
        connection.scalars(
            text("SELECT id FROM mailboxes WHERE paused_reason = :reason AND paused_at <= :before ORDER BY id"),
            {"reason": LOOKING, "before": before},
        )
    )


def go_on(connection: Connection, mailbox_id: int) -> None:
    """Let a mailbox send again."""
    connection.execute(
        text("UPDATE mailboxes SET paused_at = NULL, paused_reason = NULL WHERE id = :id AND paused_reason = :reason"),
        {"id": mailbox_id, "reason": LOOKING},
    )


def leave_to_a_person(connection: Connection, mailbox_id: int) -> None:
    """Keep a mailbox paused that does not tell what it sent."""
    connection.execute(
        text("UPDATE mailboxes SET paused_reason = :reason WHERE id = :id AND paused_reason = :was"),
        {"id": mailbox_id, "reason": NOBODY_KNOWS, "was": LOOKING},
    )


def doubtful_steps(
    connection: Connection, mailbox_id: int, enrollment_ids: Collection[int] | None = None
) -> list[DoubtfulStep]:
    """Where the enrollments of a mailbox stand, all or some of them; what waits for a person's decision is left out."""
    rows = connection.execute(
        text("""
            SELECT e.id AS enrollment_id, e.next_position, e.sequence_version_id AS version_id, e.to_address,
                   d.message_id
            FROM enrollments e
            LEFT JOIN deliveries d ON d.enrollment_id = e.id AND d.position = e.next_position
                                  AND d.mailbox_id = e.mailbox_id
            WHERE e.mailbox_id = :mailbox_id AND e.status IN ('active', 'paused')
              AND (d.state IS NULL OR d.state IN ('claimed', 'in_flight', 'deferred'))
              AND (CAST(:ids AS bigint[]) IS NULL OR e.id = ANY (:ids))
            ORDER BY e.id
        """),
        {"mailbox_id": mailbox_id, "ids": None if enrollment_ids is None else list(enrollment_ids)},
    )
    return [DoubtfulStep(**row._mapping) for row in rows]


def claim_sent(connection: Connection, steps: Sequence[SentStep], now: datetime) -> list[ClaimedMail]:
    """Move enrollments to steps that were sent, and claim their deliveries, so that they can be settled.

    To-dos before them were done, too.
    """
    with driver_connection(connection).cursor(row_factory=class_row(ClaimedMail), binary=True) as cursor:
        cursor.execute(
            """
            WITH found AS (
                SELECT * FROM unnest(%(ids)s::bigint[], %(positions)s::int[], %(message_ids)s::text[])
                              AS f(enrollment_id, position, message_id)
            ), moved AS (
                UPDATE enrollments e SET next_position = f.position, next_kind = 'email', held_until = NULL
                FROM found f
                WHERE e.id = f.enrollment_id AND e.status IN ('active', 'paused') AND e.next_position <= f.position
                  AND NOT EXISTS (
                      SELECT FROM deliveries d WHERE d.enrollment_id = e.id AND d.position = f.position
                                                 AND d.state NOT IN ('claimed', 'in_flight', 'deferred')
                  )
                RETURNING e.*, f.message_id
            ), done AS (
                UPDATE todos t SET completed_at = %(now)s, completed_by = 'engine'
                FROM moved WHERE t.enrollment_id = moved.id AND t.completed_at IS NULL
            ), sent AS (
                INSERT INTO deliveries AS d (enrollment_id, position, mailbox_id, to_address, from_address, state,
                                             token, lease_until, message_id, subject, claimed_at)
                SELECT moved.id, moved.next_position, m.id, moved.to_address, m.address, 'claimed',
                       gen_random_uuid(), %(now)s, moved.message_id, '', %(now)s
                FROM moved JOIN mailboxes m ON m.id = moved.mailbox_id
                ON CONFLICT (enrollment_id, position) DO UPDATE
                SET state = 'claimed', token = excluded.token, lease_until = excluded.lease_until
                WHERE d.state IN ('claimed', 'in_flight', 'deferred')
                RETURNING d.*
            )
            SELECT sent.id, sent.token, sent.enrollment_id, sent.position, sent.mailbox_id, sent.from_address,
                   sent.to_address, sent.message_id, ''::bytea AS message, sent.claimed_at, sent.lease_until,
                   1 AS tries, moved.last_ran_at IS NULL AS is_first, moved.sequence_version_id AS version_id,
                   moved.time_zone, moved.country, CAST(nullif(moved.overrides, '{}') AS text) AS overrides
            FROM sent JOIN moved ON moved.id = sent.enrollment_id
            """,
            {
                "ids": [step.enrollment_id for step in steps],
                "positions": [step.position for step in steps],
                "message_ids": [step.message_id for step in steps],
                "now": now,
            },
        )
        return cursor.fetchall()
