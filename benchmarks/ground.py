"""What benchmarks stand on: a PostgreSQL of their own, and a way to measure."""

from __future__ import annotations

import multiprocessing
import os
import resource
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import BrokenBarrierError
from typing import Any, Protocol

import psutil

from cadenza.mail.transports import Transports
from cadenza.runtime import Clock, Runtime, SystemClock, use
from cadenza.settings import Settings
from cadenza.store import database
from cadenza.store.embedded import start_embedded, url_of


@contextmanager
def runtime(clock: Clock | None = None, **settings: Any) -> Iterator[Runtime]:
    """The current runtime inside the block, on a fresh embedded PostgreSQL that goes away afterwards."""
    with TemporaryDirectory(prefix="cadenza-benchmark-") as folder:
        home = Path(folder)
        server = start_embedded(home)
        url = url_of(server, "postgres")
        engine = database.connect(url)
        database.migrate(engine)
        given = Settings(home=home, database_url=url, **settings)
        try:
            with use(Runtime(given, engine, Transports(given), clock or SystemClock(), embedded=server)) as ground:
                yield ground
        finally:
            engine.dispose()
            server.cleanup()


#: What the system counts CPU time in; nothing takes none.
TICK_SECONDS = 1 / os.sysconf("SC_CLK_TCK")


@dataclass
class Measured:
    """What a block took: seconds on the wall, CPU seconds of our processes and, of these, of PostgreSQL."""

    seconds: float = 0.0
    cpu_seconds: float = 0.0
    database_seconds: float = 0.0


@contextmanager
def measured(ground: Runtime | None = None, apart: Collection[int] = ()) -> Iterator[Measured]:
    """Measure a block: this process, its children but those ``apart``, and the PostgreSQL of ``ground``."""
    taken = Measured()
    postgres = ground.embedded.get_pid() if ground else None
    ours, theirs, start = _cpu_of_children(apart), cpu_seconds(postgres), time.perf_counter()
    yield taken
    taken.seconds = time.perf_counter() - start
    time.sleep(0.1)  # a process that has just ended counts when its parent has noticed
    taken.database_seconds = cpu_seconds(postgres) - theirs
    taken.cpu_seconds = max(TICK_SECONDS, _cpu_of_children(apart) - ours + taken.database_seconds)


class Laps:
    """Seconds on the wall and of CPU, by part; of the CPU of the PostgreSQL of ``ground`` too."""

    def __init__(self, ground: Runtime) -> None:
        self.postgres = ground.embedded.get_pid()
        self.wall: Counter[str] = Counter()
        self.cpu: Counter[str] = Counter()

    @contextmanager
    def of(self, part: str) -> Iterator[None]:
        """Count a block to a part."""
        wall, cpu = time.perf_counter(), time.process_time() + cpu_seconds(self.postgres)
        yield
        self.wall[part] += time.perf_counter() - wall
        self.cpu[part] += time.process_time() + cpu_seconds(self.postgres) - cpu


def cpu_seconds(pid: int | None) -> float:
    """CPU time of a process and its children so far; those that ended count with their parent."""
    if pid is None:
        return 0.0
    process = psutil.Process(pid)
    return _cpu(process, has_ended=True) + sum(_cpu(child) for child in process.children(recursive=True))


def _cpu_of_children(apart: Collection[int]) -> float:
    own = psutil.Process()
    children = [child for child in own.children(recursive=True) if child.pid not in apart]
    return _cpu(own, has_ended=True) + sum(_cpu(child) for child in children)


def _cpu(process: psutil.Process, has_ended: bool = False) -> float:
    with suppress(psutil.Error):
        times = process.cpu_times()
        return times.user + times.system + (times.children_user + times.children_system if has_ended else 0.0)
    return 0.0


class Gate(Protocol):
    """Where workers wait until all are ready, and until all are done."""

    def wait(self) -> int:
        """Go on when all are here."""
        ...

    def abort(self) -> None:
        """Let nobody wait any more."""
        ...


def run_workers(work: Callable[..., None], arguments: tuple[Any, ...], ground: Runtime, apart: list[int]) -> Measured:
    """What it takes until a worker on each core, a process of its own, is done.

    Each does ``work(*arguments, number, gate)`` and waits at the gate when it is ready; starting and ending a process
    are not part of what is measured.
    """
    context = multiprocessing.get_context("spawn")
    gate = context.Barrier(cores() + 1)
    workers = [context.Process(target=_work, args=(work, arguments, number, gate)) for number in range(cores())]
    for worker in workers:
        worker.start()
    try:
        gate.wait()
        with measured(ground, apart) as taken:
            gate.wait()
    except BrokenBarrierError:
        raise SystemExit("A worker failed: see above.") from None
    finally:
        for worker in workers:
            worker.join()
    return taken


def _work(work: Callable[..., None], arguments: tuple[Any, ...], number: int, gate: Gate) -> None:
    try:
        work(*arguments, number, gate)
        gate.wait()
    except BaseException:
        gate.abort()
        raise


def peak_memory_mb() -> float:
    """The most memory that this process, or one of its children that ended, has had, in MB."""
    return max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)) / 1024


def cores() -> int:
    """The cores that this machine has."""
    return os.cpu_count() or 1
