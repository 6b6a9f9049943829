"""Which rules do sequences have, and which of them are on?"""

from __future__ import annotations

import difflib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, text

from cadenza.domain.automation import Rule
from cadenza.errors import NotFound
from cadenza.store.watches import watch_what_rules_ask


@dataclass(frozen=True, slots=True)
class StoredRule:
    """A rule with its sequence and what it has done so far."""

    id: int
    sequence: str
    rule: Rule
    is_on: bool
    on_since: datetime | None
    #: How many firings ended in each state.
    counts: dict[str, int]


_STORED = """
    SELECT r.id, q.name AS sequence, r.definition, r.is_on, r.on_since,
           coalesce((SELECT jsonb_object_agg(f.state, f.n)
                     FROM (SELECT state, count(*) AS n FROM automation_firings WHERE rule_id = r.id GROUP BY 1) f),
                    '{}') AS counts
    FROM automation_rules r JOIN sequences q ON q.id = r.sequence_id
    WHERE r.removed_at IS NULL
"""


def replace_rules(connection: Connection, sequence_id: int, rules: Sequence[Rule], now: datetime) -> None:
    """Let these be the rules that a sequence has from its file; those of other origin stay.

    A rule that says the same as before stays switched as it is. What waits for one that is gone is cancelled.
    """
    connection.execute(
        text("""
            UPDATE automation_rules SET removed_at = :now, is_on = false, updated_at = :now
            WHERE sequence_id = :sequence_id AND is_from_file AND removed_at IS NULL AND NOT name = ANY (:names)
        """),
        {"sequence_id": sequence_id, "names": [rule.name for rule in rules], "now": now},
    )
    for rule in rules:
        _store(connection, sequence_id, rule, now, is_from_file=True)
    watch_what_rules_ask(connection)


def save_rule(connection: Connection, sequence_id: int, rule: Rule, now: datetime) -> None:
    """Store a rule that comes from no file, or change the one of that name."""
    _store(connection, sequence_id, rule, now, is_from_file=False)
    watch_what_rules_ask(connection)


def remove_rule(connection: Connection, rule_id: int, now: datetime) -> None:
    """Take a rule away; what waits for it is cancelled. Loading a file that has it brings it back."""
    connection.execute(
        text("UPDATE automation_rules SET removed_at = :now, is_on = false, updated_at = :now WHERE id = :id"),
        {"id": rule_id, "now": now},
    )
    watch_what_rules_ask(connection)


def switch_rule(connection: Connection, rule_id: int, is_on: bool, now: datetime) -> bool:
    """Switch a rule on or off; whether that changed anything. What came before it was on does not count."""
    changed = connection.execute(
        text("""
            UPDATE automation_rules
            SET is_on = :is_on, on_since = CASE WHEN :is_on THEN CAST(:now AS timestamptz) END, updated_at = :now
            WHERE id = :id AND is_on <> :is_on
        """),
        {"id": rule_id, "is_on": is_on, "now": now},
    )
    watch_what_rules_ask(connection)
    return changed.rowcount > 0


def list_rules(connection: Connection, sequence: str | None = None) -> list[StoredRule]:
    """The rules of a sequence, or of all, by name."""
    rows = connection.execute(
        text(f"{_STORED} AND (CAST(:sequence AS text) IS NULL OR q.name = :sequence) ORDER BY q.name, r.name"),
        {"sequence": sequence},
    )
    return [_stored(row) for row in rows]


def find_rule(connection: Connection, sequence: str, name: str) -> StoredRule:
    """A rule of a sequence.

    Raises:
        NotFound: names the rules whose names come nearest.
    """
    rules = {one.rule.name: one for one in list_rules(connection, sequence)}
    if name not in rules:
        near = difflib.get_close_matches(name, rules, n=3, cutoff=0.4) or list(rules)[:3]
        hint = f"Is it {' or '.join(repr(one) for one in near)}?" if near else "It has none."
        raise NotFound(f"The sequence {sequence!r} has no automation {name!r}. {hint}")
    return rules[name]


def _store(connection: Connection, sequence_id: int, rule: Rule, now: datetime, *, is_from_file: bool) -> None:
    trigger = rule.trigger
    connection.execute(
        text("""
            INSERT INTO automation_rules
                   (sequence_id, name, definition, trigger, names, patterns, from_value, to_value, action, delay,
                    is_repeating, sender, sender_property, fallback_sender, is_from_file, is_on, on_since,
                    created_at, updated_at)
            VALUES (:sequence_id, :name, CAST(:definition AS jsonb), :trigger, :names, :patterns, :from_value,
                    :to_value, :action, :delay, :is_repeating, :sender, :sender_property, :fallback_sender,
                    :is_from_file, :is_on, CASE WHEN :is_on THEN CAST(:now AS timestamptz) END, :now, :now)
            ON CONFLICT (sequence_id, name) DO UPDATE
               SET definition = excluded.definition, trigger = excluded.trigger, names = excluded.names,
                   patterns = excluded.patterns, from_value = excluded.from_value, to_value = excluded.to_value,
                   action = excluded.action, delay = excluded.delay, is_repeating = excluded.is_repeating,
                   sender = excluded.sender, sender_property = excluded.sender_property,
                   fallback_sender = excluded.fallback_sender, is_from_file = excluded.is_from_file,
                   is_on = excluded.is_on, on_since = excluded.on_since, updated_at = excluded.updated_at,
                   removed_at = NULL
             WHERE automation_rules.definition <> excluded.definition OR automation_rules.removed_at IS NOT NULL
        """),
        {
            "sequence_id": sequence_id,
            "name": rule.name,
            "definition": json.dumps(rule.as_definition(), ensure_ascii=False),
            "trigger": trigger.kind.value,
            "names": trigger.matched_names,
            "patterns": trigger.patterns,
            "from_value": _plain(trigger.from_value),
            "to_value": _plain(trigger.to_value),
            "action": rule.action.value,
            "delay": timedelta(minutes=rule.delay_minutes),
            "is_repeating": rule.is_repeating,
            "sender": rule.sender,
            "sender_property": rule.sender_property,
            "fallback_sender": rule.fallback_sender,
            "is_from_file": is_from_file,
            "is_on": rule.is_on,
            "now": now,
        },
    )


def _plain(value: str | None) -> str | None:
    """A value as it is compared."""
    return None if value is None else value.strip().lower()


def _stored(row: Row[Any]) -> StoredRule:
    return StoredRule(row.id, row.sequence, Rule.from_definition(row.definition), row.is_on, row.on_since, row.counts)
