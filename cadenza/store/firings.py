"""Which signals did rules take up, and what became of each?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Engine, text

from cadenza.domain.contact import CONTACT_FIELDS
from cadenza.domain.enrollment import Ending
from cadenza.domain.refusals import CATALOGUE
from cadenza.store import database
from cadenza.store.enrollments import unenroll

#: One process at a time lets firings take effect; a killed one's lock goes with its connection.
_EFFECTS: Final = 7268
#: Who ends an enrollment when a rule does.
ACTOR: Final = "automation"


@dataclass(frozen=True, slots=True)
class DueFirings:
    """Contacts that rules enroll now in one sequence, from one sender."""

    sequence: str
    #: A user's handle.
    sender: str
    firing_ids: tuple[int, ...]
    contact_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Firing:
    """What one rule did about one signal."""

    contact_id: int
    signal: str
    fired_at: datetime
    due_at: datetime
    state: str
    code: str | None

    @property
    def remedy(self) -> str:
        """What to do about a refusal."""
        return CATALOGUE[self.code].remedy if self.code else ""


@contextmanager
def alone(engine: Engine) -> Iterator[bool]:
    """Whether no other process lets firings take effect while the block lasts."""
    with database.autocommit(engine) as owner:
        owner.detach()  # so that closing it lets go of the lock
        yield bool(owner.scalar(text(f"SELECT pg_try_advisory_lock({_EFFECTS})")))


#: Whether a signal ``s`` is what a rule ``r`` asks for.
MATCHES: Final = """
    s.kind = r.trigger AND CASE s.kind
        WHEN 'page_view' THEN s.name LIKE ANY (r.patterns)
        WHEN 'property' THEN s.name = ANY (r.names)
             AND (r.from_value IS NULL OR lower(s.data ->> 'from') = r.from_value)
             AND (r.to_value IS NULL OR lower(s.data ->> 'to') = r.to_value)
        ELSE r.names = '{}' OR s.name = ANY (r.names)
    END
"""

_FIRE: Final = f"""
    INSERT INTO automation_firings (rule_id, signal_id, contact_id, fired_at, due_at, state)
    SELECT r.id, s.id, s.contact_id, :now, least(s.at, :now) + r.delay, 'waiting'
    FROM taken s
    JOIN contacts c ON c.id = s.contact_id
    JOIN automation_rules r ON r.is_on AND r.on_since <= CASE s.kind WHEN 'event' THEN s.at ELSE s.received_at END
     AND {MATCHES}
    ORDER BY s.id, r.id
    ON CONFLICT (rule_id, signal_id) DO NOTHING
"""  # noqa: S608

#: The trigger's opposite, later than the trigger: the contact is off the list again, the property changed again.
_TAKE_BACK: Final = """
    UPDATE automation_firings f SET state = 'cancelled', code = 'TRIGGER_REVERSED', settled_at = :now
    FROM taken s JOIN automation_rules r ON s.name = ANY (r.names)
    WHERE f.rule_id = r.id AND f.contact_id = s.contact_id AND f.state = 'waiting' AND f.signal_id < s.id
      AND CASE r.trigger
          WHEN 'enters_list' THEN s.kind = 'leaves_list'
          WHEN 'leaves_list' THEN s.kind = 'enters_list'
          WHEN 'property' THEN s.kind = 'property' AND CASE
              WHEN r.to_value IS NULL THEN lower(s.data ->> 'to') = r.from_value
              ELSE lower(s.data ->> 'to') <> r.to_value END
          ELSE false END
"""

_ONCE: Final = """
    UPDATE automation_firings f SET state = 'refused', code = 'RULE_FIRED_BEFORE', settled_at = :now
    FROM automation_rules r
    WHERE r.id = f.rule_id AND r.action = 'enroll' AND NOT r.is_repeating AND f.state = 'waiting'
      AND f.signal_id IN (SELECT id FROM taken)
      AND EXISTS (SELECT FROM automation_firings e
                  WHERE e.rule_id = f.rule_id AND e.contact_id = f.contact_id AND e.id < f.id
                    AND e.state IN ('waiting', 'enrolled'))
