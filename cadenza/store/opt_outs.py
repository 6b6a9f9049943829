"""Who wants no more mails, or wants them again?

An enrollment names the person: its contact, everybody else with the address that its mails went to, and that address.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from cadenza.domain.enrollment import Ending
from cadenza.domain.opt_out import RECIPIENT, OptOutScope
from cadenza.domain.sequence import Tracking
from cadenza.domain.suppression import OPTED_OUT
from cadenza.store.enrollments import unenroll

#: The people behind enrollments, each with the sender that wrote to them.
_PEOPLE = """
    SELECT contact_id AS id, user_id FROM enrollments WHERE id = ANY (:ids)
    UNION
    SELECT c.id, e.user_id FROM enrollments e JOIN contacts c ON c.email_normalized = e.to_address
    WHERE e.id = ANY (:ids)
"""

#: Rows are locked in one order, so that two opt-outs of a person take turns.
_LOCK = f"""
    WITH people AS ({_PEOPLE})
    SELECT id FROM contacts WHERE id IN (SELECT id FROM people) ORDER BY id FOR NO KEY UPDATE
"""  # noqa: S608

_OUT_OF_ALL = f"""
    WITH people AS ({_PEOPLE}), changed AS (
        UPDATE contacts SET opted_out_at = :now
        WHERE id IN (SELECT id FROM people) AND opted_out_at IS NULL RETURNING id
    ), addresses AS (
        INSERT INTO suppressions (kind, value, reason, source, created_at)
        SELECT DISTINCT 'address', to_address, :reason, :source, CAST(:now AS timestamptz)
        FROM enrollments WHERE id = ANY (:ids)
        ON CONFLICT (kind, value) DO UPDATE SET reason = excluded.reason, source = excluded.source, until = NULL,
                                                created_at = excluded.created_at
        WHERE suppressions.until IS NOT NULL
        RETURNING value
    )
    SELECT id FROM enrollments
    WHERE id = ANY (:ids) AND (contact_id IN (SELECT id FROM changed) OR to_address IN (SELECT value FROM addresses))
"""  # noqa: S608

#: A sender is opted out of at the address that was written to and at the contact's present one.
_OUT_OF_SENDER = """
    WITH added AS (
        INSERT INTO sender_opt_outs (address, user_id, at, source)
        SELECT DISTINCT address, e.user_id, CAST(:now AS timestamptz), :source
        FROM enrollments e
        LEFT JOIN contacts c ON c.id = e.contact_id
        CROSS JOIN unnest(ARRAY[e.to_address, c.email_normalized]) AS address
        WHERE e.id = ANY (:ids) AND address IS NOT NULL
        ON CONFLICT (address, user_id) DO NOTHING
        RETURNING address, user_id
    )
    SELECT e.id FROM enrollments e WHERE e.id = ANY (:ids) AND (e.to_address, e.user_id) IN (SELECT * FROM added)
"""

_RUNNING = f"""
    WITH people AS ({_PEOPLE})
    SELECT DISTINCT r.id FROM enrollments r JOIN people p ON p.id = r.contact_id
    WHERE r.status IN ('active', 'paused') AND (:is_all OR r.user_id = p.user_id)
"""  # noqa: S608

_IN = f"""
    WITH people AS ({_PEOPLE}), changed AS (
        UPDATE contacts SET opted_out_at = NULL
        WHERE id IN (SELECT id FROM people) AND opted_out_at IS NOT NULL RETURNING id
    ), addresses AS (
        DELETE FROM suppressions
        WHERE kind = 'address' AND reason = :reason
          AND value IN (SELECT to_address FROM enrollments WHERE id = ANY (:ids))
        RETURNING value
    ), senders AS (
        DELETE FROM sender_opt_outs o USING enrollments e LEFT JOIN contacts c ON c.id = e.contact_id
        WHERE e.id = ANY (:ids) AND o.user_id = e.user_id AND o.address IN (e.to_address, c.email_normalized)
        RETURNING e.id
    )
    SELECT id FROM enrollments
    WHERE id = ANY (:ids)
      AND (contact_id IN (SELECT id FROM changed) OR to_address IN (SELECT value FROM addresses)
           OR id IN (SELECT id FROM senders))
"""  # noqa: S608

_EVENTS = """
    INSERT INTO events (kind, contact_id, enrollment_id, at, actor, data)
    SELECT :kind, contact_id, id, :now, :actor,
           jsonb_strip_nulls(jsonb_build_object('scope', CAST(:scope AS text), 'source', CAST(:source AS text)))
    FROM enrollments WHERE id = ANY (:changed)
