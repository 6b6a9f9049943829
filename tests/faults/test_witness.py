"""Workers die while nobody knows what was accepted, and the witness is away, late, or missing."""

from __future__ import annotations

import pytest
from fault_run import rows
from faulty_wire import FaultyWire


def uncertain(dice):
    """A worker that leaves a mail whose fate it does not know."""
    point = dice.choice(["after-compare-and-set", "mid-body", "after-dot", "after-250"])
    return [{"at": point, "countdown": dice.randint(1, 15)}]


@pytest.mark.parametrize("troubles", rows("away", "late"))
def test_witness(run, holds, troubles):
    """It is out of reach most of the time; it shows a mail after three seconds, when the grace time is four."""
    run.config["witness"] = {"away": 0.7 if "away" in troubles else 0, "lag": 3 if "late" in troubles else 0}
    run.settings["witness_grace_seconds"] = 4
    run.drive(uncertain, most_faults=max(6, run.mails // 20), seconds=250)
    assert holds(run, least_faults=6).held == 0


def test_witness_does_not_exist(run, holds, sink):
    """What nobody can tell is left to a person: held, neither lost nor doubled."""
    with FaultyWire(sink.port, {"answer-lost": 0.05}) as wire:
        run.use_transport({"kind": "smtp", "host": "127.0.0.1", "port": wire.port, "security": "none"})
        run.drive(uncertain, most_faults=max(6, run.mails // 20), seconds=250)
        run.happened += wire.happened
    outcome = holds(run, least_faults=6)
    assert outcome.held > 0
