"""What became of enrollments and their mails? Counted from what happened, not from where enrollments stand now."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, text

from cadenza.domain.performance import GroupedBy, Performance, Scope, StepPerformance
from cadenza.errors import NotFound
from cadenza.store.choices import AT_COMPANY, company_named
from cadenza.store.sequences import find_sequence, sequences_by_version
from cadenza.store.users import find_user
from cadenza.store.variant_tests import winners

_GROUPS: Final[Mapping[GroupedBy, str]] = {
    "sequence": "s.name",
    "sender": "u.handle",
    "company": "coalesce(k.name, nullif(c.company, ''), '')",
    "folder": "s.folder",
}

#: The enrollments that are meant, their mails, and what happened, each with the mail that it is about: the one that is
#: named, else the last that had left before.
_FACTS: Final = """
    WITH chosen AS MATERIALIZED (
        SELECT e.id, e.contact_id, e.sequence_id, e.sequence_version_id, e.status, s.name AS sequence, {group} AS name
        FROM enrollments e
        JOIN sequences s ON s.id = e.sequence_id
        JOIN users u ON u.id = e.user_id
        LEFT JOIN contacts c ON c.id = e.contact_id
        LEFT JOIN companies k ON k.id = c.company_id
        WHERE (CAST(:sequence AS text) IS NULL OR s.name = :sequence)
          AND (CAST(:folder AS text) IS NULL OR s.folder = :folder OR starts_with(s.folder, :folder || '/'))
          AND (CAST(:sender AS text) IS NULL OR u.handle = :sender)
          AND {at_company}
          AND (CAST(:status AS text) IS NULL OR e.status = :status)
          AND (CAST(:since AS timestamptz) IS NULL OR e.enrolled_at >= :since)
          AND (CAST(:until AS timestamptz) IS NULL OR e.enrolled_at < :until)
    ),
    mails AS MATERIALIZED (
        SELECT d.id, d.enrollment_id, d.position, d.variant, d.state = 'sent' AS is_sent
        FROM chosen c JOIN deliveries d ON d.enrollment_id = c.id
        WHERE d.state IN ('sent', 'rejected')
    ),
    happened AS MATERIALIZED (
        SELECT v.enrollment_id, coalesce(v.delivery_id, before.id) AS delivery_id,
               coalesce(v.data ->> 'change', v.kind) AS what, v.data ? 'machine' AS is_machine
        FROM chosen c
        JOIN events v ON v.enrollment_id = c.id
        LEFT JOIN LATERAL (
            SELECT d.id FROM deliveries d
            WHERE v.delivery_id IS NULL AND d.enrollment_id = c.id AND d.state = 'sent' AND d.ended_at <= v.at
            ORDER BY d.ended_at DESC LIMIT 1
        ) before ON true
        WHERE coalesce(v.data ->> 'change', v.kind)
              IN ('reply', 'meeting', 'hard_bounce', 'opt_out', 'complaint', 'open', 'click')
    )
"""
_FLAGS: Final = """
    bool_or(what = 'reply') AS replied, bool_or(what = 'meeting') AS meeting, bool_or(what = 'hard_bounce') AS bounced,
    bool_or(what = 'opt_out') AS opted_out, bool_or(what = 'complaint') AS complained,
    bool_or(what = 'open' AND NOT is_machine) AS opened, bool_or(what = 'click' AND NOT is_machine) AS clicked,
    bool_or(what = 'open' AND is_machine) AS opened_by_machine
