"""How does everything that Cadenza needs start, stay up and stop?"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from cadenza.cli import folder, services
from cadenza.cli.child import Child
from cadenza.cli.prefect_api import PrefectApi
from cadenza.cli.sweep import sweep
from cadenza.errors import ChildFailed
from cadenza.settings import Settings

#: How long the Prefect server may take until it answers, on a busy machine and with a new database.
SERVER_SECONDS = 180.0
GUARDIAN_SECONDS = 30.0

#: Told of every change: which part, "start", "ready" or "note", and a few words.
Listener = Callable[[str, str, str], None]


@dataclass
class Supervisor:
    """Starts every part as early as what it needs allows, keeps it alive, and leaves nothing behind."""

    settings: Settings
    listener: Listener
    server: Any = None
    database_url: str = ""
    shared: dict[str, str] = field(default_factory=dict)
    children: dict[str, Child] = field(default_factory=dict)
    guardian: subprocess.Popen[bytes] | None = None
    stopping: threading.Event = field(default_factory=threading.Event)

    @property
    def home(self) -> Path:
        """The folder that everything lives in."""
        return self.settings.home

    @property
    def api(self) -> PrefectApi:
        """The Prefect server."""
        return PrefectApi(services.api_url(self.settings))

    def start(self, lock: int) -> None:
        """Start every part and return when a deployment's run would be taken by a worker.

        ``lock`` is the file descriptor of the folder's lock, which the guardian shares.

        Raises:
            PortInUse, DatabaseUnavailable, ChildFailed: what could not be started and why.
        """
        sweep(self.home, 5.0)
        services.check_ports(self.settings)
        self._start_guardian(lock)
        prefect_database_url = self._start_database()
        self.shared = services.environment(self.settings, self.database_url, prefect_database_url)
        self.children = services.children(self.settings, self.shared)
        with ThreadPoolExecutor(4) as pool:
            parts = [
                pool.submit(self._start_prefect),
                pool.submit(self._start_sink),
                pool.submit(self._start_web),
                pool.submit(self._migrate),
            ]
            self._wait_for(parts)
        folder.publish(
            self.home,
            folder.Running(
                os.getpid(),
                services.api_url(self.settings),
                services.ui_url(self.settings),
                self.settings.sink_port,
                None if self.settings.database_url else self.database_url,
            ),
        )

    def watch(self) -> None:
        """Start again what dies; called every second or so.

        Raises:
            ChildFailed: something dies as often as it is started.
        """
        if self.guardian and self.guardian.poll() is not None:
            raise ChildFailed("The guardian of this folder was killed: start Cadenza again.")
        if self.server is not None:
            from cadenza.store.embedded import keep_running

            if keep_running(self.server):
                self.listener("database", "note", "PostgreSQL had stopped and was started again")
        for child in self.children.values():
            if not child.is_alive:
                status = child.exit_status
                child.revive()
                self.listener(child.name, "note", f"ended {status} and was started again; see {child.log}")

    def stop(self) -> None:
        """Stop every part: workers first, then the servers, then the database."""
        self.stopping.set()
        folder.withdraw(self.home)
        if self.server is not None:
            from cadenza.store.embedded import leave_embedded

            leave_embedded(self.server)
        if self.guardian is None or self.guardian.stdin is None:
            return
        self.guardian.stdin.close()
        deadline = time.monotonic() + GUARDIAN_SECONDS
        while self.guardian.poll() is None and time.monotonic() < deadline:
            for child in self.children.values():
                child.is_alive  # noqa: B018 - reaps it, so that the guardian sees it gone
            time.sleep(0.05)

    def _start_guardian(self, lock: int) -> None:
        self.guardian = subprocess.Popen(
            [sys.executable, "-m", "cadenza.cli.guardian", str(self.home.resolve())],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            pass_fds=(lock,),
        )

    def _start_database(self) -> str:
        """Find or start PostgreSQL with both databases; returns the URL of Prefect's."""
        from cadenza.store import database

        self.listener("database", "start", "PostgreSQL")
        if self.settings.database_url:
            self.database_url = self.settings.database_url.get_secret_value()
        else:
            from cadenza.store.embedded import start_embedded, url_of

            self.server = start_embedded(self.home)
            maintenance = url_of(self.server, "postgres")
            database.make_sure_of(maintenance, "cadenza")
            self.database_url = url_of(self.server, "cadenza")
        database.make_sure_of(self.database_url, "prefect")
        where = "your own" if self.settings.database_url else "embedded"
        self.listener("database", "ready", f"PostgreSQL, {where}")
        return database.sibling_url(self.database_url, "prefect", "asyncpg")

    def _migrate(self) -> None:
        """Bring Cadenza's schema up to date."""
        from cadenza.store import database

        self.listener("schema", "start", "")
        engine = database.connect(self.database_url, pool_size=1)
        database.migrate(engine)
        engine.dispose()
        self.listener("schema", "ready", "up to date")

    def _start_sink(self) -> None:
        sink = self.children["sink"]
        self.listener("sink", "start", "")
        sink.start()
        self._until(lambda: not services.is_free(self.settings.sink_port), sink, "take mails")
        self.listener("sink", "ready", f"takes mails on port {self.settings.sink_port}")

    def _start_web(self) -> None:
        web = self.children["web"]
        self.listener("web", "start", "")
        web.start()
        self._until(lambda: services.is_serving(services.web_url(self.settings)), web, "answer")
        self.listener("web", "ready", f"pages and API at {self.settings.public_url}")

    def _start_prefect(self) -> None:
        server, worker = self.children["prefect server"], self.children["worker"]
        self.listener("prefect server", "start", "")
        server.start()
        self._until(self.api.is_ready, server, "answer")
        self.listener("prefect server", "ready", services.ui_url(self.settings))
        buried = self.api.bury_runs()
        if buried:
            self.listener("prefect server", "note", f"{buried} runs of the last time were cut short: marked as crashed")
        project = services.project_folder()
        if not self.api.has_pool(services.POOL):
            self._prefect(project, "work-pool", "create", services.POOL, "--type", "process")
        self.listener("worker", "start", "")
        began = datetime.now(UTC)
        worker.start()
        self._deploy(project)
        self._until(lambda: self.api.workers_seen(services.POOL, began) > 0, worker, "connect")
        self.listener("worker", "ready", f"takes runs of the pool {services.POOL}")

    def _deploy(self, project: Path) -> None:
        """Create every deployment, unless this very prefect.yaml is on the server."""
        content = (project / "prefect.yaml").read_bytes()
        names = [deployment["name"] for deployment in yaml.safe_load(content)["deployments"]]
        sources = b"".join(path.read_bytes() for path in sorted((project / "flows").glob("*.py")))
        fingerprint = hashlib.sha256(content + sources + sys.version.encode()).hexdigest()
        seal = self.home / "prefect" / "deployed"
        self.listener("deployments", "start", "")
        is_known = seal.exists() and seal.read_text() == fingerprint
        if not is_known or not set(names) <= set(self.api.deployments()):
            self._prefect(project, "--no-prompt", "deploy", "--all")
            seal.parent.mkdir(parents=True, exist_ok=True)
            seal.write_text(fingerprint)
        self.listener("deployments", "ready", f"{len(names)} from prefect.yaml")

    def _prefect(self, project: Path, *arguments: str) -> None:
        """Run the Prefect command line to its end.

        Raises:
            ChildFailed: quotes what it says.
        """
        step = Child(
            "prefect deploy", ["-m", "prefect", *arguments], self.children["worker"].environment, self.home / "logs"
        )
        step.run(project, self.stopping)

    def _until(self, is_ready: Callable[[], bool], child: Child, what: str) -> None:
        deadline = time.monotonic() + SERVER_SECONDS
        while not is_ready():
            child.check()
            if self.stopping.wait(0.1):
                raise ChildFailed(f"The {child.name} was stopped while it started.")
            if time.monotonic() > deadline:
                raise ChildFailed(f"The {child.name} does not {what} after {SERVER_SECONDS:.0f} s: see {child.log}.")

    def _wait_for(self, parts: list[Future[None]]) -> None:
        """Wait for all, and give up all when one fails or the user interrupts."""
        try:
            while not all(part.done() for part in parts):
                for part in parts:
                    if part.done():
                        part.result()
                time.sleep(0.05)
            for part in parts:
                part.result()
        except BaseException:
            self.stopping.set()
            raise
