"""How many stored rows keep each contract, and how many break it? SQL looks at the rows; only counts leave it.

Each subject has one query: one row a stored row, one column a contract (its code in lower case). NULL: the contract is
not about this row; false: kept; true: broken.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from importlib import resources
from typing import Final

import pandas as pd
from sqlalchemy import Connection, text

from cadenza.domain.cadence import public_holidays
from cadenza.domain.enrollment import Ending
from cadenza.domain.importing import STALE_AFTER_DAYS
from cadenza.domain.throttle import Limit
from cadenza.domain.zones import zone_names
from cadenza.store.database import take_time
from cadenza.store.frames import NUMBER, copy_frame
from cadenza.store.mailboxes import limits_json

#: Two transactions that wait for each other may have read their clocks in the other order.
RACE: Final = timedelta(minutes=1)
#: What outlived its lease by less than this may still be settled by ``catch-up``.
LEASE_PATIENCE: Final = timedelta(hours=1)

#: The rows of each subject.
_ROWS: Final = {
    "contacts": "contacts",
    "imports": "imports",
    "enrollments": "enrollments",
    "batches": "batches b WHERE b.started_at >= :since",
    "deliveries": "deliveries d WHERE (d.claimed_at >= :since OR d.state IN ('claimed', 'in_flight', 'unknown'))",
}
#: Another way to see that something is there twice: how many rows there are more than distinct ones.
_SURPLUS: Final[Mapping[str, Mapping[str, str]]] = {
    "contacts": {"ADDRESS_REPEATED": "count(email_normalized) - count(DISTINCT email_normalized)"},
    "enrollments": {
        "ENROLLED_TWICE": "count(*) FILTER (WHERE status IN ('active', 'paused'))"
        " - count(DISTINCT contact_id) FILTER (WHERE status IN ('active', 'paused'))"
    },
    "deliveries": {
        "STEP_SENT_TWICE": "count(*) FILTER (WHERE state = 'sent')"
        " - count(DISTINCT (enrollment_id, position)) FILTER (WHERE state = 'sent')",
        "MESSAGE_ID_REPEATED": "count(*) - count(DISTINCT message_id)",
    },
}


@dataclass(frozen=True, slots=True)
class Period:
    """What is judged: batches and mails of the days before now, everything else as it is now."""

    now: datetime
    days: int

    @property
    def since(self) -> datetime:
        """Where the period starts."""
        return self.now - timedelta(days=self.days)


@dataclass(frozen=True, slots=True)
class Marks:
    """How the rows of one subject stand to its contracts."""

    #: ``applies`` and ``broken``, bits of the contracts, and ``rows``, how many stored rows these bits are true of.
    frame: pd.DataFrame
    #: The rows of the subject, counted on their own.
    total: int
    #: By code: how many rows are there twice, counted in another way.
    surplus: Mapping[str, int]


def take_snapshot(connection: Connection) -> None:
    """Let every query of this transaction see the database as it is now, however much is sent meanwhile."""
    connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
    take_time(connection)


def mark_rows(
    connection: Connection,
    subject: str,
    bits: Mapping[str, int],
    period: Period,
    default_limits: Sequence[Limit],
    witness_patience: timedelta,
) -> Marks:
    """How the rows of a subject stand to the contracts with these bits, by code.

    ``witness_patience`` is how long recovery may look for a mail after its lease.
    """
    first, last = (period.since - timedelta(days=1)).date(), (period.now + timedelta(days=1)).date()
    holidays = public_holidays(first, last)
    parameters = {
        "now": period.now,
        "since": period.since,
        "race": RACE,
        "claim_patience": LEASE_PATIENCE,
        "flight_patience": LEASE_PATIENCE + witness_patience,
        "import_days": STALE_AFTER_DAYS,
        "default_limits": limits_json(default_limits),
        "endings": [ending.value for ending in Ending],
        "zones": sorted(zone_names()),
        "countries": [country for country, _ in holidays],
        "days": [day for _, day in holidays],
    }
    applies = " | ".join(f"CASE WHEN {code.lower()} IS NULL THEN 0 ELSE {bit} END" for code, bit in bits.items())
    broken = " | ".join(f"CASE WHEN {code.lower()} THEN {bit} ELSE 0 END" for code, bit in bits.items())
    frame = copy_frame(
        connection,
        f"""
        SELECT {applies} AS applies, {broken} AS broken, count(*) AS rows FROM ({_query(subject)}) judged GROUP BY 1, 2
        UNION ALL SELECT 0, 0, 0
        """,  # noqa: S608
        parameters,
        {"applies": NUMBER, "broken": NUMBER, "rows": NUMBER},
        never_missing=frozenset({"applies", "broken", "rows"}),
    )
    surplus = _SURPLUS.get(subject, {})
    columns = "".join(f", {counted} AS {code}" for code, counted in surplus.items())
    counted = connection.execute(text(f"SELECT count(*){columns} FROM {_ROWS[subject]}"), parameters).one()  # noqa: S608
    return Marks(frame, counted[0], dict(zip(surplus, counted[1:], strict=True)))


@cache
def _query(subject: str) -> str:
    folder = resources.files("cadenza.store.quality")
    query = folder.joinpath(f"{subject}.sql").read_text(encoding="utf-8")
    barred = folder.joinpath("barred.sql").read_text(encoding="utf-8")
    return query.replace("{barred}", barred.strip()).replace("{scope}", _ROWS[subject].partition(" WHERE ")[2])


def refusals_since(connection: Connection, period: Period) -> list[tuple[str, str, int]]:
    """Why contacts were not enrolled at once in the period: code, outcome, contacts; the most frequent first."""
    rows = connection.execute(
        text("""
            SELECT r.code, r.outcome, count(*) AS contacts
            FROM refusals r JOIN batches b ON b.id = r.batch_id
            WHERE b.started_at >= :since AND r.is_reason
            GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2
        """),
        {"since": period.since},
    )
    return [(row.code, row.outcome, row.contacts) for row in rows]


@dataclass(frozen=True, slots=True)
class SendingHours:
    """Mails sent by hour of the day, 24 numbers each: by the recipients' clocks, and in UTC."""

    first_local: tuple[int, ...]
    follow_up_local: tuple[int, ...]
    first_utc: tuple[int, ...]
    follow_up_utc: tuple[int, ...]


