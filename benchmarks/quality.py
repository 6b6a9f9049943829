"""How long does the nightly data-quality report look at what is stored?

A size of n means n contacts with an enrollment and two sent mails each. Compared with reading the same rows once.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine, text

from benchmarks.ground import measured, peak_memory_mb, runtime
from cadenza.domain.sequence import Delay, EligibleDays, FollowUpPolicy, SendWindow, Sequence, Step, StepKind
from cadenza.runtime import DrivenClock, use
from cadenza.store import database, quality
from cadenza.store.sequences import save_sequence

NOW = datetime(2026, 3, 30, 5, tzinfo=UTC)
#: Each has one mailbox with the default limits.
SENDERS = 100

_STORED = [
    """
    INSERT INTO users (handle, email, name)
    SELECT 'user' || i, 'user' || i || '@northwind.example', 'User' FROM generate_series(1, :senders) i
    """,
    """
    INSERT INTO mailboxes (user_id, address, display_name, transport, limits)
    SELECT id, email, name, '{"kind": "sink"}', '[{"count": 3, "seconds": 60}, {"count": 5000, "seconds": 86400}]'
    FROM users
    """,
    """
    INSERT INTO contacts (identity_key, email, email_normalized, first_name, country)
    SELECT 'email:' || a, a, a, 'Kim', 'Germany'
    FROM (SELECT 'person' || i || '@company' || i % 5000 || '.example' AS a FROM generate_series(1, :size) i) x
    """,
    """
    INSERT INTO enrollments (contact_id, sequence_id, sequence_version_id, mailbox_id, user_id, to_address, status,
                             time_zone, time_zone_source, country, next_position, next_kind, due_at, enrolled_at)
    SELECT c.id, v.sequence_id, v.id, m.id, m.user_id, c.email_normalized, 'active',
           zones[1 + c.id % cardinality(zones)], 'contact', 'DE', 3, 'email', :now + interval '3 days', :started
    FROM contacts c JOIN mailboxes m ON m.id = 1 + c.id % :senders, sequence_versions v,
         (SELECT ARRAY['Europe/Berlin', 'Asia/Tokyo', 'America/New_York', 'Asia/Kolkata'] AS zones) z
    """,
    """
    INSERT INTO deliveries (enrollment_id, position, mailbox_id, to_address, from_address, state, token, message_id,
                            subject, message, claimed_at, in_flight_at, ended_at)
    SELECT e.id, p, e.mailbox_id, e.to_address, m.address, 'sent', gen_random_uuid(),
           '<' || e.id || '.' || p || '@northwind.example>', 'Hello',
           convert_to(E'From: User\\r\\nMessage-ID: <' || e.id || '.' || p || E'@northwind.example>\\r\\n\\r\\n' ||
                      repeat(md5(CAST(e.id AS text)) || md5(CAST(e.id * p AS text)), 60), 'UTF8'),
           t.at, t.at, t.at
    FROM enrollments e JOIN mailboxes m ON m.id = e.mailbox_id, generate_series(1, 2) p,
         LATERAL (SELECT :started + interval '25 seconds' * (e.id / :senders) + interval '7 days' * (p - 1) AS at) t
    """,
    """
    INSERT INTO suppressions (kind, value, reason, created_at)
    SELECT 'address', email_normalized, 'wish', CAST(:now AS timestamptz) FROM contacts WHERE id % 10 = 0
    UNION ALL SELECT 'domain', 'rival' || i || '.example', 'rival', :started FROM generate_series(1, :size / 10) i
    """,
    """
    INSERT INTO events (kind, enrollment_id, contact_id, at, noted_at)
    SELECT 'reply', id, contact_id, CAST(:now AS timestamptz), :now FROM enrollments WHERE id % 10 = 0
    """,
]


def store(engine: Engine, size: int) -> None:
    """Rows as engines leave them that kept every promise."""
    steps = tuple(Step(n, StepKind.EMAIL, Delay(7), subject="Hello", text="Hello") for n in (1, 2, 3))
    policy = FollowUpPolicy(EligibleDays.EVERYDAY, SendWindow(0, 1440))
    values = {"now": NOW, "started": NOW - timedelta(days=20), "senders": SENDERS, "size": size}
    with database.transaction(engine) as connection:
        save_sequence(connection, Sequence("hello", "Hello", steps, follow_ups=policy), NOW)
        for statement in _STORED:
            connection.execute(text(statement), values)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM (ANALYZE)"))


def main(size: int) -> None:
    """Print what each subject took, the whole report, and reading every row once."""
    import data_contracts.tallies  # noqa: F401 - Great Expectations takes seconds to import: not part of what is measured
    from data_contracts.stored_data import SUBJECTS, judge_rows
    from tasks.publish_quality import publish_quality

    with runtime() as ground, use(ground):
        ground.clock = DrivenClock(NOW)
        store(ground.engine, size)
        period, limits = quality.Period(NOW, 30), ground.settings.limits
        with measured(ground) as reading, database.transaction(ground.engine) as connection:
            for table in ("contacts", "enrollments", "deliveries"):
                connection.execute(text(f"SELECT count(t.*) FROM {table} t"))
        chapters = []
        with measured(ground) as whole:
            for subject in SUBJECTS:
                start = time.perf_counter()
                with database.transaction(ground.engine) as connection:
                    quality.take_snapshot(connection)
                    marks = quality.mark_rows(connection, subject.name, subject.bits, period, limits, timedelta(0))
                counted = time.perf_counter()
                chapters.append(judge_rows(subject, marks.frame, marks.total, marks.surplus))
                print(
                    f"{subject.title:<12} {marks.total:>9,} rows: database {counted - start:6.2f} s, "
                    f"Great Expectations {time.perf_counter() - counted:5.2f} s"
                )
        with measured(ground) as publishing:
            report = publish_quality.fn(tuple(chapters), 30)
        assert report.alarm == "", report.alarm
    print(f"judged in       {whole.seconds:6.2f} s, {whole.cpu_seconds:6.2f} CPU s")
    print(f"published in    {publishing.seconds:6.2f} s, {publishing.cpu_seconds:6.2f} CPU s")
    print(f"reading once    {reading.seconds:6.2f} s, {reading.cpu_seconds:6.2f} CPU s")
    print(f"judging takes {whole.cpu_seconds / reading.cpu_seconds:.1f} times the CPU time of reading the rows once")
    print(f"memory at most {peak_memory_mb():.0f} MB")