"""


def opt_out(
    connection: Connection, enrollment_ids: Sequence[int], scope: OptOutScope, source: str, now: datetime
) -> int:
    """Write no more to the people behind enrollments; ends what they are in and returns how many enrollments that was.

    May be repeated: the first time counts. Ids that are not there are passed over. ``source`` says in a word where the
    person said so ("one_click", "preferences", "mail").
    """
    given = {"ids": list(enrollment_ids), "now": now, "source": source}
    connection.execute(text(_LOCK), given)
    if scope is OptOutScope.ALL:
        changed = connection.scalars(text(_OUT_OF_ALL), {**given, "reason": OPTED_OUT}).all()
    else:
        changed = connection.scalars(text(_OUT_OF_SENDER), given).all()
    _keep_events(connection, "opt_out", changed, scope.value, source, now)
    running = connection.scalars(text(_RUNNING), {**given, "is_all": scope is OptOutScope.ALL}).all()
    return unenroll(connection, running, RECIPIENT, now, ending=Ending.UNSUBSCRIBED, reason=scope.ending_reason)


def opt_in(connection: Connection, enrollment_ids: Sequence[int], source: str, now: datetime) -> int:
    """Take back what ``opt_out`` did, of everything and of the enrollments' senders; returns for how many of them.

    Bounces, complaints and suppressions of other origin stay, and so does the end of what had been running.
    """
    given = {"ids": list(enrollment_ids)}
    connection.execute(text(_LOCK), given)
    changed = connection.scalars(text(_IN), {**given, "reason": OPTED_OUT}).all()
    _keep_events(connection, "opt_in", changed, None, source, now)
    return len(changed)


@dataclass(frozen=True, slots=True)
class Choice:
    """What the person behind an enrollment has chosen so far."""

    #: Where the mails went, and from whom they are.
    address: str
    sender: str
    #: Of the sequence's version, as its author wrote it.
    language: str
    is_out_of_all: bool
    is_out_of_sender: bool
    #: We write there never again for another reason (a complaint, an entry of ours), whatever the person chooses.
    is_barred: bool
    #: Neither opens nor clicks of this person are noted.
    is_untracked: bool = False
    #: What the sequence's version notes of its mails; None: what the installation does.
    tracking: Tracking | None = None


def choice_of(connection: Connection, enrollment_id: int) -> Choice | None:
    """What the person behind an enrollment has chosen; None: we know nothing of that enrollment any more."""
    row = connection.execute(
        text("""
            SELECT e.to_address AS address, coalesce(nullif(btrim(m.display_name), ''), u.name) AS sender,
                   coalesce(v.definition ->> 'language', '') AS language,
                   c.opted_out_at IS NOT NULL OR coalesce(s.reason = :reason, false) AS is_out_of_all,
                   o.user_id IS NOT NULL AS is_out_of_sender,
                   c.complained_at IS NOT NULL OR coalesce(s.reason <> :reason, false) AS is_barred,
                   c.untracked_at IS NOT NULL AS is_untracked, v.definition -> 'tracking' AS tracking
            FROM enrollments e
            JOIN contacts c ON c.id = e.contact_id
            JOIN users u ON u.id = e.user_id
            JOIN mailboxes m ON m.id = e.mailbox_id
            JOIN sequence_versions v ON v.id = e.sequence_version_id
            LEFT JOIN suppressions s ON s.kind = 'address' AND s.value = e.to_address AND s.until IS NULL
            LEFT JOIN sender_opt_outs o ON o.address = e.to_address AND o.user_id = e.user_id
            WHERE e.id = :id
        """),
        {"id": enrollment_id, "reason": OPTED_OUT},
    ).first()
    if row is None:
        return None
    return Choice(**{**row._mapping, "tracking": Tracking(*row.tracking) if row.tracking else None})


def choose_tracking(connection: Connection, enrollment_id: int, is_tracked: bool, source: str, now: datetime) -> None:
    """Note no opens and clicks of the person behind an enrollment any more, or again; may be repeated."""
    connection.execute(text(_LOCK), {"ids": [enrollment_id]})
    changed = connection.execute(
        text(f"""
            WITH people AS ({_PEOPLE})
            UPDATE contacts SET untracked_at = CASE WHEN :is_tracked THEN NULL ELSE CAST(:now AS timestamptz) END
            WHERE id IN (SELECT id FROM people) AND (untracked_at IS NULL) <> :is_tracked
        """),  # noqa: S608
        {"ids": [enrollment_id], "is_tracked": is_tracked, "now": now},
    ).rowcount
    _keep_events(
        connection, "track" if is_tracked else "untrack", [enrollment_id] if changed else [], None, source, now
    )


def _keep_events(
    connection: Connection, kind: str, changed: Sequence[int], scope: str | None, source: str, now: datetime
) -> None:
    connection.execute(
        text(_EVENTS),
        {"kind": kind, "changed": list(changed), "scope": scope, "source": source, "actor": RECIPIENT, "now": now},
    )
