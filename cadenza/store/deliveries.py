"""Where does the hand-over of each message stand? Every transition is a compare-and-set on the claim's token."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from psycopg.rows import class_row
from sqlalchemy import Connection, text

from cadenza.domain.delivery import Attempt, AttemptResult
from cadenza.domain.settlement import ClaimedMail, Settlement
from cadenza.store.database import driver_connection


def claimed_mails(connection: Connection, delivery_ids: Sequence[int]) -> list[ClaimedMail]:
    """Those of the deliveries that are still claimed, by mailbox and in the order of their ids."""
    with driver_connection(connection).cursor(row_factory=class_row(ClaimedMail), binary=True) as cursor:
        cursor.execute(
            """
            SELECT d.id, d.token, d.enrollment_id, d.position, d.mailbox_id, d.from_address, d.to_address,
                   d.message_id, d.message, d.claimed_at, d.lease_until, e.attempts + 1 AS tries,
                   e.last_ran_at IS NULL AS is_first,
                   e.sequence_version_id AS version_id, e.time_zone, e.country,
                   CAST(nullif(e.overrides, '{}') AS text) AS overrides
            FROM deliveries d
            JOIN enrollments e ON e.id = d.enrollment_id
            WHERE d.id = ANY (%s) AND d.state = 'claimed' AND d.message IS NOT NULL
            ORDER BY d.mailbox_id, d.id
            """,
            [list(delivery_ids)],
        )
        return cursor.fetchall()


def mark_in_flight(connection: Connection, mails: Sequence[ClaimedMail], now: datetime) -> set[int]:
    """Note that the bodies of these mails are about to go out; returns those whose claim still held."""
    if not mails:
        return set()
    rows = driver_connection(connection).execute(
        """
        UPDATE deliveries d SET state = 'in_flight', in_flight_at = %(now)s
        FROM unnest(%(ids)b::bigint[], %(tokens)b::uuid[]) AS m(id, token)
        WHERE d.id = m.id AND d.token = m.token AND d.state = ANY (%(states)s) AND d.lease_until > %(now)s
        RETURNING d.id
        """,
        {
            "ids": [mail.id for mail in mails],
            "tokens": [mail.token for mail in mails],
            # Not written in the statement: it would be tempted to look through the index of all open deliveries.
            "states": ["claimed"],
            "now": now,
        },
    )
    return {row[0] for row in rows}


def settle(connection: Connection, settlements: Sequence[Settlement]) -> set[int]:
    """Store what came of attempts and move their enrollments on; returns the deliveries whose claim still held.

    A paused enrollment keeps what is left of the delay; one that ended meanwhile stays as it is; one that waits for
    somebody's return (the automatic answer was faster than this) goes on waiting.
    """
    if not settlements:
        return set()
    rows = driver_connection(connection).execute(
        """
        WITH result AS (
            SELECT * FROM unnest(
                %(id)b::bigint[], %(token)b::uuid[], %(enrollment_id)b::bigint[], %(position)b::int[],
                %(state)b::text[], %(ended_at)b::timestamptz[], %(provider_id)b::text[], %(code)b::int[],
                %(status)b::text[], %(words)b::text[], %(is_done)b::bool[], %(next_kind)b::text[],
                %(due_at)b::timestamptz[], %(ending)b::text[], %(reason)b::text[], %(is_hard_bounce)b::bool[]
            ) AS r(id, token, enrollment_id, position, state, ended_at, provider_id, code, status, words, is_done,
                   next_kind, due_at, ending, reason, is_hard_bounce)
        ), settled AS (
            UPDATE deliveries d
            SET state = r.state, ended_at = r.ended_at, lease_until = NULL, provider_id = r.provider_id,
                reply_code = r.code, reply_status = r.status, reply_text = r.words
            FROM result r
            WHERE d.id = r.id AND d.token = r.token AND d.state = ANY (%(states)s)
            RETURNING r.*
        ), moved AS (
            UPDATE enrollments e
            SET next_position = e.next_position + CASE WHEN s.is_done THEN 1 ELSE 0 END,
                next_kind = CASE WHEN s.is_done THEN s.next_kind ELSE e.next_kind END,
                attempts = CASE WHEN s.is_done THEN 0 WHEN s.reason IS NULL THEN e.attempts ELSE e.attempts + 1 END,
                last_ran_at = CASE WHEN s.is_done THEN s.ended_at ELSE e.last_ran_at END,
                due_at = CASE WHEN e.status = 'active' THEN s.due_at END,
                expected_at = s.due_at,
                remaining_delay = CASE WHEN e.status = 'paused' THEN s.due_at - s.ended_at END,
                held_reason = CASE
                    WHEN s.is_done AND s.due_at < e.held_until AND e.held_reason = 'OUT_OF_OFFICE' THEN e.held_reason
                    WHEN NOT s.is_done AND s.ending IS NULL THEN s.reason
                END,
                held_until = CASE
                    WHEN s.is_done AND s.due_at < e.held_until AND e.held_reason = 'OUT_OF_OFFICE' THEN e.held_until
                END,
                status = CASE
                    WHEN s.ending IS NOT NULL THEN 'ended' WHEN s.due_at IS NULL THEN 'finished' ELSE e.status
                END,
                ended_at = CASE WHEN s.due_at IS NULL THEN s.ended_at END,
                ending = s.ending,
                ending_reason = CASE WHEN s.ending IS NOT NULL THEN s.reason END,
                ended_by = CASE WHEN s.ending IS NOT NULL THEN 'engine' END
            FROM settled s
            WHERE e.id = s.enrollment_id AND e.next_position = s.position AND e.status IN ('active', 'paused')
            RETURNING e.contact_id, s.is_hard_bounce, s.ended_at
        ), bounced AS (
            UPDATE contacts c SET bounced_at = m.ended_at FROM moved m WHERE m.is_hard_bounce AND c.id = m.contact_id
        )
        SELECT id FROM settled
        """,
        {
            "id": [s.delivery_id for s in settlements],
            "token": [s.token for s in settlements],
            "enrollment_id": [s.enrollment_id for s in settlements],
            "position": [s.position for s in settlements],
            "state": [s.state.value for s in settlements],
            "ended_at": [s.ended_at for s in settlements],
            "provider_id": [s.attempt.provider_id for s in settlements],
            "code": [s.attempt.code for s in settlements],
            "status": [s.attempt.status for s in settlements],
            "words": [s.attempt.text[:500] for s in settlements],
            "is_done": [s.is_done for s in settlements],
            "next_kind": [s.next_kind for s in settlements],
            "due_at": [s.due_at for s in settlements],
            "ending": [s.ending for s in settlements],
            "reason": [s.reason for s in settlements],
            "is_hard_bounce": [s.is_hard_bounce for s in settlements],
            "states": ["claimed", "in_flight"],
        },
    )
    return {row[0] for row in rows}


_RESULTS = {
    "sent": AttemptResult.ACCEPTED,
    "deferred": AttemptResult.DEFERRED,
    "rejected": AttemptResult.REJECTED,
    "in_flight": AttemptResult.SILENCE,
    "unknown": AttemptResult.SILENCE,
    "claimed": AttemptResult.LOST,
}


def outcomes(connection: Connection, delivery_ids: Sequence[int]) -> list[Attempt]:
    """What came of deliveries, as their last attempt left them."""
    rows = connection.execute(
        text("""
            SELECT id, state, reply_code, reply_status, reply_text, provider_id, ended_at
            FROM deliveries WHERE id = ANY (:ids) ORDER BY id
        """),
        {"ids": list(delivery_ids)},
    )
    return [
        Attempt(
            row.id, _RESULTS[row.state], row.reply_code, row.reply_status, row.reply_text, row.provider_id, row.ended_at
        )
        for row in rows
    ]


def release_claims(connection: Connection, now: datetime) -> int:
    """Make claims ready again whose lease is over: their dot was never sent. Returns how many."""
    return connection.execute(
        text("""
            UPDATE deliveries SET state = 'deferred', token = gen_random_uuid(), lease_until = NULL
            WHERE state = 'claimed' AND lease_until <= :now
        """),
        {"now": now},
    ).rowcount


def abandoned(connection: Connection, now: datetime) -> list[ClaimedMail]:
    """Deliveries in flight whose lease is over: nobody knows whether the server took them."""
    with driver_connection(connection).cursor(row_factory=class_row(ClaimedMail), binary=True) as cursor:
        cursor.execute(
            """
            SELECT d.id, d.token, d.enrollment_id, d.position, d.mailbox_id, d.from_address, d.to_address,
                   d.message_id, ''::bytea AS message, d.in_flight_at AS claimed_at, d.lease_until,
                   e.attempts + 1 AS tries, e.last_ran_at IS NULL AS is_first,
                   e.sequence_version_id AS version_id, e.time_zone, e.country,
                   CAST(nullif(e.overrides, '{}') AS text) AS overrides,
                   d.is_witnessed, d.missed_at
            FROM deliveries d
            JOIN enrollments e ON e.id = d.enrollment_id
            WHERE d.state = 'in_flight' AND d.lease_until <= %s
            ORDER BY d.mailbox_id, d.id
            """,
            [now],
        )
        return cursor.fetchall()


def note_missed(connection: Connection, mails: Sequence[ClaimedMail], now: datetime) -> None:
    """Note since when the witness has not shown these abandoned deliveries."""
    if mails:
        driver_connection(connection).execute(
            """
            UPDATE deliveries d SET missed_at = %s
            FROM unnest(%s::bigint[], %s::uuid[]) AS m(id, token)
            WHERE d.id = m.id AND d.token = m.token AND d.state = 'in_flight' AND d.missed_at IS NULL
            """,
            [now, [mail.id for mail in mails], [mail.token for mail in mails]],
        )


def resend(connection: Connection, mails: Sequence[ClaimedMail]) -> int:
    """Make abandoned deliveries ready again: the witness would have shown them by now. Returns how many."""
    return (
        driver_connection(connection)
        .execute(
            """
        UPDATE deliveries d SET state = 'deferred', token = gen_random_uuid(), lease_until = NULL
        FROM unnest(%s::bigint[], %s::uuid[]) AS m(id, token)
        WHERE d.id = m.id AND d.token = m.token AND d.state = 'in_flight'
        """,
            [[mail.id for mail in mails], [mail.token for mail in mails]],
        )
        .rowcount
    )


def mark_unknown(connection: Connection, mails: Sequence[ClaimedMail], now: datetime) -> int:
    """Hold deliveries that no witness can tell about: a person decides. Returns how many."""
    return (
        driver_connection(connection)
        .execute(
            """
        WITH unknown AS (
            UPDATE deliveries d SET state = 'unknown', lease_until = NULL, ended_at = %s
            FROM unnest(%s::bigint[], %s::uuid[]) AS m(id, token)
            WHERE d.id = m.id AND d.token = m.token AND d.state = 'in_flight'
            RETURNING d.enrollment_id
        )
        UPDATE enrollments e SET held_reason = 'SEND_UNKNOWN', due_at = NULL
        FROM unknown u WHERE e.id = u.enrollment_id AND e.status IN ('active', 'paused')
        """,
            [now, [mail.id for mail in mails], [mail.token for mail in mails]],
        )
        .rowcount
    )


#: How long a message's bytes are kept after its delivery ended; the delivery itself stays.
KEEP_MESSAGES = timedelta(days=30)


def forget_messages(connection: Connection, now: datetime) -> int:
    """Empty the bytes of mails that ended long ago. Returns how many."""
    return connection.execute(
        text("""
            UPDATE deliveries SET message = NULL
            WHERE message IS NOT NULL AND state IN ('sent', 'rejected') AND ended_at < :before
        """),
        {"before": now - KEEP_MESSAGES},
    ).rowcount
