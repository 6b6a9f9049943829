"""Automations are shown, tried and switched from the command line."""

from __future__ import annotations

import pytest

from cadenza.domain.automation import Rule, Signal, Trigger, TriggerKind
from cadenza.store.database import transaction
from cadenza.store.signals import keep_signals


@pytest.fixture
def cadenza(terminal, database_url, world):
    """Runs a command about the automations of "hello", which has one; returns what it says on one line."""
    world.mailbox("ana")
    demo = Rule("demo", Trigger(TriggerKind.FORM, ("request",)), delay_minutes=120, sender="ana", is_on=False)
    world.sequence(automations=(demo,))
    [kim, lee] = world.contacts(2)
    world.rows("UPDATE contacts SET bounced_at = now() WHERE id = :lee", lee=lee)
    # The command reads the clock of the database.
    now = world.one("SELECT now()")
    signals = [Signal(TriggerKind.FORM, f"form:{id}", "request", now, contact_id=id) for id in (kim, lee)]
    with transaction(world.runtime.engine) as connection:
        keep_signals(connection, signals, now)

    def run(*arguments: str, code: int = 0) -> str:
        done = terminal.run("automation", *arguments, CADENZA_DATABASE_URL=database_url)
        assert done.returncode == code, done.stderr
        return " ".join((done.stdout if code == 0 else done.stderr).split())

    return run


def test_an_automation_is_tried_before_it_is_switched_on(cadenza, world):
    assert "demo off form request is submitted enroll after 2 hours" in cadenza("list", "hello")
    tried = cadenza("try", "hello", "demo")
    assert "2 contacts of the last 30 days: 1 enrolled, 1 HARD_BOUNCED. Nothing was written." in tried
    assert world.one("SELECT count(*) FROM automation_firings") == 0
    assert "demo is on." in cadenza("on", "hello", "demo")
    assert "demo was on already." in cadenza("on", "hello", "demo")
    shown = cadenza("show", "hello", "demo")
    assert "demo: on since" in shown
    assert "It has done nothing yet." in shown
    assert "demo is off." in cadenza("off", "hello", "demo")


def test_the_keys_come_with_the_tag_of_the_script(cadenza):
    shown = cadenza("keys")
    assert "/events/cadenza.js" in shown
    assert "data-site=" in shown


def test_a_name_that_does_not_exist_is_told_with_the_nearest(cadenza):
    assert "Is it 'demo'?" in cadenza("show", "hello", "dema", code=2)
    assert "'hello'" in cadenza("list", "helo", code=2)
