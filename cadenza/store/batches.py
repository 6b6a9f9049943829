"""How does the verdict on a segment become enrollments and refusals?"""

from __future__ import annotations

import io
import json
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

import pyarrow as pa
import pyarrow.csv as pa_csv
from sqlalchemy import Connection, text

from cadenza.domain.batch import Batch
from cadenza.domain.enrollment import Outcome
from cadenza.store.database import driver_connection

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class Opened:
    """What became of one chunk of candidates."""

    enrolled: int
    held: int
    #: Enrolled by somebody else since they were judged: refused after all.
    lost_race: int
    refused: int


def start_batch(connection: Connection, batch: Batch, flow_run_id: str | None = None) -> int:
    """Store that an enrollment begins; returns its id."""
    return int(
        connection.scalar(
            text("""
                INSERT INTO batches (sequence_version_id, segment, sender, options, flow_run_id, started_at)
                VALUES (:version_id, :segment, :sender, CAST(:options AS jsonb), CAST(:flow_run_id AS uuid),
                        :started_at)
                RETURNING id
            """),
            {
                "version_id": batch.sequence_version_id,
                "segment": batch.segment_words,
                "sender": batch.sender,
                "options": json.dumps(asdict(batch.options), default=datetime.isoformat),
                "flow_run_id": flow_run_id,
                "started_at": batch.started_at,
            },
        )
        or 0
    )


#: What is said of an enrollment to come, as it travels to the database.
_PLANNED: Final = {
    "ordinal": "bigint",
    "contact_id": "bigint",
    "mailbox_id": "bigint",
    "user_id": "bigint",
    "email_normalized": "text",
    "time_zone": "text",
    "time_zone_source": "text",
    "country_code": "text",
    "due_at": "timestamptz",
    "expected_at": "timestamptz",
    "outcome": "text",
    "reason": "text",
}
_REFUSED: Final = ("ordinal", "contact_id", "code", "is_reason", "outcome", "detail")


def open_chunk(connection: Connection, batch: Batch, plan: pd.DataFrame, refusals: pd.DataFrame) -> Opened:
    """Enroll the candidates of a plan and store why others were refused, all or nothing.

    ``plan`` has the columns of a timed and judged candidate, with ``expected_at``; ``refusals`` is the verdict's
    frame. Who got into another sequence since the judgement becomes a refusal.
    """
    assert batch.id is not None
    columns = ", ".join(f"{name} {kind}" for name, kind in _PLANNED.items())
    connection.execute(text(f"CREATE TEMPORARY TABLE planned ({columns}) ON COMMIT DROP"))
    _copy(connection, plan, "planned", tuple(_PLANNED))
    _copy(connection, refusals.assign(batch_id=batch.id), "refusals", (*_REFUSED, "batch_id"))
    lost = _lost_race(connection, batch) if _insert(connection, batch) < len(plan) else {}
    connection.execute(text("DROP TABLE planned"))
    was_held = int((plan["outcome"] == Outcome.HELD.value).sum())
    held = was_held - lost.get(Outcome.HELD.value, 0)
    lost_race = sum(lost.values())
    refused = int(refusals.loc[refusals["outcome"] == Outcome.REFUSED.value, "ordinal"].nunique())
    opened = Opened(len(plan) - lost_race - held, held, lost_race, refused + lost_race)
    _count(connection, batch.id, opened)
    return opened


def _copy(connection: Connection, frame: pd.DataFrame, table: str, columns: tuple[str, ...]) -> None:
    buffer = io.BytesIO()
    rows = pa.Table.from_pandas(frame[list(columns)], preserve_index=False)
    pa_csv.write_csv(rows, buffer, pa_csv.WriteOptions(include_header=False))
    statement = f"COPY {table} ({', '.join(columns)}) FROM STDIN (FORMAT csv)"
    with driver_connection(connection).cursor() as cursor, cursor.copy(statement.encode()) as copy:
        copy.write(buffer.getbuffer())


