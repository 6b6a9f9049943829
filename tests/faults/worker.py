"""Workers that fail where they are told to: a nursery imports everything once and forks them.

Reads one JSON object a line: ``{"start": CONFIGURATION}``. Writes ``{"started": pid}``, ``{"ended": pid, "signal": n}``
and, just before a fault, ``{"fault": point}``. A worker does what flows/catch_up.py and flows/send_wave.py do, without
Prefect: recover, reconcile, read, claim, hand over. The product knows nothing of this: its functions are wrapped at
their seams.
"""

from __future__ import annotations

import ctypes
import functools
import json
import os
import random
import select
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg

from cadenza import runtime
from cadenza.domain import settlement
from cadenza.domain.delivery import AttemptResult
from cadenza.errors import CadenzaError, MailServerUnavailable
from cadenza.mail import sink
from cadenza.mail.transports import Transports
from cadenza.mail.transports.connection import Connection
from cadenza.mail.transports.sink import SinkTransport
from cadenza.runtime import Runtime, use
from cadenza.settings import Settings
from cadenza.store import claims, database, deliveries
from tasks import read_mailboxes as reading
from tasks import recover_deliveries, send_email
from tasks.claim_steps import claim_steps
from tasks.reconcile_mailboxes import reconcile_mailboxes

ZONE = "Europe/Berlin"
#: What was deferred comes again after this time: nobody waits five minutes for a test.
RETRY_AFTER = timedelta(seconds=0.3)
#: A mailbox that could not be read is asked again after this time instead of a minute.
AWAY_FOR = timedelta(seconds=0.5)


def around(owner: Any, name: str, before: Callable[..., None] | None, after: Callable[..., None] | None) -> None:
    """Call ``before(*arguments)`` and ``after(result, *arguments)`` around every call of a function of the product."""
    real = getattr(owner, name)

    @functools.wraps(real)
    def wrapped(*arguments: Any, **named: Any) -> Any:
        if before:
            before(*arguments)
        result = real(*arguments, **named)
        if after:
            after(result, *arguments)
        return result

    setattr(owner, name, wrapped)


