"""What did contacts and visitors do, and whom do we know of them?"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, text

from cadenza.domain.automation import Signal, TriggerKind
from cadenza.domain.contact import CONTACT_FIELDS
from cadenza.store.contacts import NEW_CONTACTS_LOCK
from cadenza.store.firings import fire

#: What a form may say of a contact: not who the contact is, and not who writes to it.
FORM_FIELDS: Final = tuple(name for name in CONTACT_FIELDS if name not in ("email", "owner_email", "external_id"))
#: Contacts that one summary names.
MOST_NAMED: Final = 500


@dataclass(frozen=True, slots=True)
class Taken:
    """The signals of one kind that rules were just shown: how many, of whom, under which names."""

    kind: TriggerKind
    count: int
    contact_ids: tuple[int, ...]
    names: tuple[str, ...]


def keep_signals(connection: Connection, signals: Sequence[Signal], now: datetime) -> int:
    """Keep what came in, in one statement; returns how many were new. The same again is passed over."""
    kept = connection.execute(
        text("""
            INSERT INTO signals (kind, source_id, name, visitor, address, contact_id, data, at, received_at)
            SELECT kind, source_id, name, visitor, address, contact_id, data, at, :now
            FROM jsonb_to_recordset(CAST(:signals AS jsonb))
              AS s(kind text, source_id text, name text, visitor text, address text, contact_id bigint, data jsonb,
                   at timestamptz)
            ON CONFLICT (source_id) DO NOTHING
        """),
        {
            "signals": json.dumps(
                [
                    {
                        "kind": signal.kind.value,
                        "source_id": signal.source_id,
                        "name": signal.name,
                        "visitor": signal.visitor,
                        "address": signal.address,
                        "contact_id": signal.contact_id,
                        "data": {"fields": dict(signal.fields)} if signal.fields else {},
                        "at": signal.at.isoformat(),
                    }
                    for signal in signals
                ]
            ),
            "now": now,
        },
    )
    return kept.rowcount


def anything_new(connection: Connection) -> bool:
    """Whether there are signals that no rule has looked at."""
    return bool(connection.scalar(text("SELECT EXISTS (SELECT FROM signals WHERE taken_at IS NULL)")))


def take_signals(connection: Connection, size: int, now: datetime) -> list[Taken]:
    """Show the next signals to all rules at once; what was taken, by kind.

    A form makes a contact of an address that nobody has, fills what is empty in one that is there, and tells whose a
    visitor's earlier signals are. Several may take at once; what one has taken no other one does. While an import runs,
    new people wait for it.
    """
    connection.execute(text(_TAKE), {"size": size})
    connection.execute(text("ANALYZE taken"))
    connection.execute(text(_KNOW))
    if connection.scalar(text(f"SELECT EXISTS (SELECT FROM taken WHERE {_IS_NEW_PERSON})")):  # noqa: S608
        if connection.scalar(text("SELECT pg_try_advisory_xact_lock(:lock)"), {"lock": NEW_CONTACTS_LOCK}):
            connection.execute(text(_MEET), {"now": now})
            connection.execute(text(_KNOW))
        else:
            connection.execute(text(f"DELETE FROM taken WHERE {_IS_NEW_PERSON}"))  # noqa: S608
    for statement in (_FILL, _TIE, _RECOGNIZE, _REMEMBER, _NOTE):
        connection.execute(text(statement), {"now": now, "fields": list(FORM_FIELDS)})
    fire(connection, now)
    return [
        Taken(TriggerKind(row.kind), row.n, tuple(row.contact_ids), tuple(row.names))
        for row in connection.execute(text(_SUMMARY), {"most": MOST_NAMED})
    ]


def forget_signals(connection: Connection, before: datetime) -> int:
    """Forget what came in before an instant; what rules did about it is kept."""
    return connection.execute(
        text("DELETE FROM signals WHERE received_at < :before AND taken_at IS NOT NULL"), {"before": before}
    ).rowcount


_TAKE: Final = """
    CREATE TEMPORARY TABLE taken ON COMMIT DROP AS
    SELECT id, kind, name, visitor, address, contact_id, data, at, received_at FROM signals
    WHERE taken_at IS NULL ORDER BY id LIMIT :size FOR UPDATE SKIP LOCKED