"""


def performance(connection: Connection, scope: Scope, grouped_by: GroupedBy = "sequence") -> list[Performance]:
    """What became of the enrollments of each sequence, sender, company or folder, those with most enrolled first.

    Raises:
        NotFound: there is no such sequence, folder, user or company.
    """
    statement = f"""
        {_FACTS.format(group=_GROUPS[grouped_by], at_company=AT_COMPANY)},
        by_mails AS (
            SELECT enrollment_id, count(*) FILTER (WHERE is_sent) AS sent, bool_or(NOT is_sent) AS is_rejected
            FROM mails GROUP BY 1
        ),
        by_events AS (
            SELECT enrollment_id, {_FLAGS} FROM happened GROUP BY 1
        )
        SELECT c.name, count(*) AS enrolled, count(DISTINCT c.contact_id) AS contacts,
               count(m.enrollment_id) AS mailed, CAST(coalesce(sum(m.sent), 0) AS bigint) AS sent,
               count(*) FILTER (WHERE replied) AS replied,
               count(*) FILTER (WHERE bounced OR m.is_rejected) AS bounced,
               count(*) FILTER (WHERE opted_out) AS opted_out,
               count(*) FILTER (WHERE complained) AS complained,
               count(*) FILTER (WHERE meeting) AS meetings,
               count(*) FILTER (WHERE c.status = 'finished') AS finished,
               count(*) FILTER (WHERE c.status IN ('active', 'paused')) AS running,
               count(*) FILTER (WHERE opened) AS opened,
               count(*) FILTER (WHERE clicked) AS clicked,
               count(*) FILTER (WHERE opened_by_machine AND NOT opened) AS opened_by_machines
        FROM chosen c
        LEFT JOIN by_mails m ON m.enrollment_id = c.id
        LEFT JOIN by_events v ON v.enrollment_id = c.id
        GROUP BY c.name ORDER BY enrolled DESC, c.name
    """  # noqa: S608
    rows = connection.execute(text(statement), _parameters(connection, scope))
    return [Performance(**row._mapping) for row in rows]


def step_performance(connection: Connection, scope: Scope) -> list[StepPerformance]:
    """What became of the mails and to-dos of each step, by sequence, position and variant.

    Steps are counted by position over all versions of a sequence.

    Raises:
        NotFound: there is no such sequence, folder, user or company.
    """
    statement = f"""
        {_FACTS.format(group=_GROUPS["sequence"], at_company=AT_COMPANY)},
        by_events AS (
            SELECT delivery_id, {_FLAGS} FROM happened WHERE delivery_id IS NOT NULL GROUP BY 1
        )
        SELECT c.name AS sequence, m.position, 'email' AS kind, coalesce(m.variant, '') AS variant,
               count(*) AS ran, count(*) FILTER (WHERE m.is_sent) AS done,
               count(*) FILTER (WHERE replied) AS replied,
               count(*) FILTER (WHERE bounced OR NOT m.is_sent) AS bounced,
               count(*) FILTER (WHERE opted_out) AS opted_out,
               count(*) FILTER (WHERE meeting) AS meetings,
               count(*) FILTER (WHERE opened) AS opened, count(*) FILTER (WHERE clicked) AS clicked
        FROM chosen c
        JOIN mails m ON m.enrollment_id = c.id
        LEFT JOIN by_events v ON v.delivery_id = m.id
        GROUP BY 1, 2, 3, 4
        UNION ALL
        SELECT c.name, t.position, 'todo', '', count(*), count(t.completed_at), 0, 0, 0, 0, 0, 0
        FROM chosen c JOIN todos t ON t.enrollment_id = c.id
        GROUP BY 1, 2
        ORDER BY 1, 2, 3, 4
    """  # noqa: S608
    rows = connection.execute(text(statement), _parameters(connection, scope)).all()
    won = _won(connection, {row.sequence for row in rows if row.variant})
    return [StepPerformance(**row._mapping, is_winner=(row.sequence, row.position, row.variant) in won) for row in rows]


def write_csv(path: Path, lines: Sequence[Performance] | Sequence[StepPerformance]) -> None:
    """Write lines as a table, rates included as shares; no cell starts like a formula."""
    names = [field.name for field in fields(lines[0])] if lines else []
    rates = [name for name in dir(type(lines[0])) if name.endswith("_rate")] if lines else []
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*names, *rates])
        for line in lines:
            writer.writerow([_cell(getattr(line, name)) for name in (*names, *rates)])


def _cell(value: Any) -> Any:
    if isinstance(value, float):
        return f"{value:.4f}"
    return f"'{value}" if isinstance(value, str) and re.match(r"\s*[-=+@|%＝＋－＠]", value) else value


def _won(connection: Connection, names: Iterable[str]) -> set[tuple[str, int, str]]:
    """Which variants have won in the newest versions of sequences."""
    newest = connection.execute(
        text("""
            SELECT DISTINCT ON (s.id) s.name, v.id FROM sequences s JOIN sequence_versions v ON v.sequence_id = s.id
            WHERE s.name = ANY (:names) ORDER BY s.id, v.number DESC
        """),
        {"names": list(names)},
    )
    by_version = {row.id: row.name for row in newest}
    won = winners(connection, sequences_by_version(connection, by_version.keys()))
    return {(by_version[version_id], position, variant) for (version_id, position), variant in won.items()}


def _parameters(connection: Connection, scope: Scope) -> dict[str, Any]:
    # What was deleted keeps its numbers.
    if scope.sequence is not None and not _is_known(connection, "name = :named", scope.sequence):
        find_sequence(connection, scope.sequence)
    if scope.folder is not None and not _is_known(
        connection, "folder = :named OR starts_with(folder, :named || '/')", scope.folder
    ):
        raise NotFound(f"There is no folder {scope.folder!r}: see 'cadenza sequences list'.")
    if scope.sender is not None:
        find_user(connection, scope.sender)
    companies, domain = company_named(connection, scope.company) if scope.company is not None else ([], None)
    given = {field.name: getattr(scope, field.name) for field in fields(scope)}
    return given | {"companies": list(companies), "domain": domain}


def _is_known(connection: Connection, condition: str, named: str) -> bool:
    statement = text(f"SELECT EXISTS (SELECT FROM sequences WHERE {condition})")  # noqa: S608
    return bool(connection.scalar(statement, {"named": named}))
