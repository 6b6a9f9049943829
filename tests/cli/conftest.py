"""The command line as a person runs it: a process of its own, in a folder of its own."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _until(is_so: Callable[[], object], seconds: float = 60, what: str = "it") -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, f"{what} did not happen within {seconds} seconds"
        time.sleep(0.1)


@dataclass
class Terminal:
    """A folder to run commands in."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("CADENZA_", "PREFECT_"))}
        ports = {f"CADENZA_{name}_PORT": str(free_port()) for name in ("PREFECT", "SINK", "WEB")}
        self.environment = {**kept, **ports, "CADENZA_HOME": str(self.home), **self.environment}

    @property
    def home(self) -> Path:
        return self.folder / ".cadenza"

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "cadenza.cli", *arguments],
            cwd=self.folder,
            env={**self.environment, **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a command in a session of its own, as a terminal does."""
        with (self.folder / f"output-{len(self.started)}.txt").open("w") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "cadenza.cli", *arguments],
                cwd=self.folder,
                env=self.environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )
        self.started.append(process)
        return process

    def output(self, number: int = -1) -> str:
        """What the last command (or that one) has printed so far."""
        number %= len(self.started)
        return (self.folder / f"output-{number}.txt").read_text()

    def processes(self) -> list[psutil.Process]:
        """Every living process that has to do with this folder."""
        found = []
        for process in psutil.process_iter():
            try:
                words = " ".join(process.cmdline())
                mark = process.environ().get("CADENZA_UP", "")
                is_dead = process.status() == psutil.STATUS_ZOMBIE
            except (psutil.Error, OSError):
                continue
            if not is_dead and (str(self.folder) in words or mark == str(self.home)):
                found.append(process)
        return found

    def clean_up(self) -> None:
        for process in self.started:
            process.kill()
            process.wait()
        _until(lambda: not self.processes(), 40, f"the end of {self.processes()}")


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    terminal = Terminal(tmp_path)
    yield terminal
    terminal.clean_up()


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terminal]:
    """A folder in which ``cadenza up`` has come up; what a killed worker held is free again after 100 seconds."""
    short = {"CADENZA_LEASE_SECONDS": "100", "CADENZA_WITNESS_GRACE_SECONDS": "5"}
    terminal = Terminal(tmp_path_factory.mktemp("up"), short)
    process = terminal.start("up")

    def is_up() -> bool:
        assert process.poll() is None, terminal.output()
        return "Cadenza is up" in terminal.output()

    try:
        _until(is_up, 180, "the start")
        yield terminal
    finally:
        terminal.clean_up()


@pytest.fixture
def until() -> Callable[..., None]:
    """Waits for something to become true."""
    return _until
