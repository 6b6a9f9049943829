"""What do the automations of a sequence file say?"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from cadenza.domain.automation import OWNER_PROPERTY, Action, PageMatch, Rule, Trigger, TriggerKind
from cadenza.domain.contact import property_name
from cadenza.errors import SequenceInvalid
from cadenza.mail.yaml_tree import Item, Problems, read_tree

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_DELAY: Final = re.compile(r"(\d{1,6})(?:\s*(minute|hour|day)s?)?")
_MINUTES: Final = {None: 1, "minute": 1, "hour": 60, "day": 1440}
#: What a trigger may be: how it is written, and what it is.
_TRIGGERS: Final = {
    "form": TriggerKind.FORM,
    "page_equals": TriggerKind.PAGE_VIEW,
    "page_contains": TriggerKind.PAGE_VIEW,
    "page_matches": TriggerKind.PAGE_VIEW,
    "enters_list": TriggerKind.ENTERS_LIST,
    "leaves_list": TriggerKind.LEAVES_LIST,
    "property": TriggerKind.PROPERTY,
    "event": TriggerKind.EVENT,
}
#: The longest delay, rules of one sequence, and names in one trigger.
LONGEST_DELAY_DAYS: Final = 365
MOST_RULES: Final = 100
MOST_NAMES: Final = 50


def read_rules(item: Item | None) -> tuple[Rule, ...]:
    """The rules in order; what is wrong with them is noted."""
    rules: dict[str, Rule] = {}
    for one in item.items() if item else ():
        rule = _rule(one)
        if rule is None:
            continue
        if rule.name in rules:
            one.wrong(f"another automation is named {rule.name!r} too.")
        rules[rule.name] = rule
    if item and len(rules) > MOST_RULES:
        item.wrong(f"a sequence has at most {MOST_RULES} automations.")
    return tuple(rules.values())


def parse_rule(definition: Mapping[str, Any], name: str) -> Rule:
    """The rule that an entry below ``automations`` defines, given as data.

    Raises:
        SequenceInvalid: names every mistake with its field and what may stand there.
    """
    problems = Problems()
    tree = read_tree(json.dumps({"name": name, **definition}, ensure_ascii=False), problems)
    rule = _rule(tree) if tree else None
    if rule is None or problems.found:
        raise SequenceInvalid("\n".join(dict.fromkeys(problem for _, problem in problems.found)))
    return rule


def _rule(item: Item) -> Rule | None:
    entries = item.fields(
        ("name", "when", "do", "delay", "sender", "reason", "repeat", "active"), required=("name", "when")
    )
    name, when = entries.get("name"), entries.get("when")
    if name is None or when is None:
        return None
    if not _NAME.fullmatch(name.text().strip()):
        name.wrong(f"{name.text().strip()!r} is no name: up to 63 small letters, digits, _ and -.")
    trigger = _trigger(when)
    action = Action((entries["do"].one_of(tuple(Action)) if "do" in entries else None) or Action.ENROLL)
    sender, sender_property, fallback = _sender(entries.get("sender"))
    if action is Action.ENROLL and not (sender or sender_property):
        item.wrong("'sender' is missing: write a user's handle, or {property: owner_email}.")
    if action is Action.UNENROLL and "sender" in entries:
        entries["sender"].wrong("only an automation that enrolls has a sender.")
    if action is Action.ENROLL and "reason" in entries:
        entries["reason"].wrong("only an automation that unenrolls has a reason.")
    if trigger is None:
        return None
    return Rule(
        name=name.text().strip(),
        trigger=trigger,
        action=action,
        delay_minutes=_delay(entries.get("delay")),
        sender=sender,
        sender_property=sender_property,
        fallback_sender=fallback,
        reason=entries["reason"].text().strip() if "reason" in entries else "",
        is_repeating=entries["repeat"].yes_or_no() if "repeat" in entries else False,
        is_on=entries["active"].yes_or_no() if "active" in entries else True,
    )


def _trigger(item: Item) -> Trigger | None:
    entries = item.fields((*_TRIGGERS, "from", "to"))
    given = [name for name in entries if name in _TRIGGERS]
    if len(given) != 1:
        item.wrong(f"write exactly one of {', '.join(_TRIGGERS)}.")
        return None
    written = given[0]
    kind, value = _TRIGGERS[written], entries[written]
    ends = {name: entries[name].text().strip() for name in ("from", "to") if name in entries}
    if ends and kind is not TriggerKind.PROPERTY:
        item.wrong("only a property has 'from' and 'to'.")
    names = tuple(dict.fromkeys(one.text().strip() for one in value.items()))
    if kind is TriggerKind.FORM and names == ("any",):
        return Trigger(kind)
    if not all(names) or not 1 <= len(names) <= MOST_NAMES:
        value.wrong(f"write one name here, or a list of at most {MOST_NAMES}; none of them empty.")
    if kind is TriggerKind.PROPERTY and not all(property_name(name) for name in names):
        value.wrong("a property has letters or digits in its name.")
    match = PageMatch(written.removeprefix("page_")) if kind is TriggerKind.PAGE_VIEW else PageMatch.EQUALS
    return Trigger(kind, names, match, ends.get("from"), ends.get("to"))


def _delay(item: Item | None) -> int:
    words = item.text().strip() if item else ""
    if not item or not words:
        return 0
    found = _DELAY.fullmatch(words)
    minutes = int(found[1]) * _MINUTES[found[2]] if found else -1
    if not 0 <= minutes <= LONGEST_DELAY_DAYS * 1440:
        item.wrong(f"{words!r} is no delay: write 30 minutes, 4 hours or 2 days; {LONGEST_DELAY_DAYS} days at most.")
    return minutes


def _sender(item: Item | None) -> tuple[str | None, str | None, str | None]:
    """A user's handle, or a property and whom else."""
    if item is None:
        return None, None, None
    if not item.is_mapping:
        return item.text().strip() or None, None, None
    entries = item.fields(("property", "otherwise"))
    named = property_name(entries["property"].text()) if "property" in entries else OWNER_PROPERTY
    if not named:
        entries["property"].wrong("a property has letters or digits in its name.")
    return None, named, (entries["otherwise"].text().strip() if "otherwise" in entries else "") or None
