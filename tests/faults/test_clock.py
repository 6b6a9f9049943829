"""Clocks are set while mails leave: those of the workers' machines, and that of the database."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
from fault_run import rows
from faulty_wire import FaultyWire

from cadenza.errors import DatabaseUnavailable
from cadenza.runtime import DatabaseClock
from cadenza.store import database


def test_the_clock_is_that_of_the_database(engine):
    clock = DatabaseClock(engine)
    before, now, after = database.instant_of(engine), clock.now(), database.instant_of(engine)
    assert before - timedelta(seconds=0.1) <= now <= after + timedelta(seconds=0.1)
    assert clock.now() > now


def test_the_clock_goes_on_while_the_database_is_away(engine, monkeypatch):
    def away(_):
        raise DatabaseUnavailable

    clock = DatabaseClock(engine)
    clock.ASKED_EVERY = 0
    now = clock.now()
    monkeypatch.setattr(database, "instant_of", away)
    assert now < clock.now() < now + timedelta(seconds=10)
    with pytest.raises(DatabaseUnavailable):
        DatabaseClock(engine).now()


class SetClocks:
    """Writes what is to be added to a clock: nothing, an hour, less an hour, every second; at last two hours.

    Set back for good, everything would wait for an hour.
    """

    def __init__(self, path, times: int) -> None:
        self.path = path
        self.times = times
        self.next_at = 0.0

    def __call__(self, run) -> None:
        if time.monotonic() < self.next_at or run.happened["clock set"] > self.times:
            return
        self.next_at = time.monotonic() + 1
        run.happened["clock set"] += 1
        is_last = run.happened["clock set"] > self.times
        new = self.path.with_suffix(".new")
        new.write_text("7200" if is_last else str(run.dice.choice([0, 3_600, -3_600])))
        new.rename(self.path)


@pytest.mark.parametrize("whose", rows("machines", "database"))
def test_clocks_are_set_an_hour_forward_and_back(run, holds, sink, tmp_path, whose):
    """Workers die of it too, so that there are always deliveries in flight that somebody has to judge."""
    offset = tmp_path / "offset"
    offset.write_text("0")
    run.config["clock"] = {"whose": whose, "offset": str(offset)}
    # Each body is under way for a while: there are always mails that the witness cannot show yet.
    with FaultyWire(sink.port, slow_seconds=0.4) as wire:
        run.settings["sink_port"] = wire.port
        run.drive(
            lambda dice: [{"at": "after-dot", "countdown": dice.randint(1, 60)}],
            most_faults=max(2, run.mails // 100),
            workers=4,
            seconds=250,
            meanwhile=SetClocks(offset, max(4, run.mails // 50)),
        )
    holds(run, least_faults=3)
