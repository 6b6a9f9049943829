"""Workers as processes of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cadenza.runtime import SystemClock

WORKER = Path(__file__).parent / "worker.py"


@pytest.fixture
def start_worker(world, sink) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts workers on the test's database and sink; they read the machine's clock, and so does the test."""
    world.runtime.clock = SystemClock()
    started: list[subprocess.Popen[str]] = []

    def start(seconds: float, lease_seconds: int = 60) -> subprocess.Popen[str]:
        settings = world.runtime.settings
        url = settings.database_url.get_secret_value()
        worker = subprocess.Popen(
            [sys.executable, WORKER, url, settings.home, str(sink.port), str(seconds), str(lease_seconds)],
            env={**os.environ, "PYTHONPATH": str(WORKER.parents[2])},
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(worker)
        return worker

    yield start
    for worker in started:
        worker.kill()
        worker.wait()
