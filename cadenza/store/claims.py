"""Which due steps may run now, and how are they reserved so that nothing is sent twice?

All of it happens in one transaction that holds the rows of the mailboxes: the room of a mailbox cannot change
between counting it and filling it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import orjson
from psycopg import Cursor
from psycopg.rows import class_row
from psycopg.types.json import Jsonb, set_json_loads
from sqlalchemy import Connection, text

from cadenza.domain.claim import DueStep, OpenTodo, Refused, Reservation, ending_of
from cadenza.domain.settlement import ClaimedMail
from cadenza.store.database import driver_connection

#: Active enrollments whose step may run as far as time, pauses and holds are concerned; the delivery of a step that
#: is under way or done is in the way of a second one.
_READY = """
    e.status = 'active' AND e.due_at <= %(now)s AND (e.held_until IS NULL OR e.held_until <= %(now)s)
    AND e.sequence_id NOT IN (SELECT id FROM sequences WHERE paused_at IS NOT NULL)
    AND NOT EXISTS (
        SELECT FROM deliveries d
        WHERE d.enrollment_id = e.id AND d.position = e.next_position AND d.state <> 'deferred'
    )
"""

_FACTS = """
    SELECT e.id AS enrollment_id, e.contact_id, e.sequence_version_id AS version_id, e.mailbox_id, e.user_id,
           e.to_address, e.next_position AS position, e.attempts, e.last_ran_at IS NULL AS is_first,
           e.time_zone, e.country, e.token_values, e.thread, c.untracked_at IS NOT NULL AS is_untracked,
           CAST(nullif(e.overrides, '{}') AS text) AS overrides, e.overrides ->> 'follow_ups' AS follow_ups,
           CASE
               WHEN c.complained_at IS NOT NULL THEN 'SPAM_COMPLAINT'
               WHEN c.bounced_at IS NOT NULL THEN 'HARD_BOUNCED'
               WHEN c.opted_out_at IS NOT NULL THEN 'OPTED_OUT_ALL'
               WHEN EXISTS (
                   SELECT FROM sender_opt_outs o WHERE o.address = e.to_address AND o.user_id = e.user_id
               ) THEN 'OPTED_OUT_SENDER'
               WHEN EXISTS (
                   SELECT FROM suppressions s
                   WHERE s.kind = 'address' AND s.value = e.to_address AND (s.until IS NULL OR s.until > %(now)s)
               ) THEN 'ADDRESS_SUPPRESSED'
               WHEN EXISTS (
                   SELECT FROM (SELECT string_to_array(split_part(e.to_address, '@', 2), '.') AS labels) host
                   CROSS JOIN generate_series(1, cardinality(host.labels)) AS i
                   JOIN suppressions s ON s.kind = 'domain' AND s.value = array_to_string(host.labels[i:], '.')
                                      AND (s.until IS NULL OR s.until > %(now)s)
               ) THEN 'DOMAIN_SUPPRESSED'
               WHEN NOT u.is_active THEN 'SENDER_INACTIVE'
           END AS refusal,
           jsonb_strip_nulls(jsonb_build_object(
               'email', c.email_normalized, 'first_name', c.first_name, 'last_name', c.last_name, 'company', c.company,
               'job_title', c.job_title, 'phone', c.phone, 'country', c.country, 'city', c.city,
               'language', c.language, 'time_zone', c.time_zone, 'owner_email', c.owner_email,
               'external_id', c.external_id
           )) AS contact,
           c.properties,
           jsonb_strip_nulls(jsonb_build_object(
               'name', coalesce(k.name, c.company), 'domain', k.domain, 'country', k.country
           )) AS company,
           coalesce(k.properties, '{}') AS company_properties,
           sent.positions AS sent_positions, sent.message_ids AS sent_message_ids, sent.subjects AS sent_subjects
    FROM due
    JOIN enrollments e ON e.id = due.id
    JOIN contacts c ON c.id = e.contact_id
    JOIN users u ON u.id = e.user_id
    LEFT JOIN companies k ON k.id = c.company_id
    CROSS JOIN LATERAL (
        SELECT coalesce(array_agg(d.position ORDER BY d.position), '{}') AS positions,
               coalesce(array_agg(d.message_id ORDER BY d.position), '{}') AS message_ids,
               coalesce(array_agg(d.subject ORDER BY d.position), '{}') AS subjects
        FROM deliveries d
        WHERE e.next_position > 1 AND d.enrollment_id = e.id AND d.position < e.next_position AND d.state = 'sent'
    ) sent
    ORDER BY e.due_at, e.id
