"""How does a plan become enrollments?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.compute as pc
from psycopg.errors import UniqueViolation
from sqlalchemy import Connection, text

from cadenza.domain.batch import Batch
from cadenza.domain.enrollment import Outcome
from cadenza.domain.overrides import as_json
from cadenza.domain.sequence import StepKind
from cadenza.store.columns import copy_columns

if TYPE_CHECKING:
    import pandas as pd

#: Columns of enrollments that come from the plan, and what they are called there.
_PLANNED: Final = {
    "contact_id": "contact_id",
    "mailbox_id": "mailbox_id",
    "user_id": "user_id",
    "to_address": "email_normalized",
    "time_zone": "time_zone",
    "time_zone_source": "time_zone_source",
    "country": "country_code",
    "due_at": "due_at",
    "expected_at": "expected_at",
    "held_reason": "reason",
}


def store_plan(connection: Connection, batch: Batch, plan: pd.DataFrame) -> dict[Outcome, int]:
    """Store the enrollments of a plan; who is in a sequence by now is refused.

    Returns how many that are, by the outcome they had. Their refusals must be stored before.
    """
    # In the order of the contacts: two enrollments of one segment wait for each other, and never in a circle.
    ordered = plan if plan["contact_id"].is_monotonic_increasing else plan.sort_values("contact_id")
    return _store(connection, batch, _enrollments(batch, ordered))


def _enrollments(batch: Batch, plan: pd.DataFrame) -> pa.Table:
    """The enrollments of a plan as they are stored, and the ``ordinal`` of the candidate."""
    planned = pa.Table.from_pandas(plan[["ordinal", "outcome", *_PLANNED.values()]], preserve_index=False)
    columns = {name: planned.column(known) for name, known in _PLANNED.items()}
    nothing = pa.nulls(len(planned), pa.string())
    reason = columns["held_reason"].cast(pa.string())
    is_held = pc.equal(planned.column("outcome").cast(pa.string()), Outcome.HELD.value)
    columns["held_reason"] = pc.if_else(is_held, reason, nothing)
    waits_for_slot = pc.equal(columns["held_reason"], "DAILY_LIMIT")
    columns["held_until"] = pc.if_else(waits_for_slot, columns["expected_at"], None)
    for_all = batch.options.for_all
    step = batch.sequence.step(batch.start_position) if batch.has_start else None
    same: dict[str, Any] = {
        "batch_id": batch.id,
        "sequence_id": batch.sequence_id,
        "sequence_version_id": batch.sequence_version_id,
        "status": "active",
        "next_position": batch.start_position,
        "next_kind": step and step.kind.value,
        "enrolled_at": batch.started_at,
    }
    if stored := for_all.as_stored():
        same["overrides"] = stored
    if for_all.token_values:
        same["token_values"] = as_json(for_all.token_values)
    columns |= {name: pa.repeat(value, len(planned)) for name, value in same.items()}
    if batch.options.threads:
        threads = {thread.contact_id: thread.as_json for thread in batch.options.threads}
        columns["thread"] = pa.array([threads.get(id_) for id_ in columns["contact_id"].to_pylist()], pa.string())
    if "start_position" in plan.columns:
        columns |= _own(plan)
    return pa.table(columns | {"ordinal": planned.column("ordinal")})


def _own(plan: pd.DataFrame) -> dict[str, pa.Array]:
    """What differs from contact to contact where some have options of their own."""
    is_mail = pa.array(plan["is_mail_first"].to_numpy(dtype=bool))
    return {
        "next_position": pa.array(plan["start_position"].to_numpy()),
        "next_kind": pc.if_else(is_mail, StepKind.EMAIL.value, StepKind.TODO.value),
        "overrides": pa.array(plan["overrides"], pa.string(), from_pandas=True).fill_null("{}"),
        "token_values": pa.array(plan["token_values"], pa.string(), from_pandas=True).fill_null("{}"),
    }


def _store(connection: Connection, batch: Batch, enrollments: pa.Table) -> dict[Outcome, int]:
    stored = enrollments.drop_columns(["ordinal"])
    try:
        # Hardly ever is anybody faster, and this takes half as long.
        with connection.begin_nested():
            copy_columns(connection, "enrollments", stored)
        return dict.fromkeys(Outcome, 0)
    except UniqueViolation:
        names = ", ".join(stored.column_names)
        connection.execute(
            text(f"CREATE TEMPORARY TABLE planned ON COMMIT DROP AS SELECT {names} FROM enrollments LIMIT 0")  # noqa: S608
        )
        connection.execute(text("ALTER TABLE planned ADD ordinal bigint"))
        copy_columns(connection, "planned", enrollments)
        connection.execute(
            text(f"""
                INSERT INTO enrollments ({names}) SELECT {names} FROM planned ORDER BY contact_id
                ON CONFLICT (contact_id) WHERE status IN ('active', 'paused') DO NOTHING
            """)  # noqa: S608
        )
        lost = _refuse_losers(connection, batch)
        connection.execute(text("DROP TABLE planned"))
        return lost


def _refuse_losers(connection: Connection, batch: Batch) -> dict[Outcome, int]:
    """Refuse those of the plan who are in another enrollment than the batch's."""
    rows = connection.execute(
        text("""
            WITH lost AS MATERIALIZED (
                SELECT p.ordinal, p.contact_id, p.held_reason, now_in.id AS enrollment_id,
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
            SELECT count(*) FILTER (WHERE held_reason IS NULL) AS enrolled,
                   count(*) FILTER (WHERE held_reason IS NOT NULL) AS held
            FROM lost
        """),
        {"batch_id": batch.id, "sequence_id": batch.sequence_id},
    ).one()
    return {Outcome.ENROLLED: rows.enrolled, Outcome.HELD: rows.held}
