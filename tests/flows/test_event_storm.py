"""Forms come in while the web process and the flow are killed: none that was acknowledged is lost or counted twice."""

from __future__ import annotations

import itertools
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from cadenza.domain.automation import Rule, Trigger, TriggerKind
from cadenza.runtime import SystemClock
from flows.automate import automate

ROOT = Path(__file__).parents[2]
KILLS = 6
SENDERS = 6
KEY = "the key of the site's own server, long enough"
WEB = "from cadenza.web.__main__ import main; main()"
AUTOMATE = "from flows.automate import automate; automate(600)"


@dataclass
class Installation:
    """The programs that run, by what they do; they come from one that has imported everything."""

    parent: Any
    log: Path
    running: dict[str, int]

    def start(self, program: str) -> None:
        self.parent.stdin.write(f"{program}\n")
        self.parent.stdin.flush()
        self.running[program] = int(self.parent.stdout.readline())

    def kill(self, program: str) -> None:
        """As ``kill -9`` does."""
        os.kill(self.running[program], signal.SIGKILL)
        while self.is_running(program):
            time.sleep(0.01)

    def is_running(self, program: str) -> bool:
        return Path(f"/proc/{self.running[program]}").exists()

    def until(self, is_so: Callable[[], Any]) -> None:
        """Wait as long as it takes: a busy machine is no fault, a program that ended is one."""
        while not is_so():
            assert all(map(self.is_running, self.running)), self.log.read_text()[-3_000:]
            time.sleep(0.02)


@pytest.fixture
def port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@pytest.fixture
def installation(world, deployments, prefect_environment, port, tmp_path):
    """The test's database and Prefect server, and nothing that runs."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("CADENZA_", "PREFECT_"))}
    settings = {
        "PYTHONPATH": str(ROOT),
        "CADENZA_HOME": str(world.runtime.settings.home),
        "CADENZA_DATABASE_URL": world.runtime.settings.database_url.get_secret_value(),
        "CADENZA_WEB_PORT": str(port),
        "CADENZA_EVENTS_KEY": KEY,
    }
    log = tmp_path / "log"
    with (
        log.open("ab") as errors,
        subprocess.Popen(
            [sys.executable, ROOT / "tests" / "rig" / "forks.py"],
            env=kept | prefect_environment | settings,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        ) as parent,
    ):
        yield Installation(parent, log, {})
        parent.kill()


class Senders:
    """Servers of sites: each sends one form after the other, and sends it again until it is acknowledged."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}/events/forms"
        self.numbers = itertools.count(1)
        self.acknowledged: list[str] = []
        self.again = 0
        self.stopped = threading.Event()
        self.threads = [threading.Thread(target=self._send) for _ in range(SENDERS)]
        for thread in self.threads:
            thread.start()

    def stop(self) -> None:
        self.stopped.set()
        for thread in self.threads:
            thread.join()

    def _send(self) -> None:
        with httpx.Client(headers={"Authorization": f"Bearer {KEY}"}, timeout=10) as client:
            while not self.stopped.is_set():
                number = next(self.numbers)
                form = ("demo", "later", "unasked")[number % 3]
                event = {"id": str(number), "form": form, "email": f"p{number}@customer.example"}
                while not self._is_acknowledged(client, event | {"fields": {"First name": "Jo"}}):
                    if self.stopped.is_set():
                        return
                    self.again += 1
                    time.sleep(0.1)
                self.acknowledged.append(str(number))
                time.sleep(0.05)

    def _is_acknowledged(self, client: httpx.Client, event: dict[str, Any]) -> bool:
        try:
            return client.post(self.url, json=event).status_code == 202
        except httpx.TransportError:
            return False


def test_no_form_is_lost_or_counted_twice_under_kill_9(world, installation, port):
    world.runtime.clock = SystemClock()
    world.mailbox("ana")
    world.sequence(
        automations=(
            Rule("demo", Trigger(TriggerKind.FORM, ("demo",)), sender="ana"),
            Rule("later", Trigger(TriggerKind.FORM, ("later",)), sender="ana", delay_minutes=60),
        )
    )
    moments = random.Random(5)
    for program in (WEB, AUTOMATE):
        installation.start(program)
    senders = Senders(port)
    try:
        for kill in range(KILLS):
            before = world.one("SELECT count(*) FROM enrollments")
            installation.until(lambda before=before: world.one("SELECT count(*) FROM enrollments") > before)
            time.sleep(moments.uniform(0, 1.0))
            program = (AUTOMATE, WEB)[kill % 2]
            installation.kill(program)
            installation.start(program)
        sent = len(senders.acknowledged)
        installation.until(lambda: len(senders.acknowledged) > sent + 50)
    finally:
        senders.stop()
    installation.kill(AUTOMATE)
    automate(0)

    assert senders.again > 0, "a kill was noticed"
    kept = {row.source_id.removeprefix("form:") for row in world.rows("SELECT source_id FROM signals")}
    assert set(senders.acknowledged) <= kept
    assert world.one("SELECT count(*) FROM signals WHERE taken_at IS NULL") == 0
    asked = dict(map(tuple, world.rows("SELECT name, count(*) FROM signals GROUP BY 1")))
    states = dict(map(tuple, world.rows("SELECT state, count(*) FROM automation_firings GROUP BY 1")))
    assert states == {"enrolled": asked["demo"], "waiting": asked["later"]}
    assert world.one("SELECT count(*) FROM contacts") == sum(asked.values())
    assert world.one("SELECT count(*) FROM enrollments") == asked["demo"]
