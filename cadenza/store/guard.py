"""How many mails came back, and what is paused because of it?"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from psycopg.types.json import Jsonb
from sqlalchemy import Connection, text

from cadenza.domain.guard import Tally
from cadenza.store.database import driver_connection

#: Of each mailbox the mails of the last days, since a person last let it go on. Bounces and complaints are counted by
#: the mails that they are about, so that the share is one of those mails.
_MAILS = """
    WITH bad AS MATERIALIZED (
        SELECT delivery_id, bool_or(kind = 'complaint') AS is_complaint,
               bool_or(kind = 'bounce' AND data ->> 'change' = 'hard_bounce') AS is_bounce
        FROM events
        WHERE kind IN ('bounce', 'complaint') AND at > :since AND delivery_id IS NOT NULL
        GROUP BY 1
    ),
    mails AS (
        SELECT d.mailbox_id, d.enrollment_id, d.ended_at, coalesce(bad.is_complaint, false) AS is_complaint,
               d.state = 'rejected' OR coalesce(bad.is_bounce, false) AS is_bounce
        FROM mailboxes m
        JOIN deliveries d ON d.mailbox_id = m.id AND d.ended_at > :since AND d.state IN ('sent', 'rejected')
        LEFT JOIN bad ON bad.delivery_id = d.id
        WHERE CAST(:ids AS bigint[]) IS NULL OR m.id = ANY (:ids)
    )
"""
_COUNTS = """
    CAST(count(*) AS int) AS mails, CAST(count(*) FILTER (WHERE is_bounce) AS int) AS bounces,
    CAST(count(*) FILTER (WHERE is_complaint) AS int) AS complaints
"""


def tally_mailboxes(
    connection: Connection, days: int, now: datetime, mailbox_ids: Collection[int] | None = None
) -> list[Tally]:
    """What became of the mails of mailboxes that are not paused; None: of every one."""
    rows = connection.execute(
        text(f"""
            {_MAILS}
            SELECT 'mailbox' AS what, m.id, {_COUNTS}
            FROM mails JOIN mailboxes m ON m.id = mails.mailbox_id
            WHERE m.paused_at IS NULL AND (m.guard_reset_at IS NULL OR mails.ended_at > m.guard_reset_at)
            GROUP BY m.id ORDER BY m.id
        """),  # noqa: S608
        {"since": now - timedelta(days=days), "ids": None if mailbox_ids is None else list(mailbox_ids)},
    )
    return [Tally(**row._mapping) for row in rows]


def tally_sequences(connection: Connection, days: int, now: datetime) -> list[Tally]:
    """What became of the mails of each sequence that is not paused, over all mailboxes."""
    rows = connection.execute(
        text(f"""
            {_MAILS}
            SELECT 'sequence' AS what, s.id, {_COUNTS}
            FROM mails
            JOIN enrollments e ON e.id = mails.enrollment_id
            JOIN sequences s ON s.id = e.sequence_id
            WHERE s.paused_at IS NULL AND (s.guard_reset_at IS NULL OR mails.ended_at > s.guard_reset_at)
            GROUP BY s.id ORDER BY s.id
        """),  # noqa: S608
        {"since": now - timedelta(days=days), "ids": None},
    )
    return [Tally(**row._mapping) for row in rows]


def pause(connection: Connection, reasons: Mapping[Tally, str], now: datetime) -> list[Tally]:
    """Pause what was counted, each with its reason, unless somebody was faster; returns what this call paused."""
    paused = []
    for what, table in (("mailbox", "mailboxes"), ("sequence", "sequences")):
        tallies = {tally.id: tally for tally in reasons if tally.what == what}
        rows = connection.execute(
            text(f"""
                UPDATE {table} t SET paused_at = :now, paused_reason = r.reason
                FROM unnest(CAST(:ids AS bigint[]), CAST(:reasons AS text[])) AS r(id, reason)
                WHERE t.id = r.id AND t.paused_at IS NULL RETURNING t.id
            """),  # noqa: S608
            {"ids": list(tallies), "reasons": [reasons[tally] for tally in tallies.values()], "now": now},
        )
        paused += [tallies[id_] for id_ in sorted(rows.scalars())]
    with driver_connection(connection).cursor() as cursor:
        cursor.executemany(
            "INSERT INTO events (kind, at, noted_at, data) VALUES ('guard_pause', %(now)s, %(now)s, %(data)s)",
            [
                {
                    "now": now,
                    "data": Jsonb(
                        {
                            f"{tally.what}_id": tally.id,
                            "mails": tally.mails,
                            "bounces": tally.bounces,
                            "complaints": tally.complaints,
                            "reason": reasons[tally],
                        }
                    ),
                }
                for tally in paused
            ],
        )
    return paused


def mailboxes_of(connection: Connection, delivery_ids: Collection[int]) -> list[int]:
    """Through which mailboxes deliveries went."""
    return list(
        connection.scalars(
            text("SELECT DISTINCT mailbox_id FROM deliveries WHERE id = ANY (:ids) ORDER BY 1"),
            {"ids": list(delivery_ids)},
        )
    )
