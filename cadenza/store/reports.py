"""What did a batch leave in the database, and who was refused why?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import pandas as pd
from sqlalchemy import Connection, text
from sqlalchemy.dialects import postgresql

from cadenza.domain.enrollment import Outcome
from cadenza.domain.refusals import CATALOGUE
from cadenza.errors import NotFound
from cadenza.store.database import driver_connection
from cadenza.store.frames import NUMBER, copy_frame


@dataclass(frozen=True, slots=True)
class StoredBatch:
    """A batch with what it led to, counted from its rows."""

    id: int
    sequence: str
    segment: str
    sender: str
    options: Mapping[str, Any]
    #: As the batch counted itself: candidates, enrolled, held, refused; empty as long as it runs.
    counts: Mapping[str, int]
    started_at: datetime
    enrollments: int
    held: int
    refused: int

    @property
    def enrolled(self) -> int:
        """Enrollments that nothing holds."""
        return self.enrollments - self.held


def find_batch(connection: Connection, batch_id: int) -> StoredBatch:
    """The batch with its rows counted.

    Raises:
        NotFound: there is no such batch.
    """
    row = connection.execute(
        text("""
            SELECT b.id, s.name AS sequence, b.segment, b.sender, b.options, b.counts, b.started_at,
                   (SELECT count(*) FROM enrollments e WHERE e.batch_id = b.id) AS enrollments, r.held, r.refused
            FROM batches b
            JOIN sequence_versions v ON v.id = b.sequence_version_id
            JOIN sequences s ON s.id = v.sequence_id
            CROSS JOIN LATERAL (
                SELECT count(*) FILTER (WHERE outcome = 'held') AS held,
                       count(*) FILTER (WHERE outcome = 'refused') AS refused
                FROM refusals WHERE batch_id = b.id AND is_reason
            ) r
            WHERE b.id = :batch_id
        """),
        {"batch_id": batch_id},
    ).one_or_none()
    if row is None:
        raise NotFound(f"There is no enrollment with the number {batch_id}.")
    return StoredBatch(**row._mapping)


def fingerprint(connection: Connection, batch_id: int) -> str:
    """What tells the contacts that a batch looked at from any others: the same for the same contacts.

    The first 16 hexadecimal digits of the SHA-256 of their ids in order, with commas between them.
    """
    return str(
        connection.scalar(
            text("""
                SELECT left(encode(sha256(convert_to(
                    coalesce(string_agg(CAST(contact_id AS text), ',' ORDER BY contact_id), ''), 'UTF8')), 'hex'), 16)
                FROM (SELECT contact_id FROM enrollments WHERE batch_id = :id
                      UNION SELECT contact_id FROM refusals WHERE batch_id = :id AND outcome = 'refused') looked_at
            """),
            {"id": batch_id},
        )
    )


@dataclass(frozen=True, slots=True)
class CodeCount:
    """How many contacts of a batch one code concerns, among those of one outcome."""

    code: str
    outcome: Outcome
    reasons: int
    mentions: int


def count_refusals(connection: Connection, batch_id: int) -> list[CodeCount]:
    """The codes of a batch by what they led to, the most frequent reason first."""
    rows = connection.execute(
        text("""
            SELECT code, outcome, count(*) FILTER (WHERE is_reason) AS reasons, count(*) AS mentions
            FROM refusals WHERE batch_id = :batch_id
            GROUP BY code, outcome ORDER BY reasons DESC, mentions DESC, code, outcome
        """),
        {"batch_id": batch_id},
    )
    return [CodeCount(row.code, Outcome(row.outcome), row.reasons, row.mentions) for row in rows]


def load_masks(connection: Connection, batch_id: int, bits: Mapping[str, int]) -> pd.DataFrame:
    """The broken rules of each contact that breaks any, ``ordinal`` and ``mask``, put together from the rows."""
    return copy_frame(
        connection,
        """
        SELECT r.ordinal, bit_or(rule.bit) AS mask
        FROM refusals r
        JOIN unnest(CAST(:codes AS text[]), CAST(:bits AS bigint[])) AS rule(code, bit) ON rule.code = r.code
        WHERE r.batch_id = :batch_id
        GROUP BY r.ordinal
        """,
        {"batch_id": batch_id, "codes": list(bits.keys()), "bits": list(bits.values())},
        {"ordinal": NUMBER, "mask": NUMBER},
        never_missing=frozenset({"ordinal", "mask"}),
    )


#: Spreadsheets run a cell that starts with one of these: an apostrophe before it makes it words.
_SAFE: Final = r"CASE WHEN {0} ~ '^\s*[-=+@|%＝＋－＠]' THEN '''' || {0} ELSE {0} END"


def error_report(connection: Connection, batch_id: int) -> Iterator[bytes | bytearray | memoryview]:
    """The enrollment-error report as CSV: one line a contact with an error or a warning, in the batch's order.

    No cell starts like a formula.
    """
    safe = {name: _SAFE.format(name) for name in ("name", "email", "detail", "other_broken_rules")}
    statement = rf"""
        COPY (
            WITH catalogue AS (
                SELECT * FROM unnest(CAST(:codes AS text[]), CAST(:causes AS text[]), CAST(:remedies AS text[]))
                              AS c(code, cause, remedy)
            ),
            reasons AS (
                SELECT r.ordinal, r.contact_id, r.outcome, r.code, k.cause, r.detail, k.remedy,
                       concat_ws(' ', c.first_name, c.last_name) AS name, coalesce(c.email, '') AS email,
                       coalesce(other.words, '') AS other_broken_rules
                FROM refusals r
                LEFT JOIN catalogue k ON k.code = r.code
                LEFT JOIN contacts c ON c.id = r.contact_id
                LEFT JOIN (
                    SELECT ordinal, string_agg(
                               code || CASE WHEN detail = '' THEN '' ELSE ' (' || detail || ')' END, '; ' ORDER BY code
                           ) AS words
                    FROM refusals WHERE batch_id = :batch_id AND NOT is_reason
                    GROUP BY ordinal
                ) other ON other.ordinal = r.ordinal
                WHERE r.batch_id = :batch_id AND r.is_reason
            )
            SELECT ordinal AS line, contact_id, {safe["name"]} AS name, {safe["email"]} AS email, outcome, code,
                   cause, {safe["detail"]} AS detail, remedy, {safe["other_broken_rules"]} AS other_broken_rules
            FROM reasons ORDER BY ordinal
        ) TO STDOUT (FORMAT csv, HEADER true)
    """  # noqa: S608
    compiled = str(text(statement).compile(dialect=postgresql.psycopg.dialect()))  # type: ignore[no-untyped-call]
    parameters = {
        "batch_id": batch_id,
        "codes": list(CATALOGUE),
        "causes": [refusal.cause for refusal in CATALOGUE.values()],
        "remedies": [refusal.remedy for refusal in CATALOGUE.values()],
    }
    with driver_connection(connection).cursor() as cursor, cursor.copy(compiled, parameters) as rows:
        yield from rows
