"""How many contact-steps leave in a second, each durable, through claim → render → SMTP → settle?

The same work by others in the same run: a bare loop that keeps nothing, and procrastinate, a job queue on the same
PostgreSQL. All talk to the same server, which takes every mail and keeps none.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import smtplib
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage

from jinja2 import Environment
from sqlalchemy import text

from benchmarks.ground import Measured, cores, measured, runtime
from cadenza.domain.sequence import Delay, EligibleDays, FollowUpPolicy, Sequence, Step, StepKind
from cadenza.mail.transports import Transports
from cadenza.runtime import Runtime, use
from cadenza.settings import Settings
from cadenza.store import database, sequences, team

SENDERS = 50
STEPS = 3
ZONE = "Europe/Berlin"
SUBJECT = "A word about {{ contact.company }}"
TEXT = "\n\n".join(
    [
        "Dear {{ contact.first_name }},",
        "we met in {{ contact.city }}, where you said that {{ contact.company }} is looking for a new partner. " * 4,
        "As {{ contact.job_title }} you will know best whether this is worth a call. " * 4,
        "Kind regards,\n{{ sender.name }}",
    ]
)
HTML = "".join(f"<p>{part}</p>" for part in TEXT.split("\n\n"))


def main(size: int) -> None:
    """Hand over ``size`` contact-steps, and a fifth of them by the peers."""
    bare_size, queue_size = max(size // 5, 500), max(size // 20, 300)
    with server() as port:
        results = {
            "bare smtplib loop, nothing kept": (bare_size, _bare_loop(bare_size, port)),
            "procrastinate, one worker": (queue_size, _procrastinate(queue_size, port)),
            f"Cadenza, {cores()} workers, summary": (size, _cadenza(size, port)),
        }
    rates = {name: steps / taken.seconds for name, (steps, taken) in results.items()}
    bare, queue, _ = rates.values()
    for name, (steps, taken) in results.items():
        print(
            f"{name:36} {rates[name]:8,.0f} steps/s  {1000 * taken.cpu_seconds / steps:6.3f} ms CPU a step"
            f"  {rates[name] / bare:5.2f} × bare  {rates[name] / queue:6.1f} × queue"
        )


def _sequence() -> Sequence:
    steps = tuple(
        Step(n, StepKind.EMAIL, Delay(0), subject=SUBJECT, html=HTML, text=TEXT, reply_to_position=n - 1 or None)
        for n in range(1, STEPS + 1)
    )
    return Sequence("benchmark", "Benchmark", steps, follow_ups=FollowUpPolicy(EligibleDays.EVERYDAY))


def _cadenza(size: int, port: int) -> Measured:
    transport = {"kind": "smtp", "host": "127.0.0.1", "port": port, "security": "none"}
    with runtime(send_window=100, claim_size=1_000) as ground:
        _fill(ground, size // STEPS, transport)
        context = multiprocessing.get_context("spawn")
        url = ground.settings.database_url
        assert url
        gate = context.Barrier(cores() + 1)
        workers = [
            context.Process(target=_work, args=(url.get_secret_value(), str(ground.settings.home), n, cores(), gate))
            for n in range(cores())
        ]
        for worker in workers:
            worker.start()
        gate.wait()
        with measured() as taken:
            for worker in workers:
                worker.join()
        with database.transaction(ground.engine) as connection:
            sent = connection.scalar(text("SELECT count(*) FROM deliveries WHERE state = 'sent'"))
        if sent != size // STEPS * STEPS:
            sys.exit(f"{sent} of {size} steps were sent: the figure would be wrong")
    return taken


def _work(url: str, home: str, shard: int, shards: int, gate: object) -> None:
    from tasks.claim_steps import claim_steps
    from tasks.send_email import hand_over

    settings = Settings(home=home, database_url=url, send_window=100, claim_size=1_000)
    engine = database.connect(url)
    with use(Runtime(settings, engine, Transports(settings))) as worker:
        with database.transaction(engine) as connection:
            connection.execute(text("SELECT 1"))
        gate.wait()  # type: ignore[attr-defined]
        idle = 0
        while idle < 3:
            claim = claim_steps.fn(ZONE, shard=shard, shards=shards)
            if claim.delivery_ids:
                hand_over(claim.delivery_ids)
                idle = 0
            else:
                idle += 1
                time.sleep(0.02)
        worker.transports.close()


def _fill(ground: Runtime, contacts: int, transport: dict[str, object]) -> None:
    """Contacts of fifty senders, each enrolled and due now."""
    now = ground.clock.now()
    users = [
        {
            "handle": f"u{n}",
            "email": f"u{n}@sender.example",
            "name": f"Uma {n}",
            "mailboxes": [
                {"address": f"u{n}@sender.example", "transport": transport, "limits": [], "postal_address": "Hamburg"}
            ],
        }
        for n in range(SENDERS)
    ]
    with database.transaction(ground.engine) as connection:
        team.save_team(connection, team.Team.model_validate({"users": users}))
        stored = sequences.save_sequence(connection, _sequence(), now)
        connection.execute(
            text("""
                INSERT INTO contacts (identity_key, email, email_normalized, first_name, company, city, job_title)
                SELECT 'email:' || i, a, a, 'Kim', 'Customer ' || i, 'Hamburg', 'buyer'
                FROM (SELECT i, 'c' || i || '@customer.example' AS a FROM generate_series(1, :n) i) x
            """),
            {"n": contacts},
        )
        connection.execute(
            text("""
                INSERT INTO enrollments (contact_id, sequence_id, sequence_version_id, mailbox_id, user_id, to_address,
                    status, time_zone, time_zone_source, next_position, next_kind, due_at, enrolled_at)
                SELECT c.id, :sequence_id, :version_id, m.id, m.user_id, c.email_normalized, 'active', :zone, 'contact',
                       1, 'email', :now, :now
                FROM contacts c JOIN mailboxes m ON m.id = 1 + c.id % (SELECT count(*) FROM mailboxes)
            """),
            {"sequence_id": stored.id, "version_id": stored.version_id, "zone": ZONE, "now": now},
        )
    with ground.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))


def _values(number: int) -> dict[str, dict[str, str]]:
    return {
        "contact": {"first_name": "Kim", "company": f"Customer {number}", "city": "Hamburg", "job_title": "buyer"},
        "sender": {"name": "Uma 1"},
    }


def _mail(templates: tuple[object, ...], number: int) -> EmailMessage:
    subject, plain, html = (template.render(_values(number)) for template in templates)  # type: ignore[attr-defined]
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "u1@sender.example", f"c{number}@customer.example", subject
    message.set_content(plain)
    message.add_alternative(html, subtype="html")
    return message


def _templates() -> tuple[object, ...]:
    return tuple(Environment(autoescape=True).from_string(source) for source in (SUBJECT, TEXT, HTML))


def _bare_loop(size: int, port: int) -> Measured:
    """What one would write first: render, EmailMessage, smtplib, one reused connection."""
    templates = _templates()
    with smtplib.SMTP("127.0.0.1", port) as connection, measured() as taken:
        for number in range(size):
            connection.send_message(_mail(templates, number))
    return taken


def _procrastinate(size: int, port: int) -> Measured:
    """One job per step on the same kind of PostgreSQL; the contact's row is read and updated by the job."""
    import procrastinate

    templates = _templates()
    with runtime() as ground:
        assert ground.settings.database_url
        url = ground.settings.database_url.get_secret_value().replace("+psycopg", "")
        app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=url))
        mail_server = smtplib.SMTP("127.0.0.1", port)

        @app.task(name="step", pass_context=False)
        async def step(number: int) -> None:
            rows = await app.connector.execute_query_one_async(
                "SELECT count(*) AS n FROM contacts WHERE id = %(number)s", number=number
            )
            assert rows is not None
            mail_server.send_message(_mail(templates, number))
            await app.connector.execute_query_async(
                "INSERT INTO events (kind, source_id, at) VALUES ('sent', %(source)s, now())", source=f"{number}"
            )

        async def work() -> Measured:
            async with app.open_async():
                await app.schema_manager.apply_schema_async()
                await step.batch_defer_async(*({"number": number} for number in range(size)))
                with measured() as taken:
                    await app.run_worker_async(wait=False, concurrency=20, install_signal_handlers=False)
            return taken

        return asyncio.run(work())


@contextmanager
def server() -> Iterator[int]:
    """A mail server in a process of its own that takes every mail and keeps none; gives its port."""
    ready, told = multiprocessing.get_context("spawn").Pipe(duplex=False)
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(told,), daemon=True)
    process.start()
    try:
        yield ready.recv()
    finally:
        process.terminate()
        process.join()


def _serve(told: object) -> None:
    async def session(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 ready\r\n")
        while line := await reader.readline():
            verb = line[:4].upper()
            if verb == b"DATA":
                writer.write(b"354 go on\r\n")
                await writer.drain()
                await reader.readuntil(b"\r\n.\r\n")
                writer.write(b"250 2.0.0 taken\r\n")
            elif verb == b"EHLO":
                writer.write(b"250-benchmark\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SIZE 50000000\r\n")
            elif verb == b"QUIT":
                writer.write(b"221 bye\r\n")
                break
            else:
                writer.write(b"250 2.0.0 ok\r\n")
            await writer.drain()
        writer.close()

    async def serve() -> None:
        listener = await asyncio.start_server(session, "127.0.0.1", 0, limit=1 << 22)
        told.send(listener.sockets[0].getsockname()[1])  # type: ignore[attr-defined]
        await listener.serve_forever()

    asyncio.run(serve())
