"""How long does a site's server wait until a form submission is safe, and how soon has a rule dealt with it?

Real requests to a real web process, one event each, at a steady pace: 10,000 in a minute. The wait of each counts from
when it was to be sent, whether or not the ones before were answered. The baseline is what no endpoint can do without: a
row inserted and committed. Then the same as fast as it goes, and what the rules make of it all.
"""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import httpx
import numpy as np
import orjson
from sqlalchemy import text

from benchmarks.ground import Measured, cpu_seconds, measured, runtime
from cadenza.domain.automation import Rule, Trigger, TriggerKind
from cadenza.domain.enrollment import EnrollmentOptions, Segment
from cadenza.domain.sequence import Sequence, Step, StepKind
from cadenza.runtime import Runtime
from cadenza.store import automations, database, firings, sequences, signals
from cadenza.store.team import Team, save_team
from cadenza.web.signatures import SIGNATURE, TIMESTAMP, sign

#: What was promised: so many in a minute, 99 of 100 of them acknowledged within so much.
A_MINUTE: Final = 10_000
PROMISED_MS: Final = 100
CONNECTIONS: Final = 16


def main(size: int) -> None:
    """Print how long requests took, and how fast the rules were."""
    with runtime() as ground:
        _furnish(ground)
        with _web(ground) as port:
            asyncio.run(_send(ground, port, size=min(size, 200), first=0, pace=0))  # warm
            steady, _ = _sent(ground, port, size, size, 60 / A_MINUTE)
            hasty, at_once = _sent(ground, port, size, 2 * size, 0)
        baseline = _inserted(ground, min(size, 1_000))
        _print("one row inserted and committed", baseline, None)
        _print(f"{size:,} forms at {A_MINUTE:,} a minute", steady, baseline)
        _print(f"{size:,} forms as fast as {CONNECTIONS} connections go", hasty, baseline)
        cpu, of_database = (1000 * part / size for part in (at_once.cpu_seconds, at_once.database_seconds))
        print(
            f"{size / at_once.seconds:,.0f} forms/s at most; {cpu:.2f} ms CPU a form, {of_database:.2f} of it database,"
            " those who send included"
        )
        print(f"p99 {np.percentile(steady, 99):.1f} ms of {PROMISED_MS} ms promised")
        with measured(ground) as taken:
            outcomes = _ruled(ground)
        said = ", ".join(f"{number:,} {state}" for state, number in sorted(outcomes.items()))
        print(f"rules: {said}; {sum(outcomes.values()) / taken.seconds:,.0f} firings/s from signal to enrollment")


def _furnish(ground: Runtime) -> None:
    mailbox = {"address": "ana@northwind.example", "postal_address": "Hamburg", "transport": {"kind": "sink"}}
    ana = {"handle": "ana", "email": "ana@northwind.example", "name": "Ana", "mailboxes": [mailbox | {"limits": []}]}
    rules = (
        Rule("demo", Trigger(TriggerKind.FORM, ("demo",)), sender="ana"),
        Rule("later", Trigger(TriggerKind.FORM, ("later",)), sender="ana", delay_minutes=60),
        Rule("owner", Trigger(TriggerKind.FORM, ("owner",)), sender_property="owner_email"),
    )
    step = Step(1, StepKind.EMAIL, subject="Hello", text="Dear {{ contact.first_name }}")
    with database.transaction(ground.engine) as connection:
        save_team(connection, Team.model_validate({"users": [ana]}))
        hello = Sequence("hello", "Hello", (step,), automations=rules)
        sequences.save_sequence(connection, hello, ground.clock.now())


