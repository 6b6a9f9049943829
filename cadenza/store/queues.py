"""Which mails stand before the next one of a mailbox?"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final

import pandas as pd
import pyarrow as pa
from sqlalchemy import Connection, text

from cadenza.domain.throttle import Limit
from cadenza.store.frames import INSTANT, NUMBER, copy_frame
from cadenza.store.mailboxes import limits_json

_RECENT: Final[dict[str, pa.DataType]] = {"mailbox_id": NUMBER, "at": INSTANT}
_QUEUED: Final[dict[str, pa.DataType]] = {"mailbox_id": NUMBER, "due_at": INSTANT, "mails": NUMBER}


def limits_of(
    connection: Connection, mailbox_ids: Collection[int], default_limits: Sequence[Limit]
) -> dict[int, list[Limit]]:
    """The limits of each mailbox: its own, else the default ones."""
    rows = connection.execute(
        text("""
            SELECT m.id, l.count AS mails, l.seconds
            FROM mailboxes m
            CROSS JOIN LATERAL jsonb_to_recordset(coalesce(m.limits, CAST(:default_limits AS jsonb)))
                               AS l(count int, seconds int)
            WHERE m.id = ANY (:ids)
        """),
        {"ids": list(mailbox_ids), "default_limits": limits_json(default_limits)},
    )
    limits: dict[int, list[Limit]] = {mailbox_id: [] for mailbox_id in mailbox_ids}
    for row in rows:
        limits[row.id].append(Limit(row.mails, row.seconds))
    return limits


def recent_mails(
    connection: Connection, mailbox_ids: Collection[int], longest: int, count: int, now: datetime
) -> pd.DataFrame:
    """What the limits of mailboxes still count: mailbox_id, at; sorted. The latest ``count`` of each.

    ``longest`` is the longest window in seconds. A mail that is leaving right now counts as leaving now.
    """
    return copy_frame(
        connection,
        """
        SELECT m.id AS mailbox_id, mail.at
        FROM unnest(CAST(:ids AS bigint[])) AS m(id)
        CROSS JOIN LATERAL (
            SELECT CASE WHEN d.state IN ('claimed', 'in_flight') THEN CAST(:now AS timestamptz)
                        ELSE d.ended_at END AS at
            FROM deliveries d
            WHERE d.mailbox_id = m.id
              AND (d.state IN ('claimed', 'in_flight') OR d.ended_at > :now - make_interval(secs => :longest))
            ORDER BY 1 DESC LIMIT :count
        ) mail
        ORDER BY m.id, mail.at
        """,
        {"ids": list(mailbox_ids), "longest": longest, "count": count, "now": now},
        _RECENT,
        never_missing=frozenset({"mailbox_id"}),
    )


def queued_mails(connection: Connection, mailbox_ids: Collection[int]) -> pd.DataFrame:
    """The mails that wait in mailboxes: mailbox_id, due_at, mails (how many); sorted.

    Who is held until his slot in the queue keeps his place in it. Paused sequences do not queue.
    """
    return copy_frame(
        connection,
        """
        SELECT mailbox_id, due_at, count(*) AS mails
        FROM (
            SELECT e.mailbox_id,
                   CASE WHEN e.held_reason = 'DAILY_LIMIT' THEN e.due_at
                        ELSE greatest(e.due_at, e.held_until) END AS due_at
            FROM enrollments e
            WHERE e.mailbox_id = ANY (:ids) AND e.status = 'active' AND e.next_kind = 'email' AND e.due_at IS NOT NULL
              AND e.sequence_id NOT IN (SELECT id FROM sequences WHERE paused_at IS NOT NULL)
              AND e.id NOT IN (SELECT enrollment_id FROM deliveries WHERE state IN ('claimed', 'in_flight'))
        ) waiting
        GROUP BY mailbox_id, due_at ORDER BY mailbox_id, due_at
        """,
        {"ids": list(mailbox_ids)},
        _QUEUED,
        never_missing=frozenset(_QUEUED),
    )
