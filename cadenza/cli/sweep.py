"""Which processes did Cadenza start in this folder, and how do they all end?

Every process of a running Cadenza, and what it starts in turn, carries two marks in its environment: the folder and its
part. Prefect's worker gives each flow run a session of its own, so neither process groups nor parents would do.
"""

from __future__ import annotations

import os
from pathlib import Path

import psutil

#: The marks: the home folder, and which child of the supervisor a process belongs to.
FOLDER_MARK = "CADENZA_UP"
PART_MARK = "CADENZA_UP_PART"

#: Workers go first, while the server still listens and the database still stores; then the rest.
FIRST = ("worker",)


def marks(home: Path, part: str) -> dict[str, str]:
    """The environment that marks a child of the supervisor."""
    return {FOLDER_MARK: str(home.resolve()), PART_MARK: part}


def sweep(home: Path, patience: float) -> None:
    """End every process of this folder: politely, and after ``patience`` seconds for good."""
    for parts in (FIRST, None):
        _end(home, parts, patience)


def _end(home: Path, parts: tuple[str, ...] | None, patience: float) -> None:
    asked: set[int] = set()
    while ours := _processes(home, parts):
        for process in ours:
            if process.pid not in asked:
                asked.add(process.pid)
                _signal(process, kill=False)
        _, alive = psutil.wait_procs(ours, timeout=patience)
        for process in alive:
            _signal(process, kill=True)
        psutil.wait_procs(alive, timeout=5)


def _signal(process: psutil.Process, *, kill: bool) -> None:
    try:
        (process.kill if kill else process.terminate)()
    except psutil.Error:
        return


def _processes(home: Path, parts: tuple[str, ...] | None) -> list[psutil.Process]:
    folder = str(home.resolve())
    found = []
    for process in psutil.process_iter():
        if process.pid == os.getpid():
            continue
        try:
            environment = process.environ()
            if environment.get(FOLDER_MARK) != folder or process.status() == psutil.STATUS_ZOMBIE:
                continue
        except (psutil.Error, OSError):
            continue
        if parts is None or environment.get(PART_MARK) in parts:
            found.append(process)
    return found