def watch(reached: Callable[[str], bool]) -> None:
    """Let ``reached`` know whenever one of the ten points is passed; after-claim is told by the loop below."""
    handover = send_email.Handover
    around(claims, "reserve", lambda *_: reached("before-claim"), None)
    around(
        handover,
        "before_body",
        lambda *_: reached("after-354"),
        lambda may_go, *_: reached("after-compare-and-set") if may_go else None,
    )

    send_all = Connection._send_all

    def in_two_halves(self: Connection, data: bytes, seconds: float) -> None:
        send_all(self, data[: len(data) // 2], seconds)
        reached("mid-body")
        send_all(self, data[len(data) // 2 :], seconds)
        reached("after-dot")

    Connection._send_all = in_two_halves  # type: ignore[method-assign]
    around(
        Connection,
        "_answer_to_dot",
        None,
        lambda attempt, *_: reached("after-250") if attempt.result is AttemptResult.ACCEPTED else None,
    )
    around(deliveries, "settle", None, lambda settled, *_: reached("inside-settling") if settled else None)

    turn = handover._turn

    def turned(self: send_email.Handover, window: Any) -> None:
        had_outcomes = bool(self.pending)
        turn(self, window)
        if had_outcomes:
            reached("after-commit")

    handover._turn = turned  # type: ignore[method-assign]
    for name in ("release_claims", "abandoned", "resend"):
        around(deliveries, name, None, lambda found, *_: reached("inside-recovery") if found else None)
    around(recover_deliveries, "_settle_found", None, lambda found, *_: reached("inside-recovery") if found else None)


class Faults:
    """Fails at a point when it is passed the given time; with ``again`` also later, at a random one of so many.

    All together ``times`` times at most.
    """

    def __init__(self, wanted: list[dict[str, Any]], postmaster: int | None, dice: random.Random) -> None:
        self.left = {fault["at"]: fault["countdown"] for fault in wanted}
        self.wanted = {fault["at"]: fault for fault in wanted}
        self.postmaster = postmaster
        self.dice = dice

    def reached(self, point: str) -> bool:
        """Whether this time it fails, and lives to tell."""
        if point not in self.left:
            return False
        self.left[point] -= 1
        if self.left[point] != 0:
            return False
        fault = self.wanted[point]
        fault["times"] = fault.get("times", 1_000) - 1
        if "again" in fault and fault["times"]:
            self.left[point] = self.dice.randint(1, fault["again"])
        say({"fault": point, "pid": os.getpid()})
        match fault.get("do", "kill"):
            case "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            case "stop":
                os.kill(os.getpid(), signal.SIGSTOP)
            case "postgres":
                self.stop_postgres()
        return True

    def stop_postgres(self) -> None:
        """As if the machine of the database had lost its power."""
        assert self.postmaster
        with suppress(ProcessLookupError):
            os.kill(self.postmaster, signal.SIGQUIT)
            while True:
                os.kill(self.postmaster, 0)
                time.sleep(0.01)


#: What a transaction is for, by the functions of ``cadenza.store`` that it calls.
COMMITS = {
    "claim": [(claims, "reserve")],
    "mark": [(deliveries, "mark_in_flight")],
    "settlement": [(deliveries, "settle")],
    "recovery": [(deliveries, "release_claims"), (deliveries, "resend"), (deliveries, "mark_unknown")],
}


def watch_commits(engine: Any, reached: Callable[[str], bool]) -> None:
    """Tell of commits: ``before-commit of claim``, and ``commit-unanswered of claim``: done, but the answer is lost."""
    under_way = threading.local()

    def note(kind: str) -> Callable[..., None]:
        def changed(result: Any, *_: Any) -> None:
            if result:
                under_way.kind = kind

        return changed

    for kind, functions in COMMITS.items():
        for owner, name in functions:
            around(owner, name, None, note(kind))
    real = engine.dialect.do_commit

    def commit(connection: Any) -> None:
        kind, under_way.kind = getattr(under_way, "kind", None), None
        if kind:
            reached(f"before-commit of {kind}")
        real(connection)
        if kind and reached(f"commit-unanswered of {kind}"):
            raise psycopg.OperationalError("the connection is gone before the answer to COMMIT came")

    engine.dialect.do_commit = commit


def hide_witness(config: dict[str, Any], dice: random.Random) -> None:
    """Let the witness be out of reach with a probability, or show a mail only some time after it was accepted."""
    accepted = SinkTransport.accepted

    def sometimes(self: SinkTransport, message_ids: Any, *rest: Any) -> Any:
        if dice.random() < config.get("away", 0):
            raise MailServerUnavailable
        found = accepted(self, message_ids, *rest)
        if lag := config.get("lag"):
            late = time.time() - lag
            found = {id_ for id_ in found or () if sink._index(self.folder, id_.encode()).stat().st_mtime < late}
        return found

    SinkTransport.accepted = sometimes  # type: ignore[method-assign]


def set_clocks(whose: list[str], offset: Path) -> None:
    """Let the clocks of a worker's machine, or that of the database, be wrong by the seconds that a file says."""

    def wrong() -> timedelta:
        return timedelta(seconds=float(offset.read_text()))

    if "machines" in whose:
        # Half of the machines are right.
        is_right = os.getpid() % 2 == 0

        class Wrong(datetime):
            @classmethod
            def now(cls, tz: Any = None) -> datetime:
                return datetime.now(tz) + (timedelta() if is_right else wrong())

        runtime.datetime = Wrong  # type: ignore[attr-defined]
    if "database" in whose:
        right = database.instant_of
        database.instant_of = lambda engine: right(engine) + wrong()
        runtime.DatabaseClock.ASKED_EVERY = 0.2


def work(config: dict[str, Any]) -> None:
    """Recover, claim and hand over until told to end."""
    os.environ.update(config.get("environment", {}))
    dice = random.Random(config["seed"])
    faults = Faults(config.get("faults", []), config.get("postmaster"), dice)
    settlement.run_after = lambda sequence, is_first, start, *_: start + RETRY_AFTER
    reading.AWAY_FOR = AWAY_FOR
    watch(faults.reached)
    if "witness" in config:
        hide_witness(config["witness"], dice)
    settings = Settings(home=Path(config["home"]), database_url=config["url"], **config["settings"])
    # As leases are: a worker that stands still must not keep the others from its rows.
    engine = database.connect(config["url"], frozen_seconds=2)
    watch_commits(engine, faults.reached)
    if "clock" in config:
        set_clocks(config["clock"]["whose"], Path(config["clock"]["offset"]))
    with use(Runtime(settings, engine, Transports(settings), runtime.DatabaseClock(engine))):
        while True:
            try:
                recover_deliveries.recover_deliveries.fn()
                reconcile_mailboxes.fn()
                answers = reading.read_mailboxes.fn(ZONE)
                claim = claim_steps.fn(ZONE, read=answers.read)
                if claim.delivery_ids:
                    faults.reached("after-claim")
                    send_email.hand_over(claim.delivery_ids)
                else:
                    time.sleep(0.05)
                if config.get("greedy"):
                    send_email.hand_over(_open_claims(engine))
            except CadenzaError as error:
                if not error.transient:
                    raise
                time.sleep(0.1)


def _open_claims(engine: Any) -> list[int]:
    """Deliveries that somebody else has claimed and may be sending right now."""
    with database.transaction(engine) as connection:
        return list(connection.exec_driver_sql("SELECT id FROM deliveries WHERE state = 'claimed'").scalars())


def say(what: dict[str, Any]) -> None:
    """One line in one write: several processes share the pipe."""
    os.write(1, json.dumps(what).encode() + b"\n")


def fork(config: dict[str, Any]) -> None:
    pid = os.fork()
    if pid:
        say({"started": pid})
        return
    try:
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)
        os.close(0)
        work(config)
    except BaseException:
        traceback.print_exc()
        os._exit(1)


def nursery() -> None:
    """Fork a worker for each line; tell when one has ended."""
    say({"ready": True})
    unread = b""
    while True:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                break
            if not pid:
                break
            say({"ended": pid, "signal": os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0})
        if not select.select([0], [], [], 0.02)[0]:
            continue
        data = os.read(0, 65_536)
        if not data:
            return
        *lines, unread = (unread + data).split(b"\n")
        for line in lines:
            fork(json.loads(line)["start"])


if __name__ == "__main__":
    sys.stdout.reconfigure(write_through=True)  # type: ignore[union-attr]
    nursery()
