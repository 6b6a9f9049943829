"""Whom would a rule have taken?"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, text

from cadenza.store.firings import MATCHES, SENDER, SENDER_PARAMETERS


@dataclass(frozen=True, slots=True)
class Caught:
    """A contact that a rule would have taken, by the first signal that fits."""

    contact_id: int
    signal: str
    at: datetime
    #: A user's handle, or none: ``sender_code`` says why.
    sender: str | None
    sender_code: str
    #: Whether the contact is in the rule's sequence now.
    is_enrolled: bool


def caught(connection: Connection, rule_id: int, since: datetime) -> list[Caught]:
    """The contacts whose kept signals fit a rule, on or off, and those that came onto its static lists; by contact."""
    rows = connection.execute(text(_CAUGHT), SENDER_PARAMETERS | {"rule_id": rule_id, "since": since})
    return [Caught(**row._mapping) for row in rows]


_CAUGHT: Final = f"""
    WITH told AS (
        SELECT id, kind, name, contact_id, data, at FROM signals WHERE received_at >= :since AND contact_id IS NOT NULL
        UNION ALL
        SELECT 0, 'enters_list', l.name, m.contact_id, '{{}}', m.added_at
        FROM automation_rules r JOIN lists l ON l.name = ANY (r.names) JOIN list_members m ON m.list_id = l.id
        WHERE r.id = :rule_id AND r.trigger = 'enters_list' AND m.added_at >= :since
    )
    SELECT DISTINCT ON (c.id) c.id AS contact_id, s.kind || ' ' || s.name AS signal, s.at, sender.handle AS sender,
           sender.code AS sender_code, e.id IS NOT NULL AS is_enrolled
    FROM automation_rules r
    JOIN told s ON {MATCHES}
    JOIN contacts c ON c.id = s.contact_id
    LEFT JOIN enrollments e ON e.contact_id = c.id AND e.sequence_id = r.sequence_id
                           AND e.status IN ('active', 'paused')
    {SENDER}
    WHERE r.id = :rule_id
    ORDER BY c.id, s.at
"""  # noqa: S608
