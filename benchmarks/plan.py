"""How fast is an enrollment planned and stored? First steps timed, sends forecast, enrollments opened.

Compared with a loop of zoneinfo over the same contacts, with letting mails go one by one, and with a plain COPY of the
same rows into a table without indexes.
"""

from __future__ import annotations

import io
import resource
import tempfile
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy import Engine, text

from cadenza.domain.enrollment import CONTACT_OWNER, EnrollmentOptions, Segment
from cadenza.domain.sequence import Sequence, Step, StepKind
from cadenza.domain.throttle import admit
from cadenza.runtime import DrivenClock, Runtime, use
from cadenza.settings import Settings
from cadenza.store import database
from cadenza.store.embedded import start_embedded, url_of
from cadenza.store.sequences import save_sequence

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
SEND_AT = datetime(2026, 3, 9, 9, 30)  # noqa: DTZ001
#: Senders; each has one mailbox with the default limits.
SENDERS = 50

WORLD = [
    """
    INSERT INTO users (handle, email, name, time_zone)
    SELECT 'user' || i, 'user' || i || '@northwind.example', 'User', 'Europe/Berlin' FROM generate_series(1, :senders) i
    """,
    """
    INSERT INTO mailboxes (user_id, address, display_name, transport) SELECT id, email, name, '{"kind": "sink"}'
    FROM users
    """,
]
CONTACTS = """
    INSERT INTO contacts (identity_key, email, email_normalized, first_name, owner_email, time_zone, country, phone)
    SELECT 'email:' || a, a, a, 'Kim', 'user' || i % :senders + 1 || '@northwind.example',
           CASE WHEN i % 3 = 0 THEN zones[1 + i % cardinality(zones)] END,
           countries[1 + i % cardinality(countries)],
           CASE i % 4 WHEN 0 THEN '+49 ' || 1511234567 + i % 9999 WHEN 1 THEN '+1 212 ' || 2000000 + i % 7999999
                      WHEN 2 THEN '(415) ' || 2000000 + i % 7999999 END
    FROM (
        SELECT i, 'person' || i || '@company' || i % 5000 || '.example' AS a
        FROM (SELECT coalesce(max(id), 0) AS n FROM contacts) m, generate_series(n + 1, n + :size) i
    ) x, (
        SELECT ARRAY['Europe/Berlin', 'Asia/Tokyo', 'America/New_York', 'Asia/Kolkata', 'Australia/Sydney', 'Narnia',
                     'Europe/London', 'America/Sao_Paulo', 'Africa/Lagos', 'America/Los_Angeles'] AS zones,
               ARRAY['Germany', 'USA', 'Japan', 'India', 'Deutschland', 'Brazil', 'France'] AS countries
    ) y
"""


def enroll(name: str) -> dict[str, float]:
    """Enroll a list, each contact's owner sends; seconds of each part."""
    from tasks.begin_batch import begin_batch
    from tasks.check_enrollability import check_enrollability
    from tasks.forecast_sends import forecast_sends
    from tasks.load_candidates import load_candidates
    from tasks.open_enrollments import finish_batch, open_enrollments
    from tasks.time_first_steps import time_first_steps

    batch = begin_batch.fn("hello", CONTACT_OWNER, Segment(name=name), EnrollmentOptions(send_at=SEND_AT))
    spent: Counter[str] = Counter()
    start = time.perf_counter()

    def lap(part: str) -> None:
        nonlocal start
        now = time.perf_counter()
        spent[part] += now - start
        start = now

    for candidates in load_candidates.fn(batch):
        lap("load")
        timed = time_first_steps.fn(candidates, batch)
        lap("time")
        verdict = check_enrollability.fn(timed, batch)
        lap("judge")
        plan = forecast_sends.fn(verdict, batch)
        lap("forecast")
        opened = open_enrollments.fn(plan, verdict, batch)
        assert opened.enrolled + opened.held == len(candidates)
        lap("open")
    finish_batch.fn(batch)
    return dict(spent)


