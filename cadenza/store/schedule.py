"""Which steps come next, and when? And how does a person choose another time for one?"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from psycopg.types.json import Jsonb
from sqlalchemy import Connection, text

from cadenza.domain.advance import opens_at
from cadenza.domain.cadence import first_due
from cadenza.domain.overrides import own_sequence
from cadenza.domain.zones import zone_of
from cadenza.errors import NotFound, WrongUse
from cadenza.store.choices import Choice, contacts_named, running
from cadenza.store.database import driver_connection
from cadenza.store.enrollments import HELD_REASON
from cadenza.store.sequences import sequences_by_version


@dataclass(frozen=True, slots=True)
class Coming:
    """The next step of a contact."""

    enrollment_id: int
    contact_id: int
    name: str
    email: str
    sequence: str
    sender: str
    position: int
    steps: int
    kind: str
    time_zone: str
    #: When it may run, and when the mailbox's limits and holds let it go.
    due_at: datetime
    expected_at: datetime
    held_reason: str | None


def coming_steps(
    connection: Connection,
    *,
    sequence: str | None = None,
    sender: str | None = None,
    contact: str | None = None,
    until: datetime | None = None,
    limit: int = 100,
) -> list[Coming]:
    """The next step of each active enrollment, the soonest first; ``contact`` is an id or an address.

    Raises:
        NotFound: there is no such contact.
    """
    contacts = None if contact is None else contacts_named(connection, contact)
    rows = connection.execute(
        text(f"""
            SELECT e.id AS enrollment_id, e.contact_id, btrim(concat_ws(' ', c.first_name, c.last_name)) AS name,
                   e.to_address AS email, s.name AS sequence, u.handle AS sender, e.next_position AS position,
                   jsonb_array_length(v.definition -> 'steps') AS steps, e.next_kind AS kind, e.time_zone, e.due_at,
                   greatest(e.due_at, e.expected_at, e.held_until) AS expected_at,
                   {HELD_REASON} AS held_reason
            FROM enrollments e
            JOIN contacts c ON c.id = e.contact_id
            JOIN sequences s ON s.id = e.sequence_id
            JOIN sequence_versions v ON v.id = e.sequence_version_id
            JOIN mailboxes m ON m.id = e.mailbox_id
            JOIN users u ON u.id = e.user_id
            WHERE e.status = 'active' AND e.due_at IS NOT NULL
              AND (CAST(:sequence AS text) IS NULL OR s.name = :sequence)
              AND (CAST(:sender AS text) IS NULL OR u.handle = :sender)
              AND (CAST(:contacts AS bigint[]) IS NULL OR e.contact_id = ANY (:contacts))
              AND (CAST(:until AS timestamptz) IS NULL OR e.due_at <= :until)
            ORDER BY greatest(e.due_at, e.expected_at, e.held_until), e.id LIMIT :limit
        """),  # noqa: S608,
        {"sequence": sequence, "sender": sender, "contacts": contacts, "until": until, "limit": limit},
    )
    return [Coming(**row._mapping) for row in rows]


def reschedule(connection: Connection, contact: str, at: datetime, actor: str, now: datetime) -> Coming:
    """Let a contact's next step run at another time; ``contact`` is an id or an address.

    Raises:
        NotFound: the contact is in no sequence.
        WrongUse: as ``reschedule_enrollment``.
    """
    return reschedule_enrollment(connection, running(connection, Choice(contact=contact))[0], at, actor, now)


def reschedule_enrollment(connection: Connection, id_: int, at: datetime, actor: str, now: datetime) -> Coming:
    """Let an enrollment's next step run at another time: local to the contact, naive. Delays after it count from there.

    Raises:
        NotFound: it does not run.
        WrongUse: the time has passed, or is not one at which the sequence's follow-ups may run (names the next one that
            is); the enrollment is paused, waits for a to-do, or its mail is leaving.
    """
    row = connection.execute(
        text("""
            SELECT e.status, e.contact_id, e.next_kind, e.due_at, e.sequence_version_id, e.time_zone, e.country,
                   CAST(nullif(e.overrides, '{}') AS text) AS overrides,
                   e.last_ran_at IS NULL AS is_first,
                   EXISTS (SELECT FROM deliveries d WHERE d.enrollment_id = e.id AND d.position = e.next_position
                           AND d.state IN ('claimed', 'in_flight')) AS is_leaving
            FROM enrollments e WHERE e.id = :id AND e.status IN ('active', 'paused') FOR NO KEY UPDATE
        """),
        {"id": id_},
    ).one_or_none()
    if row is None:
        raise NotFound(f"The enrollment {id_} does not run: it is not there, or has ended.")
    if row.status == "paused":
        raise WrongUse(f"The enrollment of contact {row.contact_id} is paused: resume it first.")
    if row.is_leaving:
        raise WrongUse(f"The mail to contact {row.contact_id} is leaving right now.")
    if row.due_at is None:
        raise WrongUse(f"The sequence of contact {row.contact_id} waits for a to-do or a decision, not for a time.")
    due_at = first_due(now, row.time_zone, at)
    if due_at < now:
        raise WrongUse(f"{at:%Y-%m-%d %H:%M} has passed in {row.time_zone}: choose a later time.")
    stored = sequences_by_version(connection, [row.sequence_version_id])[row.sequence_version_id]
    sequence = own_sequence(stored, row.overrides)
    opens = None if row.is_first else opens_at(sequence, due_at, row.time_zone, row.country)
    if opens:
        local = opens.astimezone(zone_of(row.time_zone))
        raise WrongUse(
            f"Follow-ups of {sequence.name} do not run on {at:%A %Y-%m-%d %H:%M}: the next time is "
            f"{local:%A %Y-%m-%d %H:%M}."
        )
    connection.execute(
        text("UPDATE enrollments SET due_at = :due_at, expected_at = :due_at WHERE id = :id"),
        {"id": id_, "due_at": due_at},
    )
    driver_connection(connection).execute(
        """
        INSERT INTO events (kind, contact_id, enrollment_id, at, noted_at, actor, data)
        SELECT 'reschedule', contact_id, id, %s, %s, %s, %s FROM enrollments WHERE id = %s
        """,
        [now, now, actor, Jsonb({"from": row.due_at.isoformat(), "to": due_at.isoformat()}), id_],
    )
    return next(one for one in coming_steps(connection, contact=str(row.contact_id)) if one.enrollment_id == id_)