def _insert(connection: Connection, batch: Batch) -> int:
    """Insert the planned enrollments; a contact that is in a sequence by now is left out."""
    step = batch.sequence.step(batch.options.start_position) if batch.has_start else None
    inserted = connection.execute(
        # In the order of the contacts: two enrollments of the same segment wait for each other, and never in a circle.
        text("""
            INSERT INTO enrollments (batch_id, contact_id, sequence_id, sequence_version_id, mailbox_id, user_id,
                to_address, status, time_zone, time_zone_source, country, next_position, next_kind, due_at,
                expected_at, held_reason, held_until, enrolled_at)
            SELECT :batch_id, contact_id, :sequence_id, :version_id, mailbox_id, user_id,
                   email_normalized, 'active', time_zone, time_zone_source, country_code, :position, :kind, due_at,
                   expected_at, CASE WHEN outcome = 'held' THEN reason END,
                   CASE WHEN outcome = 'held' AND reason = 'DAILY_LIMIT' THEN expected_at END, :now
            FROM planned ORDER BY contact_id
            ON CONFLICT (contact_id) WHERE status IN ('active', 'paused') DO NOTHING
        """),
        {
            "batch_id": batch.id,
            "sequence_id": batch.sequence_id,
            "version_id": batch.sequence_version_id,
            "position": batch.options.start_position,
            "kind": step and step.kind.value,
            "now": batch.started_at,
        },
    )
    return inserted.rowcount


def _lost_race(connection: Connection, batch: Batch) -> dict[str, int]:
    """Refuse those of the plan who were not inserted; returns how many there are by the outcome they had."""
    rows = connection.execute(
        text("""
            WITH lost AS MATERIALIZED (
                SELECT p.ordinal, p.contact_id, p.outcome, now_in.id AS enrollment_id,
                       CASE WHEN now_in.sequence_id = :sequence_id THEN 'ALREADY_IN_THIS_SEQUENCE'
                            ELSE 'ALREADY_ENROLLED' END AS code
                FROM planned p
                LEFT JOIN enrollments now_in
                       ON now_in.contact_id = p.contact_id AND now_in.status IN ('active', 'paused')
                WHERE now_in.batch_id IS DISTINCT FROM :batch_id
            ), behind AS (
                UPDATE refusals r SET is_reason = false, outcome = 'refused'
                FROM lost WHERE r.batch_id = :batch_id AND r.ordinal = lost.ordinal
            ), refused AS (
                INSERT INTO refusals (batch_id, ordinal, contact_id, code, is_reason, outcome, detail)
                SELECT :batch_id, ordinal, contact_id, code, true, 'refused',
                       coalesce('enrollment ' || enrollment_id, '')
                FROM lost
            )
            SELECT outcome, count(*) AS contacts FROM lost GROUP BY outcome
        """),
        {"batch_id": batch.id, "sequence_id": batch.sequence_id},
    )
    return {row.outcome: row.contacts for row in rows}


def _count(connection: Connection, batch_id: int, opened: Opened) -> None:
    """Add a chunk to the batch's own counts."""
    connection.execute(
        text("""
            UPDATE batches b
            SET counts = (
                SELECT jsonb_object_agg(n.name, n.number + coalesce(CAST(b.counts ->> n.name AS bigint), 0))
                FROM (VALUES ('candidates', CAST(:candidates AS bigint)), ('enrolled', :enrolled),
                             ('held', :held), ('refused', :refused)) AS n(name, number)
            )
            WHERE id = :batch_id
        """),
        {
            "batch_id": batch_id,
            "candidates": opened.enrolled + opened.held + opened.refused,
            "enrolled": opened.enrolled,
            "held": opened.held,
            "refused": opened.refused,
        },
    )


def finish_batch(connection: Connection, batch_id: int, now: datetime) -> None:
    """Store that an enrollment has looked at everybody."""
    _count(connection, batch_id, Opened(0, 0, 0, 0))  # so that an enrollment of nobody has counts too
    connection.execute(
        text("UPDATE batches SET finished_at = :now WHERE id = :batch_id AND finished_at IS NULL"),
        {"batch_id": batch_id, "now": now},
    )