def plain_copy(engine: Engine, name: str) -> float:
    """Seconds to COPY the enrollments of the last batch, read before, into a bare table."""
    columns = (
        "batch_id, contact_id, sequence_id, sequence_version_id, mailbox_id, user_id, to_address, status, time_zone, "
        "time_zone_source, country, next_position, next_kind, due_at, expected_at, held_reason, held_until, enrolled_at"
    )
    with database.transaction(engine) as connection:
        buffer = io.BytesIO()
        query = f"SELECT {columns} FROM enrollments WHERE batch_id = (SELECT max(id) FROM batches)"
        connection.execute(text(f"CREATE TABLE {name} AS {query} LIMIT 0"))
        with database.driver_connection(connection).cursor() as cursor:
            with cursor.copy(f"COPY ({query}) TO STDOUT".encode()) as rows:
                for block in rows:
                    buffer.write(block)
            start = time.perf_counter()
            with cursor.copy(f"COPY {name} FROM STDIN".encode()) as rows:
                rows.write(buffer.getbuffer())
            return time.perf_counter() - start


def zoneinfo_loop(engine: Engine, sample: int) -> float:
    """Seconds a contact to turn the chosen local time into an instant, one by one, its zone known."""
    with database.transaction(engine) as connection:
        zones = list(connection.scalars(text("SELECT time_zone FROM enrollments LIMIT :n"), {"n": sample}))
    start = time.perf_counter()
    for zone in zones:
        SEND_AT.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    return (time.perf_counter() - start) / sample


def one_by_one(settings: Settings, mails: int) -> float:
    """Seconds a mail to let the mails of one mailbox go in plain Python."""
    start = time.perf_counter()
    admit(settings.limits, [], [0] * mails)
    return (time.perf_counter() - start) / mails


def main(size: int = 1_000_000) -> None:
    """Print enrollments a second and the peak of memory, for a tenth of ``size`` contacts and for all of them."""
    import great_expectations  # noqa: F401  (its import takes seconds, once a process)

    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        server = start_embedded(home)
        try:
            maintenance = database.connect(url_of(server, "postgres"), pool_size=1)
            database.create_database(maintenance, "benchmark")
            engine = database.connect(url_of(server, "benchmark"))
            database.migrate(engine)
            settings = Settings(home=home)
            with use(Runtime(settings, engine, None, DrivenClock(NOW))):
                _prepare(engine)
                for contacts in (size // 10, size):
                    _fill(engine, contacts)
                    spent = enroll(f"list of {contacts}")
                    _print(contacts, spent)
            planned = spent["time"] + spent["forecast"] + spent["open"]
            copied = plain_copy(engine, "bare")
            looped, counted = zoneinfo_loop(engine, 100_000), one_by_one(settings, 100_000)
            _compare("open", spent, "plain COPY of the same rows, no index", copied)
            _compare("time", spent, "zoneinfo loop, zone known", looped * size)
            _compare("forecast", spent, "mails let go one by one", counted * size)
            print(f"planned and stored: {size / planned:,.0f} enrollments/s (goal: 100,000)")
            engine.dispose()
            maintenance.dispose()
        finally:
            server.cleanup()


def _prepare(engine: Engine) -> None:
    step = Step(1, StepKind.EMAIL, subject="Hello", text="Hello", html="<p>Hello</p>")
    with database.transaction(engine) as connection:
        for statement in WORLD:
            connection.execute(text(statement), {"senders": SENDERS} if ":senders" in statement else {})
        save_sequence(connection, Sequence("hello", "Hello", (step,)), NOW)


def _fill(engine: Engine, contacts: int) -> None:
    """A list of new contacts; who was enrolled before is done."""
    with database.transaction(engine) as connection:
        connection.execute(text("TRUNCATE enrollments CASCADE"))
        connection.execute(text(CONTACTS), {"size": contacts, "senders": SENDERS})
        connection.execute(text("INSERT INTO lists (name, kind) VALUES (:n, 'static')"), {"n": f"list of {contacts}"})
        connection.execute(
            text("""
                INSERT INTO list_members (list_id, contact_id)
                SELECT (SELECT max(id) FROM lists), id FROM contacts ORDER BY id DESC LIMIT :size
            """),
            {"size": contacts},
        )
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))


def _print(contacts: int, spent: dict[str, float]) -> None:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    parts = ", ".join(f"{part} {seconds:.1f} s ({contacts / seconds:,.0f}/s)" for part, seconds in spent.items())
    print(f"{contacts:,} contacts, {SENDERS} senders: {parts}; peak {peak} MB", flush=True)


def _compare(part: str, spent: dict[str, float], baseline: str, seconds: float) -> None:
    print(f"{part} takes {spent[part] / seconds:.2f} times as long as: {baseline} ({seconds:.1f} s)", flush=True)


if __name__ == "__main__":
    main()
