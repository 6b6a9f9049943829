"""The rules of a sequence: stored with it, switched by people."""

from __future__ import annotations

import pytest

from cadenza.domain.automation import Rule, Trigger, TriggerKind
from cadenza.errors import NotFound
from cadenza.store import automations
from cadenza.store.database import transaction


def rule(name: str, form: str = "demo", **fields) -> Rule:
    return Rule(name, Trigger(TriggerKind.FORM, (form,)), sender="ana", **fields)


@pytest.fixture
def state(world):
    """The rules that there are, and whether they are on."""

    def state() -> dict[str, bool]:
        with transaction(world.runtime.engine) as connection:
            return {one.rule.name: one.is_on for one in automations.list_rules(connection, "hello")}

    return state


def switch(world, name: str, *, is_on: bool) -> bool:
    with transaction(world.runtime.engine) as connection:
        return automations.switch_rule(
            connection, automations.find_rule(connection, "hello", name).id, is_on, world.now
        )


def test_a_file_brings_changes_and_takes_rules_and_leaves_the_switch_and_others_alone(world, state):
    version = world.sequence(automations=(rule("a"), rule("b", is_on=False)))
    assert state() == {"a": True, "b": False}
    assert (switch(world, "a", is_on=False), switch(world, "a", is_on=False)) == (True, False)
    sequence_id = world.one("SELECT sequence_id FROM sequence_versions")
    with transaction(world.runtime.engine) as connection:
        automations.save_rule(connection, sequence_id, rule("of the API"), world.now)
    assert world.sequence(automations=(rule("a"), rule("b", is_on=False))) == version, "rules make no new version"
    assert state() == {"a": False, "b": False, "of the API": True}
    world.sequence(automations=(rule("a", form="other"),))
    assert state() == {"a": True, "of the API": True}
    world.sequence()
    assert state() == {"a": True, "of the API": True}, "who says nothing of rules changes none"
    world.sequence(automations=())
    assert state() == {"of the API": True}


def test_who_is_not_found_is_told_the_nearest_name(world):
    world.sequence(automations=(rule("contact-form"),))
    with transaction(world.runtime.engine) as connection, pytest.raises(NotFound, match="Is it 'contact-form'"):
        automations.find_rule(connection, "hello", "contact_form")
