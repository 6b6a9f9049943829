"""How fast is an enrollment planned and stored? First steps timed, sends forecast, enrollments opened.

Compared with a loop of zoneinfo over the same contacts, with letting mails go one by one, and with a plain COPY of the
same rows into a table without indexes.
"""

from __future__ import annotations

import io
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Engine, text

from benchmarks import world
from benchmarks.ground import Laps, measured, peak_memory_mb, runtime
from cadenza.domain.enrollment import CONTACT_OWNER, EnrollmentOptions, Segment
from cadenza.domain.overrides import Overrides
from cadenza.domain.throttle import admit
from cadenza.runtime import DrivenClock, current
from cadenza.settings import Settings
from cadenza.store import database

SEND_AT = datetime(2026, 3, 9, 9, 30)  # noqa: DTZ001
LOAD, TIME, JUDGE, FORECAST, OPEN = "load", "time", "judge", "forecast", "open"


def enroll(name: str, own: Mapping[int, Overrides] | None = None) -> Laps:
    """Enroll a list, each contact's owner sends; what each part took."""
    from tasks.begin_batch import begin_batch
    from tasks.check_enrollability import check_enrollability
    from tasks.forecast_sends import forecast_sends
    from tasks.load_candidates import load_candidates
    from tasks.open_enrollments import finish_batch, open_enrollments
    from tasks.time_first_steps import time_first_steps

    batch = begin_batch.fn("hello", CONTACT_OWNER, Segment(name=name), EnrollmentOptions(send_at=SEND_AT), own)
    laps = Laps(current())
    chunks = load_candidates.fn(batch)
    while True:
        with laps.of(LOAD):
            candidates = next(chunks, None)
        if candidates is None:
            finish_batch.fn(batch)
            return laps
        with laps.of(TIME):
            timed = time_first_steps.fn(candidates, batch)
        with laps.of(JUDGE):
            verdict = check_enrollability.fn(timed, batch)
        with laps.of(FORECAST):
            plan = forecast_sends.fn(verdict, batch)
        with laps.of(OPEN):
            opened = open_enrollments.fn(plan, verdict, batch)
        assert opened.enrolled + opened.held == len(candidates)


def own_options(engine: Engine, name: str) -> dict[int, Overrides]:
    """A subject, a window and a token for every tenth contact of a list, different for each."""
    with database.transaction(engine) as connection:
        ids = list(
            connection.scalars(
                text("""
                    SELECT contact_id FROM list_members JOIN lists l ON l.id = list_id
                    WHERE l.name = :name AND contact_id % 10 = 0
                """),
                {"name": name},
            )
        )
    return {
        id_: Overrides.from_data(
            {
                "steps": {"1": {"subject": f"Your question {id_ % 1_000}"}},
                "follow_ups": {"window": [8 * 60 + id_ % 60, 17 * 60]},
                "token_values": {"contact.first_name": f"Kim {id_}"},
            }
        )
        for id_ in ids
    }


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


def main(size: int) -> None:
    """Enroll a tenth of ``size`` contacts, then ``size`` others."""
    import great_expectations  # noqa: F401  (its import takes seconds, once a process)

    with runtime(DrivenClock(world.NOW)) as ground:
        world.found(ground.engine)
        for contacts in (size // 10, size):
            world.fill(ground.engine, f"list of {contacts}", contacts)
            with measured(ground) as taken:
                laps = enroll(f"list of {contacts}")
            print(
                f"{contacts:,} contacts, {world.SENDERS} senders: {taken.seconds:.1f} s; {taken.cpu_seconds:.1f} s CPU,"
                f" of it {taken.database_seconds:.1f} s of PostgreSQL; peak {peak_memory_mb():,.0f} MB",
                flush=True,
            )
        for part, seconds in laps.wall.items():
            print(f"  {part:10} {seconds:6.2f} s {laps.cpu[part]:6.2f} s CPU {size / seconds:12,.0f} contacts/s")
        world.fill(ground.engine, "list with own options", size)
        own = own_options(ground.engine, "list with own options")
        with measured(ground) as other:
            enroll("list with own options", own)
        baselines = {
            OPEN: ("plain COPY of the same rows, no index", plain_copy(ground.engine, "bare")),
            TIME: ("zoneinfo loop, zone known", zoneinfo_loop(ground.engine, 100_000) * size),
            FORECAST: ("mails let go one by one", one_by_one(ground.settings, 100_000) * size),
        }
    for part, (baseline, seconds) in baselines.items():
        print(f"{part} takes {laps.wall[part] / seconds:.2f} × the time of: {baseline} ({seconds:.2f} s)")
    ratio = other.cpu_seconds / taken.cpu_seconds
    print(f"with options of their own for {len(own):,} of them: {ratio:.2f} × the CPU without, PostgreSQL's with it")
    planned = laps.wall[TIME] + laps.wall[FORECAST] + laps.wall[OPEN]
    print(f"planned and stored: {size / planned:,.0f} enrollments/s")
