"""The process that forks workers."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

WORKER = Path(__file__).parents[1] / "faults" / "worker.py"


class Nursery:
    """The process that forks workers; one for all runs of a session."""

    def __init__(self, log: Path) -> None:
        self.log = log
        self._events: queue.Queue[dict[str, Any]] = queue.Queue()

    def __enter__(self) -> Nursery:
        self._process = subprocess.Popen(
            [sys.executable, WORKER],
            env={**os.environ, "PYTHONPATH": str(WORKER.parents[2])},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log.open("ab"),
        )
        threading.Thread(target=self._read, daemon=True).start()
        assert self.next_event(60) == {"ready": True}, self.log.read_text()
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait(10)

    def _read(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            self._events.put(json.loads(line))

    def start(self, configuration: dict[str, Any]) -> None:
        assert self._process.stdin
        self._process.stdin.write(json.dumps({"start": configuration}).encode() + b"\n")
        self._process.stdin.flush()

    def next_event(self, seconds: float) -> dict[str, Any] | None:
        with suppress(queue.Empty):
            return self._events.get(timeout=seconds)
        return None
