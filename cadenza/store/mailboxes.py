"""Through which accounts do mails leave, and how many may leave now?"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from cadenza.domain.attachments import largest_mail
from cadenza.domain.throttle import Limit


@dataclass(frozen=True, slots=True)
class Mailbox:
    """A connected account with its owner, as mails from it need them."""

    id: int
    address: str
    display_name: str
    postal_address: str
    transport: Mapping[str, Any]
    imap: Mapping[str, Any] | None
    sent_folder: str | None
    aliases: Sequence[str]
    is_connected: bool
    disconnected_reason: str | None
    is_paused: bool
    user_name: str
    user_email: str
    user_properties: Mapping[str, str]
    #: The largest mail that its server says it takes, in bytes, as the last probe heard it.
    size_limit: int | None = None

    def largest_mail(self, largest_mb: int) -> int:
        """The largest mail that it may send, in bytes; ``largest_mb`` is the installation's own limit."""
        return largest_mail(self.transport, self.size_limit, largest_mb)

    @property
    def sender_values(self) -> dict[str, str]:
        """What templates may say of the sender."""
        first_name, _, last_name = self.user_name.partition(" ")
        return {
            **{key: str(value) for key, value in self.user_properties.items()},
            "name": self.user_name,
            "first_name": first_name,
            "last_name": last_name,
            "email": self.address,
        }


@dataclass(frozen=True, slots=True)
class Room:
    """How many mails a mailbox may send now, and when at least one more may go."""

    mailbox_id: int
    #: None: no limit.
    mails: int | None
    free_at: datetime


#: Room of mailboxes under every limit of theirs, from the deliveries themselves: exact over rolling windows.
#: An open delivery has no end yet, so it takes a place until a whole window after now at the earliest. Nothing leaves a
#: mailbox that cannot be read: somebody may have answered.
ROOM = """
    SELECT m.id AS mailbox_id,
           min(CASE WHEN l.count IS NOT NULL THEN greatest(l.count - o.n - e.n, 0) END) AS mails,
           greatest(coalesce(max(CASE
               WHEN o.n + e.n < l.count THEN CAST(:now AS timestamptz)
               WHEN o.n >= l.count THEN :now + make_interval(secs => l.seconds)
               ELSE e.ended[o.n + e.n - l.count + 1] + make_interval(secs => l.seconds)
           END), :now), m.away_until) AS free_at
    FROM mailboxes m
    LEFT JOIN LATERAL jsonb_to_recordset(coalesce(m.limits, CAST(:default_limits AS jsonb)))
                      AS l(count int, seconds int) ON true
    LEFT JOIN LATERAL (
        SELECT CAST(count(*) AS int) AS n FROM deliveries d
        WHERE d.mailbox_id = m.id AND d.state IN ('claimed', 'in_flight')
    ) o ON l.count IS NOT NULL
    LEFT JOIN LATERAL (
        SELECT CAST(count(*) AS int) AS n, array_agg(d.ended_at ORDER BY d.ended_at) AS ended FROM deliveries d
        WHERE d.mailbox_id = m.id AND d.ended_at > :now - make_interval(secs => l.seconds)
          AND d.state NOT IN ('claimed', 'in_flight')
    ) e ON l.count IS NOT NULL
"""


def limits_json(limits: Sequence[Limit]) -> str:
    """Limits as the table keeps them."""
    return json.dumps([{"count": limit.count, "seconds": limit.seconds} for limit in limits])


def rooms(
    connection: Connection, mailbox_ids: Sequence[int], default_limits: Sequence[Limit], now: datetime
) -> list[Room]:
    """The room of each of the mailboxes under all its limits at once."""
    if not mailbox_ids:
        return []
    rows = connection.execute(
        text(f"{ROOM} WHERE m.id = ANY (:ids) GROUP BY m.id"),
        {"ids": list(mailbox_ids), "now": now, "default_limits": limits_json(default_limits)},
    )
    return [Room(**row._mapping) for row in rows]


def mailboxes_by_id(connection: Connection, mailbox_ids: Collection[int] | None = None) -> dict[int, Mailbox]:
    """Mailboxes with what their mails say of the sender; None: every mailbox."""
    rows = connection.execute(
        text("""
            SELECT m.id, m.address, m.display_name, m.postal_address, m.transport, m.imap, m.sent_folder, m.aliases,
                   m.is_connected, m.disconnected_reason, m.paused_at IS NOT NULL AS is_paused,
                   u.name AS user_name, u.email AS user_email, u.properties AS user_properties,
                   CAST(m.probe ->> 'size_limit' AS bigint) AS size_limit
            FROM mailboxes m JOIN users u ON u.id = m.user_id
            WHERE CAST(:ids AS bigint[]) IS NULL OR m.id = ANY (:ids)
            ORDER BY m.id
        """),
        {"ids": None if mailbox_ids is None else list(mailbox_ids)},
    )
    return {row.id: Mailbox(**row._mapping) for row in rows}


@dataclass(frozen=True, slots=True)
class SenderMailbox:
    """A mailbox as those who enroll choose it."""

    id: int
    user_id: int
    address: str
    aliases: Sequence[str]
    is_connected: bool


def sender_mailboxes(connection: Connection, user_id: int | None = None) -> list[SenderMailbox]:
    """The mailboxes of a user, or of everybody."""
    rows = connection.execute(
        text("""
            SELECT id, user_id, address, aliases, is_connected FROM mailboxes
            WHERE CAST(:user_id AS bigint) IS NULL OR user_id = :user_id ORDER BY id
        """),
        {"user_id": user_id},
    )
    return [SenderMailbox(**row._mapping) for row in rows]


def disconnect(connection: Connection, mailbox_id: int, reason: str) -> None:
    """Mark a mailbox as not connected: its steps wait until it is connected again."""
    connection.execute(
        text("""
            UPDATE mailboxes SET is_connected = false, disconnected_reason = :reason
            WHERE id = :id AND disconnected_by IS NULL
        """),
        {"id": mailbox_id, "reason": reason},
    )