@contextmanager
def _web(ground: Runtime) -> Iterator[int]:
    """The port of a web process, as it is started elsewhere too, that has loaded all it ever needs."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    assert ground.settings.database_url
    environment = {
        "CADENZA_HOME": str(ground.settings.home),
        "CADENZA_DATABASE_URL": ground.settings.database_url.get_secret_value(),
        "CADENZA_WEB_PORT": str(port),
    }
    web = subprocess.Popen([sys.executable, "-m", "cadenza.web"], env=os.environ | environment)
    try:
        for _ in range(600):
            try:
                httpx.get(f"http://127.0.0.1:{port}/health").raise_for_status()
                break
            except httpx.HTTPError:
                time.sleep(0.1)
        before = 0.0
        while (used := cpu_seconds(web.pid)) > before + 0.02:
            before = used
            time.sleep(0.5)
        yield port
    finally:
        web.terminate()
        web.wait()


def _sent(ground: Runtime, port: int, size: int, first: int, pace: float) -> tuple[np.ndarray, Measured]:
    with measured(ground) as taken:
        waits = asyncio.run(_send(ground, port, size, first, pace))
    return waits, taken


async def _send(ground: Runtime, port: int, size: int, first: int, pace: float) -> np.ndarray:
    """Send forms over some connections; how many milliseconds each waited for its 202."""
    waits = np.zeros(size)
    numbers = iter(range(size))
    began = time.perf_counter() + 0.1

    async def connection() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for number in numbers:
            planned = began + number * pace if pace else time.perf_counter()
            await asyncio.sleep(max(0.0, planned - time.perf_counter()))
            writer.write(_request(ground.events_key, first + number))
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
            body = await reader.readexactly(length)
            assert head.startswith(b"HTTP/1.1 202 "), body
            waits[number] = (time.perf_counter() - planned) * 1000
        writer.close()

    await asyncio.gather(*(connection() for _ in range(CONNECTIONS)))
    return waits


def _request(key: str, number: int) -> bytes:
    form = ("demo", "later", "owner", "unasked")[number % 4]
    fields = {"first_name": "Jo", "company": "Kunde", "message": "Please call me. " * 10}
    event = {"id": str(number), "form": form, "email": f"p{number}@customer.example", "fields": fields}
    body, now = orjson.dumps(event), int(time.time())
    head = (
        f"POST /events/forms HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n"
        f"{TIMESTAMP}: {now}\r\n{SIGNATURE}: {sign(key, now, body)}\r\n\r\n"
    )
    return head.encode() + body


def _inserted(ground: Runtime, size: int) -> np.ndarray:
    """Milliseconds of each of some commits of one row."""
    waits = np.zeros(size)
    with database.autocommit(ground.engine) as connection:
        connection.execute(text("CREATE TABLE plain (id bigint PRIMARY KEY, data jsonb)"))
        for number in range(size):
            began = time.perf_counter()
            connection.execute(text("INSERT INTO plain VALUES (:id, '{\"a\": 1}')"), {"id": number})
            waits[number] = (time.perf_counter() - began) * 1000
    return waits


def _ruled(ground: Runtime) -> Counter[str]:
    """What the rules did with all signals, by the tasks of ``automate`` without its runs."""
    from tasks.begin_batch import begin_batch
    from tasks.check_enrollability import check_enrollability
    from tasks.forecast_sends import forecast_sends
    from tasks.load_candidates import load_candidates
    from tasks.open_enrollments import finish_batch, open_enrollments
    from tasks.settle_firings import due_firings, hand_to_batch, settle_firings
    from tasks.take_signals import take_signals
    from tasks.time_first_steps import time_first_steps

    now = ground.clock.now()
    while take_signals.fn(now):
        pass
    while groups := due_firings.fn(now):
        for due in groups:
            begun = begin_batch.fn(due.sequence, due.sender, Segment(contact_ids=due.contact_ids), EnrollmentOptions())
            batch = hand_to_batch(due, begun)
            for candidates in load_candidates.fn(batch):
                verdict = check_enrollability.fn(time_first_steps.fn(candidates, batch), batch)
                open_enrollments.fn(forecast_sends.fn(verdict, batch), verdict, batch)
            finish_batch.fn(batch)
            settle_firings.fn(now)
    with database.transaction(ground.engine) as connection:
        assert not signals.anything_new(connection)
        assert not firings.anything_due(connection, now)
        counts: Counter[str] = Counter()
        for rule in automations.list_rules(connection):
            counts.update(rule.counts)
    return counts


def _print(what: str, waits: np.ndarray, baseline: np.ndarray | None) -> None:
    p50, p99, longest = (float(np.percentile(waits, share)) for share in (50, 99, 100))
    ratio = f"  {p50 / float(np.percentile(baseline, 50)):.1f} × baseline" if baseline is not None else ""
    print(f"{what:<48} p50 {p50:7.2f} ms  p99 {p99:7.2f} ms  longest {longest:7.2f} ms{ratio}")
