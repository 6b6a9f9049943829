"""The fault matrix: each row is a test; ``make faults`` runs them large and prints the table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fault_run import IS_LARGE, STEPS, FaultRun, Outcome
from nursery import Nursery

from cadenza.runtime import SystemClock

_outcomes: list[tuple[str, Outcome]] = []


@pytest.fixture(scope="session")
def nursery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    with Nursery(tmp_path_factory.mktemp("nursery") / "log") as nursery:
        yield nursery


@pytest.fixture
def new_run(world: Any, nursery: Nursery) -> Iterator[Callable[[Callable[[], Iterable[bytes]]], FaultRun]]:
    """Makes runs on the test's own database, given what a server's mailboxes hold; their clock is the machine's."""
    world.runtime.clock = SystemClock()
    made: list[FaultRun] = []

    def make(mailboxes: Callable[[], Iterable[bytes]]) -> FaultRun:
        made.append(FaultRun(world, nursery, mailboxes))
        made[-1].fill()
        return made[-1]

    yield make
    for run in made:
        run.end_workers()


@pytest.fixture
def run(new_run: Callable[..., FaultRun], sink: Any) -> FaultRun:
    """A run with the test's own sink."""
    return new_run(lambda: (path.read_bytes() for path in Path(sink.folder, "Maildir", "new").iterdir()))


@pytest.fixture
def postfix_run(new_run: Callable[..., FaultRun], mail_rig: Any, monkeypatch: pytest.MonkeyPatch) -> FaultRun:
    """A run against the session's Postfix; its mailboxes are empty."""
    mail_rig.clear()
    monkeypatch.setenv("RIG_PASSWORD", mail_rig.password)
    return new_run(mail_rig.held_by_customers)


@pytest.fixture
def holds(request: pytest.FixtureRequest) -> Callable[[FaultRun, int], Outcome]:
    """Judges a run, writes its line into the table, and fails if a mail was lost, doubled, torn or unwanted."""

    def judge(run: FaultRun, least_faults: int) -> Outcome:
        outcome = run.judge()
        _outcomes.append((request.node.name, outcome))
        assert outcome.is_clean, "\n".join((str(outcome), *outcome.details))
        least = least_faults if IS_LARGE else min(2, least_faults)
        assert outcome.faults >= least, f"too few faults to say anything: {run.happened}"
        expected = run.mails - STEPS * (len(run.bouncing) + outcome.held)
        assert outcome.mails > 0.7 * expected, "hardly anything was sent"
        return outcome

    return judge


def pytest_terminal_summary(terminalreporter: Any) -> None:
    if _outcomes:
        terminalreporter.section("fault matrix")
        columns = ("mails", "faults", "lost", "doubled", "unwanted", "torn", "held")
        terminalreporter.line(f"{'row':62}" + "".join(f"{name:>10}" for name in columns) + f"{'seconds':>9}")
        for name, outcome in _outcomes:
            numbers = "".join(f"{getattr(outcome, column):10}" for column in columns)
            terminalreporter.line(f"{name.removeprefix('test_'):62}{numbers}{outcome.seconds:9.1f}")