def sending_hours(connection: Connection, period: Period) -> SendingHours:
    """At which hours mails were sent in the period. A mail to a zone that PostgreSQL does not know is left out."""
    rows = connection.execute(
        text("""
            WITH zones AS MATERIALIZED (SELECT name FROM pg_timezone_names),
            sent AS (
                SELECT d.ended_at, z.name AS zone,
                       EXISTS (SELECT FROM deliveries p
                               WHERE p.enrollment_id = d.enrollment_id AND p.position < d.position AND p.state = 'sent')
                       OR EXISTS (SELECT FROM todos t
                                  WHERE t.enrollment_id = d.enrollment_id AND t.position < d.position) AS is_follow_up
                FROM deliveries d
                JOIN enrollments e ON e.id = d.enrollment_id
                JOIN zones z ON z.name = e.time_zone
                WHERE d.state = 'sent' AND d.claimed_at >= :since
            )
            SELECT CAST(extract(hour FROM ended_at AT TIME ZONE zone) AS int) AS local,
                   CAST(extract(hour FROM ended_at) AS int) AS utc, is_follow_up, count(*) AS mails
            FROM sent GROUP BY 1, 2, 3
        """),
        {"since": period.since},
    ).all()

    def by_hour(clock: str, is_follow_up: bool) -> tuple[int, ...]:
        chosen = [row for row in rows if row.is_follow_up == is_follow_up]
        return tuple(sum(row.mails for row in chosen if getattr(row, clock) == hour) for hour in range(24))

    return SendingHours(by_hour("local", False), by_hour("local", True), by_hour("utc", False), by_hour("utc", True))