"""


def fire(connection: Connection, now: datetime) -> None:
    """Match the signals in the temporary table ``taken`` with every rule that is on; each match becomes a firing."""
    for statement in (_FIRE, _TAKE_BACK, _ONCE):
        connection.execute(text(statement), {"now": now})


#: The sender of each contact: a user by handle, or by the address in a property, else the rule's other one.
SENDER: Final = """
    CROSS JOIN LATERAL (
        SELECT nullif(lower(btrim(CASE WHEN r.sender_property = ANY (:contact_fields)
                                       THEN to_jsonb(c) ->> r.sender_property
                                       ELSE c.properties ->> r.sender_property END)), '') AS address
    ) said
    LEFT JOIN users owner ON owner.email = said.address
    CROSS JOIN LATERAL (
        SELECT CASE WHEN r.sender IS NOT NULL THEN r.sender
                    WHEN owner.is_active THEN owner.handle
                    ELSE coalesce(r.fallback_sender, owner.handle) END AS handle,
               CASE WHEN said.address IS NULL THEN 'OWNER_PROPERTY_EMPTY' ELSE 'SENDER_MISSING' END AS code
    ) sender
"""
SENDER_PARAMETERS: Final[dict[str, Any]] = {"contact_fields": list(CONTACT_FIELDS)}

_DUE: Final = f"""
    SELECT q.name AS sequence, sender.handle, array_agg(f.id) AS firing_ids,
           array_agg(DISTINCT f.contact_id) AS contact_ids
    FROM (SELECT * FROM automation_firings WHERE state = 'waiting' AND due_at <= :now ORDER BY due_at LIMIT :size) f
    JOIN automation_rules r ON r.id = f.rule_id AND r.action = 'enroll'
    JOIN sequences q ON q.id = r.sequence_id
    JOIN contacts c ON c.id = f.contact_id
    {SENDER}
    GROUP BY 1, 2 ORDER BY 1, 2
"""  # noqa: S608

#: What is decided without looking at enrollments: the rule is off, the contact is gone, nobody sends.
_DECIDE: Final = f"""
    UPDATE automation_firings done SET state = d.state, code = d.code, settled_at = :now
    FROM (
        SELECT f.id, CASE WHEN r.is_on THEN 'refused' ELSE 'cancelled' END AS state,
               CASE WHEN NOT r.is_on THEN 'AUTOMATION_OFF' WHEN c.id IS NULL THEN 'CONTACT_NOT_FOUND' ELSE sender.code
               END AS code
        FROM automation_firings f
        JOIN automation_rules r ON r.id = f.rule_id
        LEFT JOIN contacts c ON c.id = f.contact_id
        {SENDER}
        WHERE f.state = 'waiting' AND f.due_at <= :now
          AND (NOT r.is_on OR c.id IS NULL OR r.action = 'enroll' AND sender.handle IS NULL)
    ) d
    WHERE done.id = d.id
"""  # noqa: S608


def anything_due(connection: Connection, now: datetime) -> bool:
    """Whether firings wait whose time has come."""
    return bool(
        connection.scalar(
            text("SELECT EXISTS (SELECT FROM automation_firings WHERE state = 'waiting' AND due_at <= :now)"),
            {"now": now},
        )
    )


def is_any_rule_on(connection: Connection) -> bool:
    """Whether anybody would notice signals."""
    return bool(connection.scalar(text("SELECT EXISTS (SELECT FROM automation_rules WHERE is_on)")))


def due_firings(connection: Connection, size: int, now: datetime) -> list[DueFirings]:
    """Whom to enroll now, by sequence and sender; what cannot be enrolled for want of a sender is settled."""
    connection.execute(text(_DECIDE), SENDER_PARAMETERS | {"now": now})
    rows = connection.execute(text(_DUE), SENDER_PARAMETERS | {"size": size, "now": now})
    return [DueFirings(row.sequence, row.handle, tuple(row.firing_ids), tuple(row.contact_ids)) for row in rows]


def hand_to_batch(connection: Connection, firing_ids: Sequence[int], batch_id: int) -> None:
    """Note which batch judges firings, before it does: whoever comes after a crash finds out what became of them."""
    connection.execute(
        text("UPDATE automation_firings SET batch_id = :batch_id WHERE id = ANY (:ids) AND state = 'waiting'"),
        {"ids": list(firing_ids), "batch_id": batch_id},
    )


def settle(connection: Connection, now: datetime) -> dict[str, int]:
    """Note what batches decided about firings, also those of a process that was killed; how many ended how.

    Of several firings of a contact the first enrolled it. What a batch did not come to waits for another one.
    """
    return dict(Counter(connection.scalars(text(_SETTLE), {"now": now})))


_SETTLE: Final = """
    UPDATE automation_firings done SET state = d.state, code = d.code, settled_at = :now
    FROM (
        SELECT f.id,
               CASE WHEN e.id IS NOT NULL AND f.place = 1 THEN 'enrolled' ELSE 'refused' END AS state,
               CASE WHEN e.id IS NULL THEN x.code WHEN f.place > 1 THEN 'ALREADY_IN_THIS_SEQUENCE' END AS code
        FROM (SELECT id, batch_id, contact_id,
                     row_number() OVER (PARTITION BY batch_id, contact_id ORDER BY id) AS place
              FROM automation_firings WHERE state = 'waiting' AND batch_id IS NOT NULL) f
        LEFT JOIN enrollments e ON e.batch_id = f.batch_id AND e.contact_id = f.contact_id
        LEFT JOIN LATERAL (
            SELECT code FROM refusals r
            WHERE r.batch_id = f.batch_id AND r.contact_id = f.contact_id AND r.outcome = 'refused' AND r.is_reason
            LIMIT 1
        ) x ON true
        WHERE e.id IS NOT NULL OR x.code IS NOT NULL
    ) d
    WHERE done.id = d.id
    RETURNING done.state
