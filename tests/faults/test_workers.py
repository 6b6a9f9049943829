"""Workers race each other, or stand still for longer than their lease, while mails leave."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress

import pytest
from fault_run import rows
from faulty_wire import FaultyWire


def test_workers_race_for_the_same_deliveries(run, holds):
    """Each of four workers also hands over whatever the others have claimed."""
    run.config["greedy"] = True
    run.drive(lambda _: [], most_faults=0, workers=4, seconds=200)
    holds(run, least_faults=0)


class Sleepers:
    """Wakes workers that have stopped themselves, some time after their lease is over."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.asleep: dict[int, float] = {}
        self.woken_at = 0.0

    def __call__(self, run) -> bool:
        """Whether one still sleeps, or has just been woken."""
        now = time.monotonic()
        asleep = [pid for pid in run.workers if _is_stopped(pid)]
        for pid in asleep:
            if now > self.asleep.setdefault(pid, now + self.seconds):
                os.kill(pid, signal.SIGCONT)
                del self.asleep[pid]
                self.woken_at = now
        return bool(asleep) or now < self.woken_at + 0.5


def _is_stopped(pid: int) -> bool:
    with suppress(OSError), open(f"/proc/{pid}/stat") as file:
        return file.read().rpartition(")")[2].split()[0] == "T"
    return False


@pytest.mark.parametrize(
    "points", rows("after-claim", "after-354", "after-compare-and-set", "mid-body", "after-dot", "after-250")
)
def test_worker_sleeps_longer_than_its_lease(run, holds, sink, points):
    """The lease is over after 2 s, and so is the server's patience; the mail is sent again after 4 s; it sleeps 5 s."""
    times = max(2, run.mails // 200)
    often = max(5, run.mails // 20)
    # One of three stays awake, to judge what the others leave.
    sleepers = iter([True, True, False])

    def plan(dice):
        if not next(sleepers, False):
            return []
        point, countdown = dice.choice(points), dice.randint(1, 4)
        return [{"at": point, "countdown": countdown, "again": often, "times": times, "do": "stop"}]

    with FaultyWire(sink.port, patience_seconds=2) as wire:
        run.settings["sink_port"] = wire.port
        run.drive(plan, most_faults=run.mails, workers=3, seconds=250, meanwhile=Sleepers(5))
    holds(run, least_faults=2)
