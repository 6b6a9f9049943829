"""Which imports were there, and what became of their rows?"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from cadenza.domain.importing import ImportReport, RecordReport, RejectedRow
from cadenza.errors import NotFound
from cadenza.store.database import driver_connection, take_time


@dataclass(frozen=True, slots=True)
class ImportRow:
    """A row that did not become a contact of its own: line (from 1), outcome, code, detail."""

    line: int
    outcome: str
    code: str
    detail: str = ""
    contact_id: int | None = None


def start_import(
    connection: Connection, list_id: int | None, source: str, now: datetime, kind: str | None = None
) -> int:
    """Note that an import begins, of contacts into a list or of records of a kind; returns its id.

    The source is a file name or the like, without secrets.
    """
    take_time(connection)
    statement = text("""
        INSERT INTO imports (list_id, kind, source, started_at) VALUES (:list_id, :kind, :source, :now) RETURNING id
    """)
    values = {"list_id": list_id, "kind": kind, "source": source, "now": now}
    return int(connection.execute(statement, values).scalar_one())


def reject_rows(connection: Connection, import_id: int, rows: Sequence[RejectedRow]) -> None:
    """Note rejected rows, by COPY."""
    if not rows:
        return
    copy = b"COPY import_rows (import_id, line, outcome, code, detail) FROM STDIN"
    with driver_connection(connection).cursor() as cursor, cursor.copy(copy) as lines:
        for row in rows:
            lines.write_row((import_id, row.line, "rejected", row.code, row.detail))


def finish_import(connection: Connection, import_id: int, counts: Mapping[str, int], now: datetime) -> None:
    """Note the end of an import and its counts: rows, imported, merged, rejected."""
    connection.execute(
        text("UPDATE imports SET counts = CAST(:counts AS jsonb), finished_at = :now WHERE id = :id"),
        {"id": import_id, "counts": json.dumps(dict(counts)), "now": now},
    )


def import_rows(connection: Connection, import_id: int, outcome: str | None = None) -> list[ImportRow]:
    """The rows of an import that did not become a contact of their own, by line; of one outcome, or of all."""
    rows = connection.execute(
        text("""
            SELECT line, outcome, code, detail, contact_id FROM import_rows
            WHERE import_id = :id AND (CAST(:outcome AS text) IS NULL OR outcome = :outcome)
            ORDER BY line
        """),
        {"id": import_id, "outcome": outcome},
    )
    return [ImportRow(**row) for row in rows.mappings()]


def latest_import(connection: Connection, list_name: str) -> ImportReport:
    """What the latest import into a list did, as far as it was stored.

    Raises:
        NotFound: nothing was imported into it.
    """
    row = connection.execute(
        text("""
            SELECT i.id, i.counts FROM imports i JOIN lists l ON l.id = i.list_id
            WHERE l.name = :list_name AND i.finished_at IS NOT NULL ORDER BY i.id DESC LIMIT 1
        """),
        {"list_name": list_name},
    ).one_or_none()
    if row is None:
        raise NotFound(f"Nothing was imported into the list {list_name!r}: see 'cadenza segment list'.")
    return ImportReport(import_id=row.id, list_name=list_name, **row.counts)


def latest_record_import(connection: Connection, kind: str) -> RecordReport:
    """What the latest import of records of a kind did, as far as it was stored.

    Raises:
        NotFound: none was imported.
    """
    row = connection.execute(
        text("""
            SELECT id, counts FROM imports WHERE kind = :kind AND finished_at IS NOT NULL ORDER BY id DESC LIMIT 1
        """),
        {"kind": kind},
    ).one_or_none()
    if row is None:
        raise NotFound(f"No {kind} records were imported: 'cadenza import --records {kind} FILE' does it.")
    return RecordReport(import_id=row.id, kind=kind, **row.counts)