"""


def give_up(connection: Connection, firing_ids: Sequence[int], now: datetime) -> None:
    """Refuse firings that nothing can be done about."""
    connection.execute(
        text("""
            UPDATE automation_firings SET state = 'refused', code = 'INTERNAL', settled_at = :now
            WHERE id = ANY (:ids) AND state = 'waiting'
        """),
        {"ids": list(firing_ids), "now": now},
    )


def end_enrollments(connection: Connection, size: int, now: datetime) -> int:
    """Unenroll whom due rules unenroll, and cancel what waits to enroll them in that sequence; how many ended."""
    due = connection.execute(
        text("""
            SELECT f.id, f.signal_id, f.contact_id, r.sequence_id, coalesce(r.definition ->> 'reason', '') AS reason,
                   e.id AS enrollment_id
            FROM (SELECT * FROM automation_firings WHERE state = 'waiting' AND due_at <= :now
                  ORDER BY due_at LIMIT :size FOR UPDATE SKIP LOCKED) f
            JOIN automation_rules r ON r.id = f.rule_id AND r.action = 'unenroll' AND r.is_on
            LEFT JOIN enrollments e ON e.contact_id = f.contact_id AND e.sequence_id = r.sequence_id
                                   AND e.status IN ('active', 'paused')
        """),
        {"size": size, "now": now},
    ).all()
    if not due:
        return 0
    connection.execute(
        text("""
            UPDATE automation_firings f SET state = 'cancelled', code = 'TRIGGER_REVERSED', settled_at = :now
            FROM automation_rules r, unnest(CAST(:contacts AS bigint[]), CAST(:sequences AS bigint[]),
                                            CAST(:signals AS bigint[])) AS ended(contact_id, sequence_id, signal_id)
            WHERE r.id = f.rule_id AND r.action = 'enroll' AND r.sequence_id = ended.sequence_id
              AND f.contact_id = ended.contact_id AND f.state = 'waiting' AND f.signal_id < ended.signal_id
        """),
        {
            "contacts": [row.contact_id for row in due],
            "sequences": [row.sequence_id for row in due],
            "signals": [row.signal_id for row in due],
            "now": now,
        },
    )
    ended = 0
    for reason in {row.reason for row in due}:
        ids = list({row.enrollment_id for row in due if row.reason == reason and row.enrollment_id})
        ended += unenroll(connection, ids, ACTOR, now, ending=Ending.REMOVED, reason=reason or "AUTOMATION")
    connection.execute(
        text("""
            UPDATE automation_firings f
            SET state = CASE WHEN d.is_ended THEN 'unenrolled' ELSE 'refused' END,
                code = CASE WHEN d.is_ended THEN NULL ELSE 'NOT_IN_THIS_SEQUENCE' END, settled_at = :now
            FROM unnest(CAST(:ids AS bigint[]), CAST(:ended AS boolean[])) AS d(id, is_ended)
            WHERE f.id = d.id
        """),
        {"ids": [row.id for row in due], "ended": [row.enrollment_id is not None for row in due], "now": now},
    )
    return ended


def list_firings(connection: Connection, rule_id: int, limit: int) -> list[Firing]:
    """What a rule did, the latest first."""
    rows = connection.execute(
        text("""
            SELECT f.contact_id, coalesce(s.kind || ' ' || s.name, '') AS signal, f.fired_at, f.due_at, f.state, f.code
            FROM automation_firings f LEFT JOIN signals s ON s.id = f.signal_id
            WHERE f.rule_id = :rule_id ORDER BY f.id DESC LIMIT :limit
        """),
        {"rule_id": rule_id, "limit": limit},
    )
    return [Firing(**row._mapping) for row in rows]