"""
#: By the contact's id, by the address, by another address of the contact. OFFSET 0: else min() walks through all ids.
_KNOW: Final = """
    UPDATE taken t SET contact_id = (
        SELECT coalesce(
            (SELECT id FROM contacts WHERE id = t.contact_id),
            (SELECT min(id) FROM (SELECT id FROM contacts WHERE email_normalized = t.address OFFSET 0) AS same),
            (SELECT id FROM contacts WHERE identity_key = 'email:' || t.address),
            (SELECT contact_id FROM contact_addresses WHERE address = t.address)
        )
    )
    WHERE contact_id IS NOT NULL OR address IS NOT NULL
"""
_IS_NEW_PERSON: Final = "kind = 'form' AND contact_id IS NULL AND address IS NOT NULL"
#: Whose address nobody has.
_MEET: Final = f"""
    INSERT INTO contacts (identity_key, email, email_normalized, created_at, updated_at)
    SELECT DISTINCT 'email:' || address, address, address, CAST(:now AS timestamptz), CAST(:now AS timestamptz)
    FROM taken WHERE {_IS_NEW_PERSON}
    ON CONFLICT (identity_key) DO NOTHING
"""  # noqa: S608
#: A form comes from anybody: it fills what is empty, and never says who sends.
_FILL: Final = f"""
    WITH said AS (
        SELECT DISTINCT ON (contact_id) contact_id,
               (data -> 'fields')
               - ARRAY(SELECT sender_property FROM automation_rules WHERE sender_property IS NOT NULL) AS fields
        FROM taken WHERE kind = 'form' AND contact_id IS NOT NULL AND data ? 'fields' ORDER BY contact_id, id DESC
    )
    UPDATE contacts c
    SET properties = (fields - CAST(:fields AS text[])) || properties, updated_at = :now,
        {", ".join(f"{name} = coalesce(nullif(btrim(c.{name}), ''), fields ->> '{name}')" for name in FORM_FIELDS)}
    FROM said
    WHERE c.id = said.contact_id AND (
        NOT c.properties ?& ARRAY(SELECT jsonb_object_keys(fields - CAST(:fields AS text[])))
        OR {" OR ".join(f"coalesce(btrim(c.{name}), '') = '' AND fields ? '{name}'" for name in FORM_FIELDS)})
"""  # noqa: S608
_TIE: Final = """
    INSERT INTO visitors (visitor, contact_id, tied_at)
    SELECT DISTINCT ON (visitor) visitor, contact_id, CAST(:now AS timestamptz) FROM taken
    WHERE visitor IS NOT NULL AND contact_id IS NOT NULL ORDER BY visitor, id DESC
    ON CONFLICT (visitor) DO UPDATE SET contact_id = excluded.contact_id, tied_at = excluded.tied_at
"""
_RECOGNIZE: Final = """
    UPDATE taken t SET contact_id = v.contact_id FROM visitors v WHERE t.contact_id IS NULL AND v.visitor = t.visitor
"""
#: What a visitor did before anybody knew who it is.
_REMEMBER: Final = """
    INSERT INTO taken (id, kind, name, visitor, address, contact_id, data, at, received_at)
    SELECT s.id, s.kind, s.name, s.visitor, s.address, v.contact_id, s.data, s.at, s.received_at
    FROM (SELECT DISTINCT visitor FROM taken WHERE visitor IS NOT NULL AND contact_id IS NOT NULL) known
    JOIN visitors v USING (visitor)
    JOIN signals s ON s.visitor = known.visitor AND s.contact_id IS NULL AND s.taken_at IS NOT NULL
"""
_NOTE: Final = """
    UPDATE signals s
    SET taken_at = :now, contact_id = t.contact_id,
        address = CASE WHEN t.contact_id IS NULL THEN s.address END,
        data = CASE WHEN t.contact_id IS NULL OR s.kind <> 'form' THEN s.data ELSE '{}' END
    FROM taken t WHERE t.id = s.id
"""
_SUMMARY: Final = """
    SELECT kind, count(*) AS n, (array_agg(DISTINCT contact_id))[1:CAST(:most AS int)] AS contact_ids,
           (array_agg(DISTINCT name))[1:50] AS names
    FROM taken WHERE contact_id IS NOT NULL GROUP BY kind ORDER BY kind
"""
