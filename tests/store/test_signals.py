"""Signals are shown to the rules as sets, however many come at once."""

from __future__ import annotations

from sqlalchemy import text

from cadenza.domain.automation import Rule, Signal, Trigger, TriggerKind
from cadenza.store.database import transaction
from cadenza.store.signals import keep_signals, take_signals

PEOPLE = 20_000


def test_thousands_of_new_people_are_met_without_walking_through_all_contacts_for_each(world):
    """Before statistics know of them."""
    world.sequence(automations=(Rule("demo", Trigger(TriggerKind.FORM), sender="ana"),))
    addresses = [f"p{number}@customer.example" for number in range(PEOPLE)]
    signals = [Signal(TriggerKind.FORM, f"form:{a}", "demo", world.now, address=a) for a in addresses]
    with transaction(world.runtime.engine) as connection:
        keep_signals(connection, signals, world.now)
    for _ in range(2):
        with transaction(world.runtime.engine) as connection:
            [taken] = take_signals(connection, PEOPLE // 2, world.now)
            looked_at = connection.scalar(
                text("SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = 'contacts'")
            )
        assert taken.count == PEOPLE // 2
        assert looked_at < 20 * PEOPLE
    assert world.one("SELECT count(*) FROM automation_firings WHERE state = 'waiting'") == PEOPLE