"""


def lock_mailboxes(
    connection: Connection, time_zone: str, shard: int, shards: int, read: Collection[int], now: datetime
) -> list[int]:
    """Lock the mailboxes that have due mails in a zone; those that another wave holds are left to it.

    A mailbox that can be read was ``read`` just before: whoever has answered gets nothing more.
    """
    return list(
        connection.scalars(
            text("""
                SELECT m.id FROM mailboxes m
                WHERE m.is_connected AND m.paused_at IS NULL AND m.id % :shards = :shard
                  AND (m.imap IS NULL OR m.id = ANY (:read))
                  AND EXISTS (
                      SELECT FROM enrollments e
                      WHERE e.mailbox_id = m.id AND e.time_zone = :time_zone AND e.status = 'active'
                        AND e.due_at <= :now AND e.next_kind = 'email'
                  )
                ORDER BY m.id
                FOR NO KEY UPDATE SKIP LOCKED
            """),
            {"time_zone": time_zone, "shard": shard, "shards": shards, "read": list(read), "now": now},
        )
    )


def _due_steps(connection: Connection) -> Cursor[DueStep]:
    """A cursor for due steps; five pieces of JSON in each make reading them worth a faster reader."""
    cursor = driver_connection(connection).cursor(row_factory=class_row(DueStep), binary=True)
    set_json_loads(orjson.loads, cursor)
    return cursor


def pick_emails(connection: Connection, time_zone: str, quotas: Mapping[int, int], now: datetime) -> list[DueStep]:
    """The next due email steps of a zone, of each mailbox no more than its quota; their rows stay locked."""
    with _due_steps(connection) as cursor:
        cursor.execute(
            f"""
            WITH due AS MATERIALIZED (
                SELECT picked.id
                FROM unnest(%(mailbox_ids)s::bigint[], %(quotas)s::int[]) AS quota(mailbox_id, mails)
                CROSS JOIN LATERAL (
                    SELECT e.id FROM enrollments e
                    WHERE e.mailbox_id = quota.mailbox_id AND e.time_zone = %(time_zone)s AND e.next_kind = 'email'
                      AND {_READY}
                    ORDER BY e.due_at, e.id LIMIT quota.mails
                    FOR NO KEY UPDATE OF e SKIP LOCKED
                ) picked
            ) {_FACTS}
            """,  # noqa: S608
            {
                "mailbox_ids": list(quotas.keys()),
                "quotas": list(quotas.values()),
                "time_zone": time_zone,
                "now": now,
            },
        )
        return cursor.fetchall()


def postpone(
    connection: Connection,
    time_zone: str,
    mailbox_ids: Sequence[int],
    openings: Mapping[tuple[int, str | None, str | None], datetime],
    now: datetime,
) -> int:
    """Put off every late follow-up of locked mailboxes whose window is closed now; returns how many.

    ``openings`` say when it opens again, by sequence version, country, and days and window of their own.
    """
    return (
        driver_connection(connection)
        .execute(
            f"""
            UPDATE enrollments e SET due_at = o.at, expected_at = o.at
            FROM unnest(%(versions)s::bigint[], %(countries)s::text[], %(follow_ups)s::text[],
                        %(openings)s::timestamptz[]) AS o(version_id, country, follow_ups, at)
            WHERE e.mailbox_id = ANY (%(mailbox_ids)s) AND e.time_zone = %(time_zone)s AND e.next_kind = 'email'
              AND e.last_ran_at IS NOT NULL AND e.sequence_version_id = o.version_id
              AND e.country IS NOT DISTINCT FROM o.country
              AND e.overrides ->> 'follow_ups' IS NOT DISTINCT FROM o.follow_ups AND {_READY}
            """,  # noqa: S608
            {
                "versions": [version_id for version_id, _, _ in openings],
                "countries": [country for _, country, _ in openings],
                "follow_ups": [follow_ups for _, _, follow_ups in openings],
                "openings": list(openings.values()),
                "mailbox_ids": list(mailbox_ids),
                "time_zone": time_zone,
                "now": now,
            },
        )
        .rowcount
    )


def pick_todos(
    connection: Connection, time_zone: str, shard: int, shards: int, size: int, read: Collection[int], now: datetime
) -> list[DueStep]:
    """The next due to-do steps of a zone; no limit of a mailbox is about them.

    As for mails, a mailbox that can be read was ``read`` just before.
    """
    with _due_steps(connection) as cursor:
        cursor.execute(
            f"""
            WITH due AS MATERIALIZED (
                SELECT e.id FROM enrollments e
                WHERE e.time_zone = %(time_zone)s AND e.next_kind = 'todo' AND e.mailbox_id %% %(shards)s = %(shard)s
                  AND e.mailbox_id NOT IN (SELECT id FROM mailboxes WHERE imap IS NOT NULL AND id <> ALL (%(read)s))
                  AND {_READY}
                ORDER BY e.due_at, e.id LIMIT %(size)s
                FOR NO KEY UPDATE OF e SKIP LOCKED
            ) {_FACTS}
            """,  # noqa: S608
            {
                "time_zone": time_zone,
                "shard": shard,
                "shards": shards,
                "size": size,
                "read": list(read),
                "now": now,
            },
        )
        return cursor.fetchall()


def reserve(
    connection: Connection, reservations: Sequence[Reservation], due: Sequence[DueStep], lease: timedelta, now: datetime
) -> list[ClaimedMail]:
    """Claim one delivery for each mail of the due steps, and return them in the same order.

    A step that was deferred before keeps its Message-ID and bytes: every try sends the same mail, as long as it goes
    through the same mailbox.
    """
    if not reservations:
        return []
    rows = (
        driver_connection(connection)
        .execute(
            """
        INSERT INTO deliveries (enrollment_id, position, mailbox_id, to_address, from_address, state, token,
                                lease_until, message_id, subject, message, variant, claimed_at)
        SELECT enrollment_id, position, mailbox_id, to_address, from_address, 'claimed', gen_random_uuid(),
               %(now)s::timestamptz + %(lease)s, message_id, subject, message, variant, %(now)s
        FROM unnest(%(enrollment_id)b::bigint[], %(position)b::int[], %(mailbox_id)b::bigint[], %(to_address)b::text[],
                    %(from_address)b::text[], %(message_id)b::text[], %(subject)b::text[], %(message)b::bytea[],
                    %(variant)b::text[])
             AS r(enrollment_id, position, mailbox_id, to_address, from_address, message_id, subject, message, variant)
        ON CONFLICT (enrollment_id, position) DO UPDATE
        SET state = 'claimed', token = excluded.token, lease_until = excluded.lease_until, ended_at = NULL,
            in_flight_at = NULL, claimed_at = excluded.claimed_at, attempt = deliveries.attempt + 1,
            is_witnessed = true, missed_at = NULL,
            mailbox_id = excluded.mailbox_id, from_address = excluded.from_address,
            message_id = CASE WHEN deliveries.mailbox_id = excluded.mailbox_id THEN deliveries.message_id
                              ELSE excluded.message_id END,
            subject = CASE WHEN deliveries.mailbox_id = excluded.mailbox_id THEN deliveries.subject
                           ELSE excluded.subject END,
            message = CASE WHEN deliveries.mailbox_id = excluded.mailbox_id THEN deliveries.message
                           ELSE excluded.message END,
            variant = CASE WHEN deliveries.mailbox_id = excluded.mailbox_id THEN deliveries.variant
                           ELSE excluded.variant END
        WHERE deliveries.state = 'deferred'
        RETURNING enrollment_id, id, token, message_id, CASE WHEN attempt > 1 THEN message END AS kept
        """,
            {
                "now": now,
                "lease": lease,
                **{
                    name: [getattr(reservation, name) for reservation in reservations]
                    for name in Reservation.__dataclass_fields__
                },
            },
            binary=True,
        )
        .fetchall()
    )
    claimed = {row[0]: row for row in rows}
    steps = {step.enrollment_id: step for step in due}
    return [
        _claimed(claimed[mail.enrollment_id], mail, steps[mail.enrollment_id], lease, now)
        for mail in reservations
        if mail.enrollment_id in claimed
    ]


def _claimed(
    row: tuple[Any, ...], reserved: Reservation, step: DueStep, lease: timedelta, now: datetime
) -> ClaimedMail:
    _, id_, token, message_id, kept = row
    return ClaimedMail(
        id_,
        token,
        reserved.enrollment_id,
        reserved.position,
        reserved.mailbox_id,
        reserved.from_address,
        reserved.to_address,
        message_id,
        reserved.message if kept is None else kept,
        claimed_at=now,
        lease_until=now + lease,
        tries=step.attempts + 1,
        is_first=step.is_first,
        version_id=step.version_id,
        time_zone=step.time_zone,
        country=step.country,
        overrides=step.overrides,
    )


def end_refused(connection: Connection, refused: Sequence[Refused], now: datetime) -> None:
    """End enrollments whose steps may not run any more."""
    if refused:
        connection.execute(
            text("""
                UPDATE enrollments e
                SET status = 'ended', ending = r.ending, ending_reason = r.code, ended_by = 'engine', ended_at = :now,
                    due_at = NULL, held_reason = NULL, held_until = NULL
                FROM unnest(CAST(:ids AS bigint[]), CAST(:codes AS text[]), CAST(:endings AS text[]))
                     AS r(id, code, ending)
                WHERE e.id = r.id AND e.status = 'active'
            """),
            {
                "ids": [step.enrollment_id for step in refused],
                "codes": [step.code for step in refused],
                "endings": [ending_of(step.code).value for step in refused],
                "now": now,
            },
        )


def hold_refused(connection: Connection, refused: Sequence[Refused], until: datetime) -> None:
    """Put steps off that wait for a repair; they go on by themselves when it is made."""
    if refused:
        connection.execute(
            text("""
                UPDATE enrollments e SET held_reason = r.code, held_until = :until
                FROM unnest(CAST(:ids AS bigint[]), CAST(:codes AS text[])) AS r(id, code)
                WHERE e.id = r.id AND e.status = 'active'
            """),
            {
                "ids": [step.enrollment_id for step in refused],
                "codes": [step.code for step in refused],
                "until": until,
            },
        )


def open_todos(connection: Connection, todos: Sequence[OpenTodo], now: datetime) -> None:
    """Create the to-dos and move their enrollments: on to the next step, or to waiting for the to-do."""
    if todos:
        driver_connection(connection).execute(
            """
            WITH ran AS (
                SELECT * FROM jsonb_to_recordset(%(todos)s) AS t(enrollment_id bigint, position int, user_id bigint,
                    contact_id bigint, kind text, title text, notes text, priority text, is_blocking bool,
                    next_kind text, next_due_at timestamptz)
            ), opened AS (
                INSERT INTO todos (enrollment_id, position, user_id, contact_id, kind, title, notes, priority,
                                   is_blocking, created_at)
                SELECT enrollment_id, position, user_id, contact_id, kind, title, notes, priority, is_blocking, %(now)s
                FROM ran
                ON CONFLICT (enrollment_id, position) DO NOTHING
            )
            UPDATE enrollments e
            SET due_at = CASE WHEN NOT r.is_blocking THEN r.next_due_at END,
                next_position = e.next_position + CASE WHEN r.is_blocking THEN 0 ELSE 1 END,
                next_kind = CASE WHEN r.is_blocking THEN e.next_kind ELSE r.next_kind END,
                status = CASE WHEN NOT r.is_blocking AND r.next_kind IS NULL THEN 'finished' ELSE e.status END,
                ended_at = CASE WHEN NOT r.is_blocking AND r.next_kind IS NULL THEN %(now)s END,
                expected_at = CASE WHEN NOT r.is_blocking THEN r.next_due_at END,
                last_ran_at = %(now)s, attempts = 0, held_reason = NULL, held_until = NULL
            FROM ran r WHERE e.id = r.enrollment_id
            """,
            {"todos": Jsonb([_as_row(todo) for todo in todos]), "now": now},
        )


def _as_row(todo: OpenTodo) -> dict[str, Any]:
    row = {name: getattr(todo, name) for name in OpenTodo.__dataclass_fields__}
    return row | {"next_due_at": todo.next_due_at.isoformat() if todo.next_due_at else None}


def waiting(connection: Connection, time_zone: str, shard: int, shards: int, now: datetime) -> dict[int, int]:
    """Due email steps of a zone that are neither under way nor done, by mailbox."""
    rows = driver_connection(connection).execute(
        f"""
        SELECT m.id, due.steps
        FROM mailboxes m
        CROSS JOIN LATERAL (
            SELECT count(*) AS steps FROM enrollments e
            WHERE e.mailbox_id = m.id AND e.time_zone = %(time_zone)s AND e.next_kind = 'email' AND {_READY}
        ) due
        WHERE m.is_connected AND m.paused_at IS NULL AND m.id %% %(shards)s = %(shard)s AND due.steps > 0
        """,  # noqa: S608
        {"time_zone": time_zone, "shard": shard, "shards": shards, "now": now},
    )
    return dict(rows.fetchall())
