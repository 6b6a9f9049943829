"""The connection to the mail server tears, or its answers come too late, while mails leave."""

from __future__ import annotations

import pytest
from faulty_wire import FaultyWire


@pytest.mark.parametrize(
    ("chances", "settings"),
    [
        pytest.param({"answer-lost": 0.15}, {}, id="answers to the dot are lost"),
        pytest.param({"answer-held": 0.05}, {"dot_timeout_seconds": 1}, id="answers to the dot come too late"),
        pytest.param({"cut": 0.15}, {}, id="connections break inside the body"),
        pytest.param({"421": 0.15}, {}, id="421 inside the body"),
    ],
)
def test_network(run, holds, sink, chances, settings):
    with FaultyWire(sink.port, chances) as wire:
        run.settings |= {"sink_port": wire.port, **settings}
        run.happened = wire.happened
        run.drive(lambda _: [], most_faults=0, seconds=200)
    holds(run, least_faults=3)


def test_network_tears_and_workers_are_killed(run, holds, sink):
    points = ["after-claim", "after-compare-and-set", "mid-body", "after-dot", "after-250", "inside-recovery"]
    with FaultyWire(sink.port, {"answer-lost": 0.1, "cut": 0.05, "421": 0.05}) as wire:
        run.settings["sink_port"] = wire.port
        run.drive(
            lambda dice: [{"at": point, "countdown": dice.randint(1, 60)} for point in points],
            most_faults=max(6, run.mails // 20),
            seconds=200,
        )
        run.happened += wire.happened
    holds(run, least_faults=9)
