"""Which deliveries wait for a person, because nobody else can tell what became of them?"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import class_row
from psycopg.types.json import Jsonb
from sqlalchemy import Connection, text

from cadenza.domain.delivery import Attempt, AttemptResult, Decision
from cadenza.domain.settlement import ClaimedMail, settlement_of
from cadenza.errors import NotFound
from cadenza.store.database import driver_connection
from cadenza.store.deliveries import settle
from cadenza.store.enrollments import unenroll
from cadenza.store.sequences import sequences_by_version


@dataclass(frozen=True, slots=True)
class UnknownDelivery:
    """A delivery without an answer, as lists show it."""

    id: int
    name: str
    email: str
    sequence: str
    position: int
    mailbox: str
    subject: str
    message_id: str
    in_flight_at: datetime


def unknown_deliveries(connection: Connection, limit: int = 100) -> list[UnknownDelivery]:
    """Those whose enrollment waits, oldest first."""
    rows = connection.execute(
        text("""
            SELECT d.id, btrim(concat_ws(' ', c.first_name, c.last_name)) AS name, d.to_address AS email,
                   s.name AS sequence, d.position, m.address AS mailbox, d.subject, d.message_id, d.in_flight_at
            FROM deliveries d
            JOIN enrollments e ON e.id = d.enrollment_id
            JOIN contacts c ON c.id = e.contact_id
            JOIN sequences s ON s.id = e.sequence_id
            JOIN mailboxes m ON m.id = d.mailbox_id
            WHERE d.state = 'unknown' AND e.status IN ('active', 'paused')
            ORDER BY d.in_flight_at, d.id LIMIT :limit
        """),
        {"limit": limit},
    )
    return [UnknownDelivery(**row._mapping) for row in rows]


def decide(connection: Connection, delivery_id: int, decision: Decision, actor: str, now: datetime) -> None:
    """Settle a delivery as a person says, and keep who said so.

    ``SENT``: the sequence goes on, its next delay counts from now. ``RESEND``: the same bytes go out again.
    ``END``: the enrollment ends.

    Raises:
        NotFound: the delivery waits for no decision, or not any more.
    """
    mail = _waiting(connection, delivery_id)
    match decision:
        case Decision.SENT:
            _go_on(connection, mail, actor, now)
        case Decision.RESEND:
            _send_again(connection, mail, now)
        case Decision.END:
            unenroll(connection, [mail.enrollment_id], actor, now, reason="SEND_UNKNOWN")
    driver_connection(connection).execute(
        """
        INSERT INTO events (kind, contact_id, enrollment_id, delivery_id, at, actor, data)
        SELECT 'decision', contact_id, id, %s, %s, %s, %s FROM enrollments WHERE id = %s
        """,
        [mail.id, now, actor, Jsonb({"decision": decision.value}), mail.enrollment_id],
    )


def _waiting(connection: Connection, delivery_id: int) -> ClaimedMail:
    """The delivery, locked: who comes second finds it decided."""
    with driver_connection(connection).cursor(row_factory=class_row(ClaimedMail), binary=True) as cursor:
        found = cursor.execute(
            """
            SELECT d.id, d.token, d.enrollment_id, d.position, d.mailbox_id, d.from_address, d.to_address,
                   d.message_id, ''::bytea AS message, d.claimed_at, d.claimed_at AS lease_until,
                   e.attempts + 1 AS tries, e.last_ran_at IS NULL AS is_first,
                   e.sequence_version_id AS version_id, e.time_zone, e.country,
                   CAST(nullif(e.overrides, '{}') AS text) AS overrides
            FROM deliveries d
            JOIN enrollments e ON e.id = d.enrollment_id AND e.next_position = d.position
            WHERE d.id = %s AND d.state = 'unknown' AND e.status IN ('active', 'paused')
            FOR UPDATE OF d, e
            """,
            [delivery_id],
        ).fetchone()
    if found is None:
        raise NotFound(f"No decision waits for delivery {delivery_id}: see 'cadenza deliveries unknown'.")
    return found


def _go_on(connection: Connection, mail: ClaimedMail, actor: str, now: datetime) -> None:
    sequence = sequences_by_version(connection, {mail.version_id})[mail.version_id]
    attempt = Attempt(mail.id, AttemptResult.ACCEPTED, text=f"Sent, says {actor}.", ended_at=now)
    settlement = settlement_of(mail, attempt, sequence, mail.tries)
    assert settlement is not None
    connection.execute(text("UPDATE deliveries SET state = 'in_flight' WHERE id = :id"), {"id": mail.id})
    settle(connection, [settlement])


def _send_again(connection: Connection, mail: ClaimedMail, now: datetime) -> None:
    connection.execute(
        text("""
            WITH ready AS (
                UPDATE deliveries SET state = 'deferred', token = gen_random_uuid(), lease_until = NULL WHERE id = :id
                RETURNING enrollment_id
            )
            UPDATE enrollments e
            SET held_reason = NULL, held_until = NULL, expected_at = :now,
                due_at = CASE WHEN status = 'active' THEN CAST(:now AS timestamptz) END,
                remaining_delay = CASE WHEN status = 'paused' THEN interval '0' END
            FROM ready WHERE e.id = ready.enrollment_id
        """),
        {"id": mail.id, "now": now},
    )
