"""How is one program of Cadenza started, watched and started again?"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cadenza.errors import ChildFailed

#: A program that ends so often within this time will not get well by being started again.
MOST_DEATHS = 5
DEATHS_WITHIN_SECONDS = 120.0
#: Logs are kept up to this size; one older file of the same size stays beside it.
LARGEST_LOG = 10_000_000
#: How Python and most programs begin the line that names an error.
ERROR = re.compile(r"[\w.]*(error|exception|fatal)\b.*:", re.IGNORECASE)


@dataclass
class Child:
    """A program that runs as long as the supervisor does."""

    #: As logs and messages name it: "prefect server", "worker", "sink".
    name: str
    arguments: list[str]
    environment: Mapping[str, str]
    logs: Path
    process: subprocess.Popen[bytes] | None = None
    deaths: list[float] = field(default_factory=list)

    @property
    def log(self) -> Path:
        """Where its output goes."""
        return self.logs / f"{self.name.replace(' ', '-')}.log"

    def start(self, working_folder: Path | None = None) -> None:
        """Start it in a session of its own, so that Ctrl-C on the terminal reaches the supervisor only."""
        self.logs.mkdir(parents=True, exist_ok=True)
        if self.log.exists() and self.log.stat().st_size > LARGEST_LOG:
            self.log.replace(self.log.with_suffix(".old.log"))
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, *self.arguments],
                env={**os.environ, **self.environment},
                cwd=working_folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def is_alive(self) -> bool:
        """Whether it runs."""
        return self.process is not None and self.process.poll() is None

    @property
    def exit_status(self) -> str:
        """How it ended, in words."""
        code = self.process.returncode if self.process else None
        return f"by signal {-code}" if code and code < 0 else f"with exit code {code}"

    def check(self) -> None:
        """Make sure that it runs.

        Raises:
            ChildFailed: it ended; quotes the end of its log.
        """
        if not self.is_alive:
            raise ChildFailed(f"The {self.name} ended {self.exit_status}: {self.last_words()} See {self.log}.")

    def run(self, working_folder: Path, stopping: threading.Event) -> None:
        """Start it and wait for its end.

        Raises:
            ChildFailed: it did not succeed; quotes the end of its log.
        """
        self.start(working_folder)
        assert self.process is not None
        while self.is_alive and not stopping.wait(0.05):
            pass
        if self.process.poll() != 0:
            self.check()

    def revive(self) -> None:
        """Start it again after it died.

        Raises:
            ChildFailed: it died too often.
        """
        now = time.monotonic()
        self.deaths = [death for death in self.deaths if now - death < DEATHS_WITHIN_SECONDS] + [now]
        if len(self.deaths) > MOST_DEATHS:
            self.check()
        self.start()

    def last_words(self) -> str:
        """The line of its log that says best why it ended: the last error, else the last line with words."""
        try:
            lines = self.log.read_bytes()[-4000:].decode(errors="replace").splitlines()
        except OSError:
            return ""
        spoken = [line.strip() for line in lines if any(character.isalnum() for character in line)]
        errors = [line for line in spoken if ERROR.match(line)]
        return f"{(errors or spoken)[-1][:300].rstrip('.')}." if spoken else ""
