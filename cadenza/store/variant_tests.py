"""Which variants are tried against each other, how do they do, and which has won?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from psycopg.types.json import Jsonb
from sqlalchemy import Connection, text

from cadenza.domain.sequence import Sequence as ContactSequence
from cadenza.domain.sequence import Step, WinnerBy
from cadenza.domain.variants import Look, Result, compare, key_of
from cadenza.errors import WrongUse
from cadenza.store.database import driver_connection
from cadenza.store.sequences import find_sequence, sequences_by_version

#: The events that answer a mail, as the winner is found by.
_ANSWERS: Mapping[WinnerBy, str] = {WinnerBy.REPLIES: "reply", WinnerBy.CLICKS: "click", WinnerBy.OPENS: "open"}


def winners(connection: Connection, versions: Mapping[int, ContactSequence]) -> dict[tuple[int, int], str]:
    """The variants that have won, by version and position; asks nothing where no version has variants."""
    keys = {(id_, step.position): key_of(step) for id_, sequence in versions.items() for step in _tried(sequence)}
    if not keys:
        return {}
    rows = connection.execute(
        text("""
            SELECT v.id AS version_id, t.test, t.winner
            FROM sequence_versions v JOIN variant_tests t ON t.sequence_id = v.sequence_id
            WHERE v.id = ANY (:ids) AND t.test = ANY (:tests) AND t.winner IS NOT NULL
        """),
        {"ids": [id_ for id_, _ in keys], "tests": list(set(keys.values()))},
    )
    won = {(row.version_id, row.test): row.winner for row in rows}
    return {place: won[place[0], key] for place, key in keys.items() if (place[0], key) in won}


@dataclass(frozen=True, slots=True)
class Decided:
    """A step whose variants were compared."""

    sequence_id: int
    sequence: str
    position: int
    look: Look


def look_at_tests(connection: Connection, now: datetime) -> list[Decided]:
    """Compare the variants of every step whose time has come, and keep what came of it.

    A step that the newest version does not have any more is not looked at, nor one that somebody has decided.
    """
    newest = connection.execute(
        text("""
            SELECT s.id, s.name, v.id AS version_id
            FROM sequences s
            JOIN LATERAL (SELECT id, definition FROM sequence_versions v
                          WHERE v.sequence_id = s.id ORDER BY number DESC LIMIT 1) v ON true
            WHERE s.deleted_at IS NULL AND jsonb_path_exists(v.definition, '$.steps[*].variants')
            ORDER BY s.id FOR UPDATE OF s
        """)
    ).all()
    definitions = sequences_by_version(connection, [row.version_id for row in newest])
    decided = []
    for row in newest:
        steps = {key_of(step): step for step in _tried(definitions[row.version_id]) if step.winner}
        state = {
            test.test: test
            for test in connection.execute(
                text("SELECT test, looks, decided_by FROM variant_tests WHERE sequence_id = :id"), {"id": row.id}
            )
        }
        open_ = {key: step for key, step in steps.items() if key not in state or state[key].decided_by is None}
        for key, step, results in _results(connection, row.id, open_):
            assert step.winner
            look = compare(results, step.winner, state[key].looks if key in state else 0)
            if look:
                _keep(connection, row.id, key, look, now)
                decided.append(Decided(row.id, row.name, step.position, look))
    return decided


def decide(
    connection: Connection, sequence: str, position: int, variant: str | None, actor: str, now: datetime
) -> None:
    """Let everybody get one variant of a step from now on; None: all of them again, and the engine compares anew.

    Raises:
        NotFound: there is no such sequence.
        WrongUse: the step has no such active variant; names those that it has.
    """
    stored = find_sequence(connection, sequence)
    step = next((step for step in _tried(stored.sequence) if step.position == position), None)
    if step is None:
        raise WrongUse(f"Step {position} of {sequence} has no variants.")
    names = [one.name for one in step.variants if one.is_active]
    if variant is not None and variant not in names:
        raise WrongUse(f"Step {position} of {sequence} has no active variant {variant!r}: choose {', '.join(names)}.")
    given = {"id": stored.id, "test": key_of(step), "winner": variant, "actor": actor, "now": now}
    if variant is None:
        connection.execute(text("DELETE FROM variant_tests WHERE sequence_id = :id AND test = :test"), given)
    else:
        connection.execute(
            text("""
                INSERT INTO variant_tests (sequence_id, test, winner, decided_at, decided_by)
                VALUES (:id, :test, :winner, :now, :actor)
                ON CONFLICT (sequence_id, test) DO UPDATE
                SET winner = excluded.winner, decided_at = excluded.decided_at, decided_by = excluded.decided_by,
                    reason = NULL
            """),
            given,
        )
    driver_connection(connection).execute(
        "INSERT INTO events (kind, at, noted_at, actor, data) VALUES ('variant_winner', %s, %s, %s, %s)",
        [now, now, actor, Jsonb({"sequence_id": stored.id, "position": position, "variant": variant})],
    )


def _tried(sequence: ContactSequence) -> Iterator[Step]:
    return (step for step in sequence.steps if step.variants)


def _results(
    connection: Connection, sequence_id: int, steps: Mapping[str, Step]
) -> Iterator[tuple[str, Step, Sequence[Result]]]:
    """How the active variants of steps do, over every version in which they say the same."""
    if not steps:
        return
    versions = sequences_by_version(
        connection,
        connection.scalars(text("SELECT id FROM sequence_versions WHERE sequence_id = :id"), {"id": sequence_id}).all(),
    )
    alike = {
        key: [id_ for id_, sequence in versions.items() if any(key_of(one) == key for one in _tried(sequence))]
        for key in steps
    }
    for key, step in steps.items():
        assert step.winner
        rows = connection.execute(
            text("""
                SELECT d.variant, CAST(count(*) AS int) AS mails,
                       CAST(count(*) FILTER (WHERE EXISTS (
                           SELECT FROM events v
                           WHERE v.enrollment_id = d.enrollment_id AND v.at >= d.claimed_at
                             AND coalesce(v.data ->> 'change', v.kind) = :kind
                             AND (v.delivery_id = d.id OR v.delivery_id IS NULL) AND NOT v.data ? 'machine'
                       )) AS int) AS answered
                FROM enrollments e
                JOIN deliveries d ON d.enrollment_id = e.id AND d.position = :position
                                 AND d.variant IS NOT NULL AND d.state = 'sent'
                WHERE e.sequence_version_id = ANY (:versions)
                GROUP BY 1
            """),
            {"kind": _ANSWERS[step.winner.by], "position": step.position, "versions": alike[key]},
        )
        counted = {row.variant: Result(row.variant, row.mails, row.answered) for row in rows}
        yield key, step, [counted.get(one.name, Result(one.name, 0, 0)) for one in step.variants if one.is_active]


def _keep(connection: Connection, sequence_id: int, test: str, look: Look, now: datetime) -> None:
    connection.execute(
        text("""
            INSERT INTO variant_tests (sequence_id, test, looks, winner, decided_at, decided_by, reason)
            VALUES (:id, :test, :looks, :winner, :decided_at, :decided_by, :reason)
            ON CONFLICT (sequence_id, test) DO UPDATE
            SET looks = excluded.looks, winner = excluded.winner, decided_at = excluded.decided_at,
                decided_by = excluded.decided_by, reason = excluded.reason
        """),
        {
            "id": sequence_id,
            "test": test,
            "looks": look.looks,
            "winner": look.winner,
            "decided_at": now if look.winner else None,
            "decided_by": "engine" if look.winner else None,
            "reason": look.reason,
        },
    )
