"""Workers are killed with -9, each at a point that the protocol of a send names."""

from __future__ import annotations

import pytest
from fault_run import rows

#: Point, and how often a worker passes it while one mail leaves, roughly.
POINTS = {
    "before-claim": 0.1,
    "after-claim": 0.1,
    "after-354": 1,
    "after-compare-and-set": 1,
    "mid-body": 1,
    "after-dot": 1,
    "after-250": 1,
    "inside-settling": 1,
    "after-commit": 1,
}


@pytest.mark.parametrize("points", rows(*POINTS))
def test_kill_9(run, holds, points):
    kills = max(9, run.mails // 20)

    def plan(dice):
        point = dice.choice(points)
        return [{"at": point, "countdown": dice.randint(1, max(1, int(POINTS[point] * run.mails / kills)))}]

    run.drive(plan, most_faults=kills, seconds=200)
    holds(run, least_faults=6)


def test_kill_9_inside_recovery(run, holds):
    """Two of three workers die so that there is something to recover; those that recover die of it."""
    kills = max(9, run.mails // 20)

    def plan(dice):
        earlier = dice.choice(["after-claim", "after-compare-and-set", "after-dot"])
        return [
            {"at": "inside-recovery", "countdown": dice.randint(1, 3)},
            {"at": earlier, "countdown": dice.randint(1, 3)},
        ]

    run.drive(plan, most_faults=kills, seconds=200)
    holds(run, least_faults=6)
    assert run.happened["inside-recovery"] > 1
