"""Which addresses and domains are not written to, and who says so?"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, text

from cadenza.domain.suppression import BY_HAND, COMPLAINT, OPTED_OUT, Barring, Kind
from cadenza.errors import NotFound, WrongUse


@dataclass(frozen=True, slots=True)
class Suppression:
    """An entry of the suppression list."""

    id: int
    kind: str
    value: str
    reason: str
    source: str
    #: None: for good.
    until: datetime | None
    created_at: datetime


def suppress(
    connection: Connection,
    kind: Kind,
    values: Mapping[str, str],
    reason: str,
    now: datetime,
    until: datetime | None = None,
) -> int:
    """Put normalized addresses or domains on the list, each with its source; returns how many entries that changed.

    What is there for longer stays as it is. An opt-out, which the person may take back, gives way to any other reason.
    """
    return connection.execute(
        text("""
            INSERT INTO suppressions (kind, value, reason, source, until, created_at)
            SELECT :kind, value, :reason, source, :until, CAST(:now AS timestamptz)
            FROM unnest(CAST(:values AS text[]), CAST(:sources AS text[])) AS a(value, source)
            ORDER BY value
            ON CONFLICT (kind, value) DO UPDATE
            SET reason = excluded.reason, source = excluded.source, until = excluded.until,
                created_at = CASE WHEN suppressions.until IS NULL THEN suppressions.created_at
                                  ELSE excluded.created_at END
            WHERE suppressions.until < coalesce(excluded.until, 'infinity')
               OR (suppressions.reason = :opted_out AND excluded.reason <> :opted_out AND excluded.until IS NULL)
        """),
        {
            "kind": kind.value,
            "values": list(values),
            "sources": list(values.values()),
            "reason": reason,
            "opted_out": OPTED_OUT,
            "until": until,
            "now": now,
        },
    ).rowcount


def suppress_entries(
    connection: Connection,
    entries: Mapping[Kind, Sequence[str]],
    reason: str,
    source: str,
    now: datetime,
    until: datetime | None = None,
) -> int:
    """Put what a person named on the list, normalized, by kind; returns how many entries that changed."""
    return sum(
        suppress(connection, kind, dict.fromkeys(values, source), reason or BY_HAND, now, until)
        for kind, values in entries.items()
    )


def bar(connection: Connection, barring: Barring, addresses: Collection[str], source: str, now: datetime) -> int:
    """Note what another system knows of normalized addresses: they bounced, or opted out; returns of how many contacts.

    It is never taken back this way.
    """
    if not addresses:
        return 0
    column = f"{barring.value}_at"
    suppress(connection, Kind.ADDRESS, dict.fromkeys(addresses, source), barring.reason, now)
    return connection.execute(
        text(f"""
            UPDATE contacts SET {column} = :now WHERE email_normalized = ANY (:addresses) AND {column} IS NULL
        """),  # noqa: S608
        {"addresses": list(addresses), "now": now},
    ).rowcount


def lift_entries(
    connection: Connection,
    entries: Mapping[Kind, Sequence[str]],
    consent: str,
    actor: str,
    now: datetime,
) -> int:
    """Take normalized addresses and domains off the list, and earlier bounces with them; returns how many there were.

    ``consent``: where and when a person who had opted out agreed anew; it is kept. Empty: nobody did.

    Raises:
        NotFound: one of them is neither on the list, nor has it bounced or opted out.
        WrongUse: one has opted out and no consent is named, or has complained: there is no way around that.
    """
    return sum(_lift(connection, kind, values, consent or None, actor, now) for kind, values in entries.items())


def _lift(
    connection: Connection, kind: Kind, values: Sequence[str], consent: str | None, actor: str, now: datetime
) -> int:
    known = {row.value: row for row in _state(connection, kind, values)}
    for value in values:
        row = known.get(value)
        if row is None:
            raise NotFound(f"{value} is not on the suppression list: see 'cadenza suppression list'.")
        if row.has_complained:
            raise WrongUse(f"{value} reported a mail as spam: it is never written to again.")
        if row.has_opted_out and not consent:
            raise WrongUse(f"{value} opted out: say where and when the person agreed anew, with --consent.")
    given = {"kind": kind.value, "values": list(values), "now": now, "actor": actor, "consent": consent}
    connection.execute(text("DELETE FROM suppressions WHERE kind = :kind AND value = ANY (:values)"), given)
    if kind is Kind.ADDRESS:
        connection.execute(
            text("""
                WITH lifted AS (
                    UPDATE contacts SET bounced_at = NULL, opted_out_at = NULL
                    WHERE email_normalized = ANY (:values) RETURNING id
                )
                INSERT INTO events (kind, contact_id, at, actor, data)
                SELECT 'lift', id, :now, :actor,
                       jsonb_strip_nulls(jsonb_build_object('consent', CAST(:consent AS text)))
                FROM lifted
            """),
            given,
        )
    return len(known)


def _state(connection: Connection, kind: Kind, values: Sequence[str]) -> Sequence[Row[Any]]:
    """Those of the values that are not written to, and why they may not come off the list just so."""
    return connection.execute(
        text("""
            SELECT a.value, coalesce(s.reason = :complaint, false) OR c.has_complained AS has_complained,
                   coalesce(s.reason = :opted_out, false) OR c.has_opted_out AS has_opted_out
            FROM unnest(CAST(:values AS text[])) AS a(value)
            LEFT JOIN suppressions s ON s.kind = :kind AND s.value = a.value
            CROSS JOIN LATERAL (
                SELECT coalesce(bool_or(complained_at IS NOT NULL), false) AS has_complained,
                       coalesce(bool_or(opted_out_at IS NOT NULL), false) AS has_opted_out,
                       coalesce(bool_or(bounced_at IS NOT NULL), false) AS has_bounced
                FROM contacts WHERE :kind = 'address' AND email_normalized = a.value
            ) c
            WHERE s.id IS NOT NULL OR c.has_complained OR c.has_opted_out OR c.has_bounced
        """),
        {"kind": kind.value, "values": list(values), "complaint": COMPLAINT, "opted_out": OPTED_OUT},
    ).all()


def list_suppressions(
    connection: Connection, like: str = "", limit: int = 50, before: int | None = None
) -> list[Suppression]:
    """The latest entries whose value contains some words; ``before``: only those that came before an id."""
    rows = connection.execute(
        text("""
            SELECT id, kind, value, reason, source, until, created_at FROM suppressions
            WHERE position(:like IN value) > 0 AND (CAST(:before AS bigint) IS NULL OR id < :before)
            ORDER BY id DESC LIMIT :limit
        """),
        {"like": like.strip().lower(), "limit": limit, "before": before},
    )
    return [Suppression(**row._mapping) for row in rows]
