"""Which account does a mailbox use, and what does a person change about it?"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from typing import Any

from sqlalchemy import Connection, text

from cadenza.domain.throttle import Limit
from cadenza.errors import NotFound, WrongUse
from cadenza.store.mailboxes import Mailbox, limits_json, mailboxes_by_id


@dataclass(frozen=True, slots=True)
class NewConnection:
    """What a person says of a mailbox; None: as it was before."""

    address: str
    user_id: int
    transport: Mapping[str, Any]
    imap: Mapping[str, Any] | None
    display_name: str | None = None
    postal_address: str | None = None
    aliases: Sequence[str] | None = None
    limits: Sequence[Limit] | None = None


@dataclass(frozen=True, slots=True)
class MailboxRow:
    """A mailbox as lists show it."""

    id: int
    address: str
    handle: str
    transport: Mapping[str, Any]
    imap: Mapping[str, Any] | None
    is_connected: bool
    disconnected_reason: str | None
    disconnected_by: str | None
    paused_at: datetime | None
    paused_reason: str | None
    probed_at: datetime | None
    probe: Mapping[str, Any] | None
    sent_folder: str | None
    #: Active enrollments whose mails go through it.
    running: int


def list_mailboxes(connection: Connection) -> list[MailboxRow]:
    """Every mailbox, by address."""
    rows = connection.execute(
        text("""
            SELECT m.id, m.address, u.handle, m.transport, m.imap, m.is_connected, m.disconnected_reason,
                   m.disconnected_by, m.paused_at, m.paused_reason, m.probed_at, m.probe, m.sent_folder,
                   coalesce(e.running, 0) AS running
            FROM mailboxes m
            JOIN users u ON u.id = m.user_id
            LEFT JOIN (
                SELECT mailbox_id, count(*) AS running FROM enrollments WHERE status = 'active' GROUP BY mailbox_id
            ) e ON e.mailbox_id = m.id
            ORDER BY m.address
        """)
    )
    return [MailboxRow(**row._mapping) for row in rows]


def find_mailbox(connection: Connection, address: str) -> Mailbox:
    """The mailbox with an address.

    Raises:
        NotFound: names the nearest addresses.
    """
    address = address.strip().lower()
    found = connection.scalar(text("SELECT id FROM mailboxes WHERE address = :address"), {"address": address})
    if found is None:
        known = connection.scalars(text("SELECT address FROM mailboxes ORDER BY address")).all()
        near = get_close_matches(address, known, n=3) or list(known[:5])
        hint = f"did you mean {', '.join(near)}?" if near else "connect one with 'cadenza mailbox connect'."
        raise NotFound(f"There is no mailbox {address!r}: {hint}")
    return mailboxes_by_id(connection, [found])[found]


def save_connection(connection: Connection, new: NewConnection, probe: Mapping[str, Any], now: datetime) -> int:
    """Connect a mailbox, or an existing one anew; returns its id. What waited for it goes on by itself.

    Raises:
        WrongUse: the mailbox belongs to another user.
    """
    found = connection.scalar(
        text("""
            INSERT INTO mailboxes AS m
                (user_id, address, display_name, aliases, postal_address, transport, imap, limits, probe, probed_at,
                 sent_folder)
            SELECT u.id, :address, coalesce(:display_name, u.name), coalesce(CAST(:aliases AS text[]), '{}'),
                   coalesce(:postal_address, ''), CAST(:transport AS jsonb), CAST(:imap AS jsonb),
                   CAST(:limits AS jsonb), CAST(:probe AS jsonb), :now, CAST(:probe AS jsonb) ->> 'sent_folder'
            FROM users u WHERE u.id = :user_id
            ON CONFLICT (address) DO UPDATE
            SET transport = excluded.transport, imap = excluded.imap, probe = excluded.probe,
                probed_at = excluded.probed_at, sent_folder = excluded.sent_folder,
                display_name = coalesce(:display_name, m.display_name),
                aliases = coalesce(CAST(:aliases AS text[]), m.aliases),
                postal_address = coalesce(:postal_address, m.postal_address),
                limits = coalesce(CAST(:limits AS jsonb), m.limits),
                is_connected = true, disconnected_reason = NULL, disconnected_by = NULL
            WHERE m.user_id = excluded.user_id
            RETURNING m.id
        """),
        {
            "address": new.address.lower(),
            "user_id": new.user_id,
            "display_name": new.display_name,
            "aliases": None if new.aliases is None else [alias.lower() for alias in new.aliases],
            "postal_address": new.postal_address,
            "transport": json.dumps(new.transport),
            "imap": None if new.imap is None else json.dumps(new.imap),
            "limits": None if new.limits is None else limits_json(new.limits),
            "probe": json.dumps(probe),
            "now": now,
        },
    )
    if found is None:
        raise WrongUse(f"The mailbox {new.address} belongs to another user: name that one with --user.")
    return int(found)


def named_secrets(connection: Connection, address: str) -> list[str]:
    """The stored secrets that a mailbox names, if there is one of this address."""
    return list(
        connection.scalars(
            text("""
                SELECT DISTINCT s.name FROM mailboxes m
                CROSS JOIN LATERAL (
                    VALUES (m.transport ->> 'password_secret'), (m.imap ->> 'password_secret')
                ) AS s(name)
                WHERE m.address = lower(:address) AND s.name IS NOT NULL
            """),
            {"address": address},
        )
    )


def disconnect_by_hand(connection: Connection, mailbox_id: int, actor: str) -> None:
    """Disconnect a mailbox until somebody connects it again; no probe does."""
    connection.execute(
        text("""
            UPDATE mailboxes
            SET is_connected = false, disconnected_by = :actor,
                disconnected_reason = 'Disconnected by ' || :actor || '.'
            WHERE id = :id
        """),
        {"id": mailbox_id, "actor": actor},
    )


def pause_mailbox(connection: Connection, mailbox_id: int, reason: str, now: datetime) -> None:
    """Let nothing more out of a mailbox until somebody resumes it."""
    connection.execute(
        text("UPDATE mailboxes SET paused_at = :now, paused_reason = :reason WHERE id = :id"),
        {"id": mailbox_id, "reason": reason, "now": now},
    )


def resume_mailbox(connection: Connection, mailbox_id: int, now: datetime) -> bool:
    """Let a paused mailbox send again, and the guard count anew; whether it was paused."""
    return bool(
        connection.execute(
            text("""
                UPDATE mailboxes SET paused_at = NULL, paused_reason = NULL, guard_reset_at = :now
                WHERE id = :id AND paused_at IS NOT NULL
            """),
            {"id": mailbox_id, "now": now},
        ).rowcount
    )
