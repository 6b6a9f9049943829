"""How do others hand over the same mails? A loop that keeps nothing, and two job queues that keep everything.

The queues get the best that there is here: Cadenza's own composer and its pipelined connection. What they differ in is
what a queue does: one job a contact-step, which reads the contact, sends, and stores that the step is done.
"""

from __future__ import annotations

import asyncio
import smtplib
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import huey
import procrastinate
import psycopg
from jinja2 import Environment
from sqlalchemy import text

from benchmarks.ground import Gate, Measured, measured, run_workers
from benchmarks.steps import HTML, SENDER, SEQUENCE, SUBJECT, TEXT
from cadenza.domain.delivery import AttemptResult
from cadenza.mail.message import Letter, StepComposer
from cadenza.mail.transports import Outgoing
from cadenza.mail.transports.connection import Connection, Server
from cadenza.runtime import Runtime
from cadenza.store import database

CONTACT = "SELECT email_normalized, first_name, company, city, job_title FROM contacts WHERE id = %s"
FIELDS = ("first_name", "company", "city", "job_title")
DONE = "INSERT INTO steps_done (number) VALUES (%s)"


def bare_loop(size: int, port: int) -> Measured:
    """What one would write first: render, EmailMessage, smtplib, one reused connection; nothing is kept."""
    templates = [Environment(autoescape=True).from_string(source) for source in (SUBJECT, TEXT, HTML)]
    with smtplib.SMTP("127.0.0.1", port) as connection, measured() as taken:
        for number in range(size):
            values = {"contact": _contact(number), "sender": SENDER.values}
            subject, plain, html = (template.render(values) for template in templates)
            message = EmailMessage()
            message["From"], message["To"] = SENDER.address, f"c{number}@customer.example"
            message["Subject"] = subject
            message.set_content(plain)
            message.add_alternative(html, subtype="html")
            connection.send_message(message)
    return taken


def composed_loop(size: int, port: int) -> Measured:
    """The same loop with Cadenza's composer and connection: what is left when nothing is kept."""
    with Mailer(port) as mailer, measured() as taken:
        for number in range(size):
            mailer.send(number, f"c{number}@customer.example", _contact(number))
    return taken


def procrastinate_jobs(ground: Runtime, size: int, port: int, server: int) -> Measured:
    """Procrastinate on the same PostgreSQL, a worker a core, twenty jobs at once in each."""
    return _jobs(ground, size, server, _defer_procrastinate, _work_procrastinate, port)


def huey_jobs(ground: Runtime, size: int, port: int, server: int) -> Measured:
    """Huey with its own SQLite, forced to the disk like ours, a worker a core."""
    return _jobs(ground, size, server, _defer_huey, _work_huey, port)


def _jobs(ground: Runtime, size: int, server: int, defer: Any, work: Any, port: int) -> Measured:
    with database.transaction(ground.engine) as connection:
        connection.execute(text("DROP TABLE IF EXISTS steps_done"))
        connection.execute(text("CREATE TABLE steps_done (number bigint PRIMARY KEY, at timestamptz DEFAULT now())"))
        contacts = connection.scalar(text("SELECT count(*) FROM contacts"))
    url, home = _url(ground), str(ground.settings.home)
    defer(url, home, [(number, 1 + number % contacts) for number in range(size)])
    taken = run_workers(work, (url, home, port), ground, apart=[server])
    with database.transaction(ground.engine) as connection:
        done = connection.scalar(text("SELECT count(*) FROM steps_done"))
    if done != size:
        raise SystemExit(f"{done} of {size} jobs were done: the figure would be wrong.")
    return taken


class Mailer:
    """Composes and sends one mail at a time."""

    def __init__(self, port: int) -> None:
        self.composer = StepComposer(SEQUENCE.steps[0], SEQUENCE, SENDER)
        self.connection = Connection(Server("127.0.0.1", port, "none"))

    def __enter__(self) -> Mailer:
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()

    def send(self, number: int, address: str, contact: dict[str, str]) -> None:
        """Compose and hand over."""
        letter = Letter(
            address,
            contact["first_name"],
            f"<{number}.1@sender.example>",
            datetime.now(UTC),
            {"contact": contact, "company": {}, "sequence": {}},
            f"https://cadenza.example/unsubscribe/{number:032d}",
        )
        message = self.composer.compose(letter).message
        attempt = self.connection.hand_over(Outgoing(number, SENDER.address, address, message), lambda _: True)
        assert attempt.result is AttemptResult.ACCEPTED


def _contact(number: int) -> dict[str, str]:
    return dict(zip(FIELDS, ("Kim", f"Customer {number}", "Hamburg", "buyer"), strict=True))


def _url(ground: Runtime) -> str:
    assert ground.settings.database_url
    return ground.settings.database_url.get_secret_value().replace("+psycopg", "")


def _app(url: str, mailer: Mailer | None = None) -> procrastinate.App:
    app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=url))

    @app.task(name="step")
    async def step(number: int, contact_id: int) -> None:
        assert mailer
        query = CONTACT.replace("%s", "%(id)s")
        row = await app.connector.execute_query_one_async(query, id=contact_id)
        mailer.send(number, row["email_normalized"], row)
        await app.connector.execute_query_async(DONE.replace("%s", "%(number)s"), number=number)

    return app


def _defer_procrastinate(url: str, home: str, jobs: list[tuple[int, int]]) -> None:
    async def defer() -> None:
        app = _app(url)
        async with app.open_async():
            await app.schema_manager.apply_schema_async()
            await app.tasks["step"].batch_defer_async(*({"number": n, "contact_id": id_} for n, id_ in jobs))

    asyncio.run(defer())


def _work_procrastinate(url: str, home: str, port: int, number: int, gate: Gate) -> None:
    async def work(mailer: Mailer) -> None:
        app = _app(url, mailer)
        async with app.open_async():
            gate.wait()
            await app.run_worker_async(wait=False, concurrency=20, install_signal_handlers=False)

    with Mailer(port) as mailer:
        asyncio.run(work(mailer))


def _huey(home: str, work: Any) -> tuple[Any, Any]:
    queue = huey.SqliteHuey(filename=str(Path(home) / "huey.db"), fsync=True, results=False)
    return queue, queue.task(name="step")(work)


def _defer_huey(url: str, home: str, jobs: list[tuple[int, int]]) -> None:
    _, step = _huey(home, lambda number, contact_id: None)
    for number, contact_id in jobs:
        step(number, contact_id)


def _work_huey(url: str, home: str, port: int, number: int, gate: Gate) -> None:
    with Mailer(port) as mailer, psycopg.connect(url, autocommit=True) as connection:

        def work(number: int, contact_id: int) -> None:
            row = connection.execute(CONTACT, [contact_id]).fetchone()
            assert row
            mailer.send(number, row[0], dict(zip(FIELDS, row[1:], strict=True)))
            connection.execute(DONE, [number])

        queue, _ = _huey(home, work)
        gate.wait()
        while job := queue.dequeue():
            queue.execute(job)
