"""The connection to the mail server tears, or its answers come too late, while mails leave."""

from __future__ import annotations

import pytest
from fault_run import rows
from faulty_wire import FaultyWire

#: Of the mails, how many meet with it.
CHANCES = {"answer-lost": 0.15, "answer-held": 0.05, "cut": 0.15, "421": 0.15}


@pytest.mark.parametrize("faults", rows(*CHANCES))
def test_network(run, holds, sink, faults):
    """An answer to the dot is lost, or comes too late; the connection breaks inside the body, or ends with a 421."""
    run.settings["dot_timeout_seconds"] = 1
    with FaultyWire(sink.port, {fault: CHANCES[fault] / len(faults) for fault in faults}) as wire:
        run.settings["sink_port"] = wire.port
        run.happened = wire.happened
        run.drive(lambda _: [], most_faults=0, seconds=250)
    holds(run, least_faults=3)


def test_network_tears_and_workers_are_killed(run, holds, sink):
    """All at once, with ten mails of a connection covered by one commit."""
    run.settings["send_window"] = 10
    points = ["after-claim", "after-compare-and-set", "mid-body", "after-dot", "after-250", "inside-recovery"]
    with FaultyWire(sink.port, {"answer-lost": 0.1, "cut": 0.05, "421": 0.05}) as wire:
        run.settings["sink_port"] = wire.port
        run.drive(
            lambda dice: [{"at": point, "countdown": dice.randint(1, 60)} for point in points],
            most_faults=max(6, run.mails // 20),
            seconds=300,
        )
        run.happened += wire.happened
    holds(run, least_faults=6)
