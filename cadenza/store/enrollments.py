"""Where do enrollments stand, and how does a person pause, resume or end them?

Every change takes effect on the next claim.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from psycopg.types.json import Jsonb
from sqlalchemy import Connection, text

from cadenza.domain.advance import run_after
from cadenza.domain.enrollment import Ending
from cadenza.domain.overrides import own_sequence
from cadenza.domain.sequence import Sequence as ContactSequence
from cadenza.errors import NotFound
from cadenza.store.database import driver_connection
from cadenza.store.sequences import sequences_by_version


@dataclass(frozen=True, slots=True)
class EnrollmentRow:
    """An enrollment as lists show it."""

    id: int
    contact_id: int
    name: str
    email: str
    sequence: str
    sender: str
    status: str
    time_zone: str
    next_position: int
    steps: int
    next_kind: str | None
    due_at: datetime | None
    #: When the limits of the mailbox let it go, as last computed.
    expected_at: datetime | None
    #: Why it waits: a refusal code; MAILBOX_NOT_CONNECTED and the pauses of mailbox and sequence included.
    held_reason: str | None
    held_until: datetime | None
    ending: str | None
    ending_reason: str | None
    enrolled_at: datetime
    #: While paused: who did it, and why.
    paused_by: str | None
    paused_reason: str | None
    #: Who ended it or finished it early; the engine otherwise.
    ended_by: str | None


#: Why an active enrollment waits: for enrollments e, mailboxes m and sequences s.
HELD_REASON: Final = """
    CASE WHEN e.held_reason IS NOT NULL THEN e.held_reason
         WHEN NOT m.is_connected THEN 'MAILBOX_NOT_CONNECTED'
         WHEN m.paused_at IS NOT NULL THEN 'GUARD_PAUSED'
         WHEN s.paused_at IS NOT NULL THEN 'SEQUENCE_INACTIVE'
    END
"""

_LIST = f"""
    SELECT e.id, e.contact_id, btrim(concat_ws(' ', c.first_name, c.last_name)) AS name, e.to_address AS email,
           s.name AS sequence, u.handle AS sender, e.status, e.time_zone, e.next_position,
           jsonb_array_length(v.definition -> 'steps') AS steps, e.next_kind, e.due_at,
           greatest(e.expected_at, e.due_at) AS expected_at,
           CASE WHEN e.status = 'active' THEN {HELD_REASON} END AS held_reason,
           e.held_until, e.ending, e.ending_reason, e.enrolled_at, e.paused_by, e.paused_reason, e.ended_by
    FROM enrollments e
    JOIN contacts c ON c.id = e.contact_id
    JOIN sequences s ON s.id = e.sequence_id
    JOIN sequence_versions v ON v.id = e.sequence_version_id
    JOIN mailboxes m ON m.id = e.mailbox_id
    JOIN users u ON u.id = e.user_id
