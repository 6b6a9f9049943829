"""What became of each contact that somebody chose for a batch?"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, text

from cadenza.domain.enrollment import Outcome
from cadenza.domain.report import ContactOutcome


def outcomes_of(connection: Connection, batch_id: int, contact_ids: Sequence[int]) -> list[ContactOutcome]:
    """One line for each candidate of a batch, in their order; the contact of a record that has none is 0."""
    rows = connection.execute(
        text("""
            SELECT asked.contact_id, coalesce(r.outcome, 'enrolled') AS outcome, r.code,
                   coalesce(r.detail, '') AS detail, :batch_id AS batch_id,
                   e.id AS enrollment_id, e.time_zone, e.due_at, e.expected_at
            FROM unnest(CAST(:contact_ids AS bigint[])) WITH ORDINALITY AS asked(contact_id, ordinal)
            LEFT JOIN refusals r ON r.batch_id = :batch_id AND r.ordinal = asked.ordinal AND r.is_reason
            LEFT JOIN enrollments e ON e.batch_id = :batch_id AND e.contact_id = asked.contact_id
                                   AND r.outcome IS DISTINCT FROM 'refused'
            ORDER BY asked.ordinal
        """),
        {"batch_id": batch_id, "contact_ids": list(contact_ids)},
    )
    return [ContactOutcome(**{**row._mapping, "outcome": Outcome(row.outcome)}) for row in rows]
