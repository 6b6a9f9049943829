"""Which mails were filed to enroll somebody, and what came of them?"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from cadenza.domain.filing import FiledMail
from cadenza.store.contacts import NEW_CONTACTS_LOCK


@dataclass(frozen=True, slots=True)
class Wish:
    """A filed mail that nobody has looked at yet."""

    id: int
    mailbox_id: int
    sequence: str
    #: Of the mailbox's user.
    handle: str
    contact_id: int | None
    subject: str
    references: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FiledRow:
    """A filed mail as lists show it."""

    found_at: datetime
    mailbox: str
    sequence: str
    contact_id: int | None
    email: str | None
    batch_id: int | None
    #: None: nobody has looked at it yet.
    outcome: str | None
    code: str | None


def record(connection: Connection, mailbox_id: int, mails: Sequence[FiledMail], now: datetime) -> int:
    """Note filed mails; whoever is unknown becomes a contact. Returns how many are new, or ask anew after a refusal."""
    if not mails:
        return 0
    known = _contacts(connection, mails, now)
    noted = connection.execute(
        text("""
            INSERT INTO filed_mails AS f (mailbox_id, source_id, sequence, contact_id, thread, found_at)
            SELECT DISTINCT ON (source_id) :mailbox_id, source_id, sequence, contact_id, thread,
                   CAST(:now AS timestamptz)
            FROM jsonb_to_recordset(CAST(:mails AS jsonb))
                 AS m(source_id text, sequence text, contact_id bigint, thread jsonb)
            ON CONFLICT (source_id) DO UPDATE
            SET outcome = NULL, code = NULL, settled_at = NULL, found_at = excluded.found_at,
                contact_id = excluded.contact_id, thread = excluded.thread
            WHERE f.outcome = 'refused'
        """),
        {
            "mailbox_id": mailbox_id,
            "now": now,
            "mails": json.dumps(
                [
                    {
                        "source_id": mail.source_id,
                        "sequence": mail.sequence,
                        "contact_id": known.get(mail.address or ""),
                        "thread": {"subject": mail.subject, "references": mail.references},
                    }
                    for mail in mails
                ]
            ),
        },
    )
    return noted.rowcount


def next_wish(connection: Connection) -> Wish | None:
    """The oldest mail that nobody has looked at, locked until it is settled; those of others are left to them."""
    row = connection.execute(
        text("""
            SELECT f.id, f.mailbox_id, f.sequence, u.handle, f.contact_id, f.thread ->> 'subject' AS subject,
                   ARRAY(SELECT jsonb_array_elements_text(f.thread -> 'references')) AS references
            FROM filed_mails f JOIN mailboxes m ON m.id = f.mailbox_id JOIN users u ON u.id = m.user_id
            WHERE f.outcome IS NULL ORDER BY f.id LIMIT 1 FOR UPDATE OF f SKIP LOCKED
        """)
    ).first()
    return Wish(**{**row._mapping, "references": tuple(row.references)}) if row else None


def settle(
    connection: Connection, wish_id: int, outcome: str, code: str | None, batch_id: int | None, now: datetime
) -> None:
    """Note what came of a filed mail."""
    connection.execute(
        text("""
            UPDATE filed_mails SET outcome = :outcome, code = :code, batch_id = :batch_id, settled_at = :now
            WHERE id = :id
        """),
        {"id": wish_id, "outcome": outcome, "code": code, "batch_id": batch_id, "now": now},
    )


def list_filed(connection: Connection, limit: int = 50) -> list[FiledRow]:
    """The latest filed mails."""
    rows = connection.execute(
        text("""
            SELECT f.found_at, m.address AS mailbox, f.sequence, f.contact_id, c.email_normalized AS email, f.batch_id,
                   f.outcome, f.code
            FROM filed_mails f JOIN mailboxes m ON m.id = f.mailbox_id LEFT JOIN contacts c ON c.id = f.contact_id
            ORDER BY f.found_at DESC, f.id DESC LIMIT :limit
        """),
        {"limit": limit},
    )
    return [FiledRow(**row._mapping) for row in rows]


def _contacts(connection: Connection, mails: Sequence[FiledMail], now: datetime) -> dict[str, int]:
    """The contacts of the mails by address; new ones for those that nobody has."""
    people = {mail.address: mail for mail in mails if mail.address}
    known = _known(connection, list(people))
    new = [people[address] for address in people.keys() - known.keys()]
    if not new:
        return known
    connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": NEW_CONTACTS_LOCK})
    connection.execute(
        text("""
            INSERT INTO contacts (identity_key, email, email_normalized, first_name, last_name, created_at, updated_at)
            SELECT 'email:' || address, address, address, nullif(first_name, ''), nullif(last_name, ''),
                   CAST(:now AS timestamptz), CAST(:now AS timestamptz)
            FROM unnest(CAST(:addresses AS text[]), CAST(:first_names AS text[]), CAST(:last_names AS text[]))
                 AS n(address, first_name, last_name)
            ON CONFLICT (identity_key) DO NOTHING
        """),
        {
            "addresses": [mail.address for mail in new],
            "first_names": [mail.first_name for mail in new],
            "last_names": [mail.last_name for mail in new],
            "now": now,
        },
    )
    return _known(connection, list(people))


def _known(connection: Connection, addresses: Sequence[str]) -> dict[str, Any]:
    rows = connection.execute(
        text("""
            SELECT a.address, coalesce(c.id, o.contact_id) AS id
            FROM unnest(CAST(:addresses AS text[])) AS a(address)
            LEFT JOIN LATERAL (SELECT min(id) AS id FROM contacts WHERE email_normalized = a.address) c ON true
            LEFT JOIN contact_addresses o USING (address)
            WHERE coalesce(c.id, o.contact_id) IS NOT NULL
        """),
        {"addresses": list(addresses)},
    )
    return {row.address: row.id for row in rows}