"""  # noqa: S608


def list_enrollments(
    connection: Connection,
    *,
    sequence: str | None = None,
    status: str | None = None,
    batch_id: int | None = None,
    contact: str | None = None,
    limit: int = 100,
) -> list[EnrollmentRow]:
    """Enrollments, those that run next first; ``contact`` is an id or an address."""
    rows = connection.execute(
        text(f"""{_LIST}
            WHERE (CAST(:sequence AS text) IS NULL OR s.name = :sequence)
              AND (CAST(:status AS text) IS NULL OR e.status = :status)
              AND (CAST(:batch_id AS bigint) IS NULL OR e.batch_id = :batch_id)
              AND (CAST(:contact AS text) IS NULL OR CAST(e.contact_id AS text) = :contact
                   OR c.email_normalized = lower(:contact))
            ORDER BY e.status <> 'active', e.due_at NULLS LAST, e.id DESC LIMIT :limit
        """),
        {"sequence": sequence, "status": status, "batch_id": batch_id, "contact": contact, "limit": limit},
    )
    return [EnrollmentRow(**row._mapping) for row in rows]


def page_enrollments(
    connection: Connection,
    before: int | None,
    limit: int,
    *,
    sequence: str | None = None,
    status: str | None = None,
    batch_id: int | None = None,
    contact_id: int | None = None,
    enrollment_id: int | None = None,
) -> list[EnrollmentRow]:
    """The next enrollments before an id, the newest first."""
    rows = connection.execute(
        text(f"""{_LIST}
            WHERE (CAST(:before AS bigint) IS NULL OR e.id < :before)
              AND (CAST(:sequence AS text) IS NULL OR s.name = :sequence)
              AND (CAST(:status AS text) IS NULL OR e.status = :status)
              AND (CAST(:batch_id AS bigint) IS NULL OR e.batch_id = :batch_id)
              AND (CAST(:contact_id AS bigint) IS NULL OR e.contact_id = :contact_id)
              AND (CAST(:enrollment_id AS bigint) IS NULL OR e.id = :enrollment_id)
            ORDER BY e.id DESC LIMIT :limit
        """),
        {
            "before": before,
            "limit": limit,
            "sequence": sequence,
            "status": status,
            "batch_id": batch_id,
            "contact_id": contact_id,
            "enrollment_id": enrollment_id,
        },
    )
    return [EnrollmentRow(**row._mapping) for row in rows]


def find_enrollment(connection: Connection, enrollment_id: int) -> EnrollmentRow:
    """One enrollment.

    Raises:
        NotFound: there is no such enrollment.
    """
    found = page_enrollments(connection, None, 1, enrollment_id=enrollment_id)
    if not found:
        raise NotFound(f"There is no enrollment {enrollment_id}.")
    return found[0]


@dataclass(frozen=True, slots=True)
class RunningEnrollment:
    """The enrollment that a contact is in."""

    id: int
    sequence_id: int
    #: Its title.
    sequence: str
    to_email: str
    #: The user who asked for it, else the sender.
    enrolled_by: int
    enrolled_by_email: str
    enrolled_at: datetime
    #: When anything last happened in it.
    updated_at: datetime


def running_enrollment(connection: Connection, contact_id: int) -> RunningEnrollment | None:
    """The active or paused enrollment of a contact."""
    row = connection.execute(
        text("""
            SELECT e.id, e.sequence_id, s.title AS sequence, e.to_address AS to_email, u.id AS enrolled_by,
                   u.email AS enrolled_by_email, e.enrolled_at,
                   greatest(e.enrolled_at, e.last_ran_at, e.paused_at,
                            (SELECT max(at) FROM events WHERE enrollment_id = e.id)) AS updated_at
            FROM enrollments e
            JOIN sequences s ON s.id = e.sequence_id
            LEFT JOIN batches b ON b.id = e.batch_id
            LEFT JOIN users asker ON asker.handle = b.options ->> 'enrolled_by'
            JOIN users u ON u.id = coalesce(asker.id, e.user_id)
            WHERE e.contact_id = :contact_id AND e.status IN ('active', 'paused')
        """),
        {"contact_id": contact_id},
    ).first()
    return RunningEnrollment(**row._mapping) if row else None


def pause(
    connection: Connection, enrollment_ids: Sequence[int], actor: str, now: datetime, *, reason: str | None = None
) -> int:
    """Pause active enrollments; what is left of a running delay is kept. Returns how many."""
    return _changed(
        connection,
        """
        UPDATE enrollments
        SET status = 'paused', paused_at = :now, paused_by = :actor, paused_reason = :reason, due_at = NULL,
            expected_at = NULL,
            remaining_delay = CASE WHEN due_at IS NOT NULL THEN greatest(due_at - :now, interval '0') END
        WHERE id = ANY (:ids) AND status = 'active' RETURNING id
        """,
        {"ids": list(enrollment_ids), "now": now, "actor": actor, "reason": reason},
        "pause",
        actor,
        now,
        reason,
    )


def unenroll(
    connection: Connection,
    enrollment_ids: Sequence[int],
    actor: str,
    now: datetime,
    *,
    ending: Ending = Ending.REMOVED,
    reason: str = "SEND_CANCELLED",
) -> int:
    """End active and paused enrollments; what was sent and counted stays. Returns how many."""
    return _changed(
        connection,
        """
        UPDATE enrollments
        SET status = 'ended', ending = :ending, ending_reason = :reason, ended_by = :actor, ended_at = :now,
            due_at = NULL, remaining_delay = NULL, held_reason = NULL, held_until = NULL
        WHERE id = ANY (:ids) AND status IN ('active', 'paused') RETURNING id
        """,
        {"ids": list(enrollment_ids), "now": now, "ending": ending.value, "reason": reason, "actor": actor},
        "unenroll",
        actor,
        now,
    )


def finish(connection: Connection, enrollment_ids: Sequence[int], actor: str, now: datetime) -> int:
    """Finish enrollments before their last step: the purpose is achieved, and they count as finished. Returns how many.

    Whoever is merely to get nothing more is unenrolled.
    """
    return _changed(
        connection,
        """
        UPDATE enrollments
        SET status = 'finished', ended_by = :actor, ended_at = :now, due_at = NULL, remaining_delay = NULL,
            held_reason = NULL, held_until = NULL, paused_at = NULL
        WHERE id = ANY (:ids) AND status IN ('active', 'paused') RETURNING id
        """,
        {"ids": list(enrollment_ids), "now": now, "actor": actor},
        "finish",
        actor,
        now,
    )


def resume(connection: Connection, enrollment_ids: Sequence[int], actor: str, now: datetime) -> int:
    """Resume paused enrollments: the rest of the delay runs on, within the sequence's days and window.

    One that waits for a to-do goes on waiting. Returns how many.
    """
    paused = connection.execute(
        text("""
            SELECT id, sequence_version_id, remaining_delay, last_ran_at IS NULL AS is_first, time_zone, country,
                   CAST(nullif(overrides, '{}') AS text) AS overrides
            FROM enrollments WHERE id = ANY (:ids) AND status = 'paused' FOR UPDATE
        """),
        {"ids": list(enrollment_ids)},
    ).all()
    versions = sequences_by_version(connection, {row.sequence_version_id for row in paused})
    due = [_due(row, versions, now) for row in paused]
    return _changed(
        connection,
        """
        UPDATE enrollments e
        SET status = 'active', paused_at = NULL, paused_by = NULL, paused_reason = NULL, remaining_delay = NULL,
            due_at = r.due_at, expected_at = r.due_at
        FROM unnest(CAST(:ids AS bigint[]), CAST(:due AS timestamptz[])) AS r(id, due_at)
        WHERE e.id = r.id AND e.status = 'paused' RETURNING e.id
        """,
        {"ids": [row.id for row in paused], "due": due},
        "resume",
        actor,
        now,
    )


def _due(row: Any, versions: Mapping[int, ContactSequence], now: datetime) -> datetime | None:
    if row.remaining_delay is None:
        return None
    left: timedelta = row.remaining_delay
    sequence = own_sequence(versions[row.sequence_version_id], row.overrides)
    return run_after(sequence, row.is_first, now, left, row.time_zone, row.country)


def _changed(
    connection: Connection,
    statement: str,
    parameters: dict[str, Any],
    kind: str,
    actor: str,
    now: datetime,
    reason: str | None = None,
) -> int:
    """Run an update and keep who did it, as events of the enrollments."""
    ids = list(connection.scalars(text(statement), parameters))
    driver_connection(connection).execute(
        """
        INSERT INTO events (kind, contact_id, enrollment_id, at, actor, data)
        SELECT %s, contact_id, id, %s, %s, %s FROM enrollments WHERE id = ANY (%s)
        """,
        [kind, now, actor, Jsonb({"reason": reason} if reason else {}), ids],
    )
    return len(ids)
