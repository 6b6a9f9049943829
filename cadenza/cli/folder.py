"""Is Cadenza running in this folder, and where is what?"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from cadenza.errors import AlreadyRunning

#: After a ``kill -9`` the guardian stops what is left; a new start waits this long for it.
CLEANUP_SECONDS = 40.0


@dataclass(frozen=True, slots=True)
class Running:
    """What ``up.json`` says of a running Cadenza."""

    pid: int
    api_url: str
    ui_url: str
    sink_port: int
    #: Of the embedded database only: one of the user's own stays in the settings.
    database_url: str | None = None


def lock_path(home: Path) -> Path:
    """The file whose lock says that somebody runs here."""
    return home / "up.lock"


def running(home: Path) -> Running | None:
    """The Cadenza that runs in this folder, once it is ready."""
    if not is_locked(home):
        return None
    try:
        return Running(**json.loads((home / "up.json").read_text()))
    except (OSError, ValueError, TypeError):
        return None


def is_locked(home: Path) -> bool:
    """Whether a supervisor or its guardian lives."""
    try:
        with lock_path(home).open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False


@contextmanager
def locked(home: Path) -> Iterator[int]:
    """Hold the folder; yields the file descriptor of the lock.

    Raises:
        AlreadyRunning: names the process and its address.
    """
    home.mkdir(parents=True, exist_ok=True)
    with lock_path(home).open("a+") as file:
        _acquire(home, file.fileno())
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield file.fileno()


def publish(home: Path, running: Running) -> None:
    """Write ``up.json``: other commands find the running Cadenza by it."""
    fresh = home / f"up.json.{os.getpid()}"
    fresh.write_text(json.dumps(asdict(running), indent=2) + "\n")
    fresh.replace(home / "up.json")


def withdraw(home: Path) -> None:
    """Remove ``up.json``."""
    with suppress(FileNotFoundError):
        (home / "up.json").unlink()


def _acquire(home: Path, descriptor: int) -> None:
    deadline = time.monotonic() + CLEANUP_SECONDS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = _holder(home)
            if holder is not None or time.monotonic() > deadline:
                there = running(home)
                where = f"; its UI is at {there.ui_url}" if there else ""
                raise AlreadyRunning(
                    f"Cadenza is already running in {home.resolve()} (process {holder or 'unknown'}){where}. "
                    "Use it, stop it with Ctrl-C there, or set CADENZA_HOME to another folder."
                ) from error
            time.sleep(0.2)
        else:
            return


def _holder(home: Path) -> int | None:
    """The living process that wrote its number into the lock file; None: it was killed, or has just begun."""
    try:
        pid = int(lock_path(home).read_text())
        os.kill(pid, 0)
    except (OSError, ValueError):
        return None
    return pid
