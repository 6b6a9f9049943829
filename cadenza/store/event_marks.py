"""Which of Prefect's events do rules ask for, and how far were they read?"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

_SOURCE = "prefect"


@dataclass(frozen=True, slots=True)
class Asked:
    """The names of events, from when on somebody asks for them, and up to when they were read."""

    names: list[str]
    since: datetime
    read_to: datetime | None


def asked(connection: Connection) -> Asked:
    """What rules that are on ask for."""
    row = connection.execute(
        text("""
            SELECT coalesce(array_agg(DISTINCT asked.name), '{}') AS names, coalesce(min(on_since), now()) AS since,
                   (SELECT read_to FROM event_marks WHERE name = :source) AS read_to
            FROM automation_rules, unnest(names) AS asked(name) WHERE is_on AND trigger = 'event'
        """),
        {"source": _SOURCE},
    ).one()
    return Asked(row.names, row.since, row.read_to)


def mark(connection: Connection, read_to: datetime) -> None:
    """Note up to when they were read."""
    connection.execute(
        text("""
            INSERT INTO event_marks (name, read_to) VALUES (:source, :read_to)
            ON CONFLICT (name) DO UPDATE SET read_to = excluded.read_to
        """),
        {"source": _SOURCE, "read_to": read_to},
    )
