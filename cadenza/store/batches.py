"""How does the verdict on a segment become enrollments and refusals?"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
from sqlalchemy import Connection, text

from cadenza.domain.batch import Batch
from cadenza.domain.enrollment import EnrollmentOptions, Outcome
from cadenza.domain.overrides import Overrides
from cadenza.store.columns import copy_columns
from cadenza.store.plans import store_plan

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class Opened:
    """What became of one chunk of candidates."""

    enrolled: int
    held: int
    #: Enrolled by somebody else since they were judged: refused after all.
    lost_race: int
    #: With those who lost the race.
    refused: int


def options_data(options: EnrollmentOptions) -> dict[str, Any]:
    """Options as plain JSON data; conversations with contacts are kept with their enrollments only."""
    return asdict(options) | {
        "threads": [],
        "send_at": options.send_at and options.send_at.isoformat(),
        "overrides": options.overrides.as_data(),
    }


def options_of(data: Mapping[str, Any]) -> EnrollmentOptions:
    """The options that ``options_data`` described; conversations are not among them."""
    return EnrollmentOptions(
        **{
            **data,
            "send_at": datetime.fromisoformat(data["send_at"]) if data.get("send_at") else None,
            "overrides": Overrides.from_data(data.get("overrides", {})),
            "threads": (),
        }
    )


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
                "options": json.dumps(options_data(batch.options)),
                "flow_run_id": flow_run_id,
                "started_at": batch.started_at,
            },
        )
        or 0
    )


def open_chunk(connection: Connection, batch: Batch, plan: pd.DataFrame, refusals: pd.DataFrame) -> Opened:
    """Enroll the candidates of a plan and store why others were refused, all or nothing.

    ``plan`` has the columns of a timed and judged candidate, with ``expected_at``; ``refusals`` is the verdict's
    frame. Who got into a sequence since the judgement becomes a refusal.
    """
    assert batch.id is not None
    rows = pa.Table.from_pandas(refusals[list(_REFUSED)], preserve_index=False)
    copy_columns(connection, "refusals", rows.append_column("batch_id", pa.repeat(batch.id, len(rows))))
    lost = store_plan(connection, batch, plan)
    held = int((plan["outcome"] == Outcome.HELD.value).sum()) - lost[Outcome.HELD]
    lost_race = sum(lost.values())
    refused = int(refusals.loc[refusals["outcome"] == Outcome.REFUSED.value, "ordinal"].nunique())
    opened = Opened(len(plan) - lost_race - held, held, lost_race, refused + lost_race)
    _count(connection, batch.id, opened)
    return opened


_REFUSED: Final = ("ordinal", "contact_id", "code", "is_reason", "outcome", "detail")


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
