"""Which enrollments are the mails that came in about?"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from psycopg.rows import kwargs_row
from sqlalchemy import Connection

from cadenza.domain.matching import Hint, Key, Match
from cadenza.store.database import driver_connection

#: A report that only names an address is about a mail of these last days: servers give up after five at most.
REPORTED_WITHIN = timedelta(days=10)
#: How far the clocks of a mail server and ours may differ.
SKEW = timedelta(minutes=5)
#: A mail without any Message-ID of ours is about an enrollment that runs, or that was over no longer ago than this.
RECENT = timedelta(days=30)

#: One statement for all mails of a reading. What an author gives (address, subject) counts for enrollments of this
#: mailbox and of its user, what the mailbox's own server gave (provider, recipient) for this mailbox; what nobody can
#: guess counts wherever the answer went.
_MATCHES = """
WITH key AS MATERIALIZED (
    SELECT * FROM unnest(
        %(number)s::int[], %(hint)s::text[], %(rank)s::int[], %(value)s::text[], %(arrived_at)s::timestamptz[],
        %(enrollment_id)s::bigint[], %(position)s::int[], %(domain)s::text[]
    ) AS k(number, hint, rank, value, arrived_at, enrollment_id, position, domain)
),
found AS (
    SELECT number, hint, rank, enrollment_id, CAST(NULL AS bigint) AS delivery_id FROM key WHERE hint = 'token'
    UNION ALL
    SELECT k.number, k.hint, k.rank, d.enrollment_id, d.id
    FROM key k JOIN deliveries d ON d.message_id = k.value WHERE k.hint = 'message'
    UNION ALL
    SELECT k.number, k.hint, k.rank, d.enrollment_id, d.id
    FROM key k
    JOIN deliveries d ON d.enrollment_id = k.enrollment_id AND d.position = k.position
                     AND starts_with(d.message_id, k.value)
    WHERE k.hint = 'own_id'
    UNION ALL
    SELECT k.number, k.hint, k.rank, d.enrollment_id, d.id
    FROM key k JOIN deliveries d ON d.provider_id = k.value AND d.mailbox_id = %(mailbox_id)s
    WHERE k.hint = 'provider'
    UNION ALL
    SELECT k.number, k.hint, k.rank, d.enrollment_id, d.id
    FROM key k
    CROSS JOIN LATERAL (
        SELECT id, enrollment_id FROM deliveries
        WHERE to_address = k.value AND mailbox_id = %(mailbox_id)s AND claimed_at > %(reported_since)s
        ORDER BY claimed_at DESC LIMIT 1
    ) d
    WHERE k.hint = 'recipient'
    UNION ALL
    SELECT k.number, k.hint, k.rank, e.id, NULL
    FROM key k
    CROSS JOIN LATERAL (
        SELECT id FROM contacts WHERE email_normalized = k.value
        UNION SELECT contact_id FROM contact_addresses WHERE address = k.value
    ) person
    CROSS JOIN LATERAL (
        SELECT id, user_id, mailbox_id, enrolled_at FROM enrollments
        WHERE contact_id = person.id AND status IN ('active', 'paused')
        UNION ALL
        SELECT id, user_id, mailbox_id, enrolled_at FROM enrollments
        WHERE contact_id = person.id AND status IN ('finished', 'ended') AND ended_at > %(recent_since)s
    ) e
    WHERE k.hint = 'address' AND (e.mailbox_id = %(mailbox_id)s OR e.user_id = %(user_id)s)
      AND e.enrolled_at < k.arrived_at + %(skew)s
    UNION ALL           -- at the address that it was written to, if the contact has another one by now
    SELECT DISTINCT k.number, k.hint, k.rank, d.enrollment_id, CAST(NULL AS bigint)
    FROM key k
    JOIN deliveries d ON d.to_address = k.value AND d.mailbox_id = %(mailbox_id)s
                     AND d.claimed_at BETWEEN %(recent_since)s AND k.arrived_at + %(skew)s
    WHERE k.hint = 'address'
    UNION ALL           -- only where the subject leaves no choice
    SELECT number, hint, rank, enrollment_id, delivery_id
    FROM (
        SELECT *, count(*) OVER (PARTITION BY number) AS all_of_them,
               count(*) FILTER (WHERE is_near) OVER (PARTITION BY number) AS near_ones
        FROM (
            SELECT k.number, k.hint, k.rank, d.enrollment_id, max(d.id) AS delivery_id,
                   bool_or(split_part(d.to_address, '@', 2) = k.domain) AS is_near
            FROM key k
            JOIN deliveries d ON d.mailbox_id = %(mailbox_id)s
                             AND d.ended_at BETWEEN %(recent_since)s AND k.arrived_at + %(skew)s
                             AND regexp_replace(d.subject, '^Re: ', '') = k.value
            WHERE k.hint = 'subject' GROUP BY 1, 2, 3, 4
        ) same
    ) counted
    WHERE all_of_them = 1 OR is_near AND near_ones = 1
),
known AS MATERIALIZED (
    SELECT f.number, f.hint, f.enrollment_id, f.delivery_id, e.contact_id, e.to_address,
           e.status IN ('active', 'paused') AS is_running,
           row_number() OVER (
               PARTITION BY f.number
               ORDER BY array_position(%(hints)s::text[], f.hint), f.rank, e.status IN ('active', 'paused') DESC,
                        e.enrolled_at DESC, e.id DESC
           ) AS place,
           row_number() OVER (
               PARTITION BY f.number, f.enrollment_id
               ORDER BY array_position(%(hints)s::text[], f.hint), f.rank
           ) AS place_within
    FROM found f JOIN enrollments e ON e.id = f.enrollment_id
)
SELECT number, hint, enrollment_id, contact_id, delivery_id, to_address, is_running
FROM (
    SELECT number, hint, enrollment_id, contact_id, delivery_id, to_address, is_running, place FROM known
    WHERE place = 1 OR hint = 'address' AND is_running AND place_within = 1
    UNION ALL           -- who answers in an old thread has answered, whatever the contact is in by now
    SELECT k.number, k.hint, e.id, e.contact_id, NULL, e.to_address, true, k.place + 1
    FROM known k
    JOIN enrollments e ON e.contact_id = k.contact_id AND e.status IN ('active', 'paused')
                      AND (e.mailbox_id = %(mailbox_id)s OR e.user_id = %(user_id)s)
    WHERE k.place = 1 AND NOT k.is_running
      AND NOT EXISTS (SELECT FROM known o WHERE o.number = k.number AND o.enrollment_id = e.id)
) meant
ORDER BY number, place
"""


def match(
    connection: Connection, mailbox_id: int, user_id: int, keys: Sequence[Key], now: datetime
) -> dict[int, list[Match]]:
    """The enrollments that each mail is about, by its number: the surest first, then what else its author is in."""
    if not keys:
        return {}
    with driver_connection(connection).cursor(row_factory=kwargs_row(_match)) as cursor:
        cursor.execute(
            _MATCHES,
            {
                **{name: [getattr(key, name) for key in keys] for name in Key.__dataclass_fields__},
                "hint": [key.hint.value for key in keys],
                "hints": [hint.value for hint in Hint],
                "mailbox_id": mailbox_id,
                "user_id": user_id,
                "reported_since": now - REPORTED_WITHIN,
                "recent_since": now - RECENT,
                "skew": SKEW,
            },
        )
        found: dict[int, list[Match]] = {}
        for row in cursor:
            found.setdefault(row.number, []).append(row)
        return found


def _match(hint: str, **row: Any) -> Match:
    return Match(hint=Hint(hint), **row)
