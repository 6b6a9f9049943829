"""What benchmarks stand on: a PostgreSQL of their own, and a way to measure."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psutil

from cadenza.mail.transports import Transports
from cadenza.runtime import Runtime
from cadenza.settings import Settings
from cadenza.store import database
from cadenza.store.embedded import start_embedded, url_of


@contextmanager
def runtime(**settings: Any) -> Iterator[Runtime]:
    """A runtime on a fresh database of a PostgreSQL that goes away afterwards."""
    with TemporaryDirectory(prefix="cadenza-benchmark-") as folder:
        home = Path(folder)
        server = start_embedded(home)
        url = url_of(server, "postgres")
        engine = database.connect(url)
        database.migrate(engine)
        given = Settings(home=home, database_url=url, **settings)
        try:
            yield Runtime(given, engine, Transports(given), embedded=server)
        finally:
            engine.dispose()
            server.cleanup()


@dataclass
class Measured:
    """What a block took: seconds on the wall, and CPU seconds of this process, its children and PostgreSQL."""

    seconds: float = 0.0
    cpu_seconds: float = 0.0


@contextmanager
def measured() -> Iterator[Measured]:
    """Measure a block."""
    taken = Measured()
    cpu, start = _cpu_seconds(), time.perf_counter()
    yield taken
    taken.seconds = time.perf_counter() - start
    taken.cpu_seconds = _cpu_seconds() - cpu


def _cpu_seconds() -> float:
    """CPU time of every process of the benchmark so far; processes that ended count with their parents."""
    total = 0.0
    own = psutil.Process()
    processes = {own, *own.children(recursive=True), *(p for p in psutil.process_iter() if _is_ours(p))}
    for process in processes:
        try:
            times = process.cpu_times()
        except psutil.Error:
            continue
        total += times.user + times.system + times.children_user + times.children_system
    return total


def _is_ours(process: psutil.Process) -> bool:
    """Whether a process belongs to the benchmark's PostgreSQL (it is detached from us)."""
    try:
        return process.name().startswith("postgres") and "cadenza-benchmark-" in _home_of(process)
    except psutil.Error:
        return False


def _home_of(process: psutil.Process) -> str:
    line = " ".join(process.cmdline())
    if "cadenza-benchmark-" in line:
        return line
    parent = process.parent()
    return " ".join(parent.cmdline()) if parent else ""


def peak_memory_mb() -> float:
    """The most memory this process has had, in MB."""
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def cores() -> int:
    """The cores that this machine has."""
    return os.cpu_count() or 1
