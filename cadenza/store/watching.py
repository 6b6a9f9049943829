"""Who watches which mailbox, and how far has it been read?"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, text

#: A mailbox through which a mail left so lately, or that has running enrollments, may get an answer at any moment.
LIVELY_FOR = timedelta(days=30)
#: A folder that is numbered anew is read again from so long ago on: what was read before changes nothing.
READ_AGAIN = timedelta(days=30)

_IS_LIVELY = """
    (EXISTS (SELECT FROM deliveries d WHERE d.mailbox_id = m.id AND d.ended_at > :lively_since)
     OR m.id IN (SELECT mailbox_id FROM enrollments WHERE status IN ('active', 'paused'))) AS is_lively
"""


@dataclass(frozen=True, slots=True)
class WatchedMailbox:
    """A mailbox that can be read."""

    id: int
    user_id: int
    address: str
    imap: Mapping[str, Any]
    transport: Mapping[str, Any]
    #: Whether answers may come at any moment.
    is_lively: bool = True
    #: Whether to-dos are due now.
    has_todos: bool = False


def lease(connection: Connection, watcher: str, until: datetime, size: int, now: datetime) -> list[WatchedMailbox]:
    """Mailboxes that nobody watches, from now on this watcher's until its lease is over."""
    rows = connection.execute(
        text(f"""
            WITH free AS (
                SELECT id FROM mailboxes
                WHERE imap IS NOT NULL AND is_connected AND (watcher IS NULL OR watched_until <= :now)
                ORDER BY id LIMIT :size FOR NO KEY UPDATE SKIP LOCKED
            )
            UPDATE mailboxes m SET watcher = :watcher, watched_until = :until
            FROM free WHERE m.id = free.id
            RETURNING m.id, m.user_id, m.address, m.imap, m.transport, {_IS_LIVELY}
        """),  # noqa: S608
        {"watcher": watcher, "until": until, "size": size, "now": now, "lively_since": now - LIVELY_FOR},
    )
    return [WatchedMailbox(**row._mapping) for row in rows]


def renew(connection: Connection, watcher: str, until: datetime) -> set[int]:
    """Keep what this watcher watches; returns the mailboxes that are still its own and connected."""
    return set(
        connection.scalars(
            text("""
                UPDATE mailboxes SET watched_until = :until
                WHERE watcher = :watcher AND is_connected AND imap IS NOT NULL RETURNING id
            """),
            {"watcher": watcher, "until": until},
        )
    )


def release(connection: Connection, watcher: str) -> None:
    """Leave everything to whoever comes next."""
    connection.execute(
        text("UPDATE mailboxes SET watcher = NULL, watched_until = NULL WHERE watcher = :watcher"),
        {"watcher": watcher},
    )


def lively(connection: Connection, mailbox_ids: Collection[int], now: datetime) -> set[int]:
    """Those of the mailboxes in which answers may come at any moment by now."""
    if not mailbox_ids:
        return set()
    rows = connection.execute(
        text(f"SELECT m.id, {_IS_LIVELY} FROM mailboxes m WHERE m.id = ANY (:ids)"),  # noqa: S608
        {"ids": list(mailbox_ids), "lively_since": now - LIVELY_FOR},
    )
    return {row.id for row in rows if row.is_lively}


def due_soon(connection: Connection, time_zone: str, shard: int, shards: int, now: datetime) -> list[WatchedMailbox]:
    """Mailboxes to read before steps of a zone are claimed: those that can be read and have due steps."""
    rows = connection.execute(
        text("""
            SELECT m.id, m.user_id, m.address, m.imap, m.transport, due.has_todos
            FROM mailboxes m
            CROSS JOIN LATERAL (
                SELECT bool_or(e.next_kind = 'todo') AS has_todos, bool_or(e.next_kind = 'email') AS has_emails
                FROM enrollments e
                WHERE e.mailbox_id = m.id AND e.time_zone = :time_zone AND e.status = 'active' AND e.due_at <= :now
            ) due
            WHERE m.imap IS NOT NULL AND m.is_connected AND (m.away_until IS NULL OR m.away_until <= :now)
              AND m.id % :shards = :shard AND (due.has_todos OR due.has_emails AND m.paused_at IS NULL)
            ORDER BY m.id
        """),
        {"time_zone": time_zone, "shard": shard, "shards": shards, "now": now},
    )
    return [WatchedMailbox(**row._mapping) for row in rows]


def is_any(connection: Connection) -> bool:
    """Whether there is a mailbox to be watched, by whomever."""
    return bool(
        connection.scalar(text("SELECT EXISTS (SELECT FROM mailboxes WHERE imap IS NOT NULL AND is_connected)"))
    )


def put_off(connection: Connection, mailbox_ids: Collection[int], until: datetime | None) -> None:
    """Let nothing leave mailboxes that could not be read, and leave them alone for a while; None: they can be again."""
    connection.execute(
        text("UPDATE mailboxes SET away_until = :until WHERE id = ANY (:ids)"),
        {"ids": list(mailbox_ids), "until": until},
    )


def positions(connection: Connection, mailbox_id: int) -> dict[str, tuple[int, int]]:
    """UIDVALIDITY and last UID of each folder that was read."""
    rows = connection.execute(
        text("SELECT folder, uid_validity, last_uid FROM mailbox_folders WHERE mailbox_id = :id"), {"id": mailbox_id}
    )
    return {row.folder: (row.uid_validity, row.last_uid) for row in rows}


def keep_position(
    connection: Connection, mailbox_id: int, folder: str, uid_validity: int, last_uid: int, now: datetime
) -> None:
    """Note how far a folder has been read; somebody who was further already stays there."""
    connection.execute(
        text("""
            INSERT INTO mailbox_folders AS f (mailbox_id, folder, uid_validity, last_uid, read_at)
            VALUES (:id, :folder, :uid_validity, :last_uid, :now)
            ON CONFLICT (mailbox_id, folder) DO UPDATE
            SET uid_validity = excluded.uid_validity, read_at = excluded.read_at,
                last_uid = CASE WHEN f.uid_validity = excluded.uid_validity
                                THEN greatest(f.last_uid, excluded.last_uid) ELSE excluded.last_uid END
        """),
        {"id": mailbox_id, "folder": folder, "uid_validity": uid_validity, "last_uid": last_uid, "now": now},
    )


def read_since(connection: Connection, mailbox_id: int, now: datetime) -> datetime | None:
    """From when on a folder is read of which nothing is known: the first enrollment, yet not ages ago; None: no mail
    that is there already can be an answer."""
    first: datetime | None = connection.scalar(
        text("SELECT min(enrolled_at) FROM enrollments WHERE mailbox_id = :id"), {"id": mailbox_id}
    )
    return max(first, now - READ_AGAIN) if first else None


def own_addresses(connection: Connection) -> frozenset[str]:
    """The addresses of everybody who sends from here: what they write is no answer."""
    return frozenset(
        connection.scalars(
            text("""
                SELECT address FROM mailboxes
                UNION SELECT lower(alias) FROM mailboxes, unnest(aliases) AS alias
                UNION SELECT lower(email) FROM users
            """)
        )
    )
