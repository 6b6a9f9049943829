"""Whom do benchmarks enroll? Contacts of several senders, some with a zone, some with a flaw."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import Engine, text

from cadenza.domain.sequence import Sequence, Step, StepKind
from cadenza.store import database
from cadenza.store.sequences import save_sequence

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
#: Senders; each has one mailbox with the default limits.
SENDERS = 50

_TEAM = [
    """
    INSERT INTO users (handle, email, name, time_zone, is_active)
    SELECT 'user' || i, 'user' || i || '@northwind.example', 'User', 'Europe/Berlin', NOT :are_flawed OR i <> 7
    FROM generate_series(1, :senders) i
    """,
    """
    INSERT INTO mailboxes (user_id, address, display_name, transport, is_connected)
    SELECT id, email, name, '{"kind": "sink"}', NOT :are_flawed OR id <> 11
    FROM users
    """,
]
_CONTACTS = """
    INSERT INTO contacts (identity_key, email, email_normalized, first_name, owner_email, time_zone, country, phone,
                          bounced_at, complained_at, opted_out_at)
    SELECT 'row:' || i, nullif(a, ''), CASE WHEN a LIKE '%_@_%' THEN a END,
           CASE WHEN flaw NOT IN (1, 21) THEN 'Kim' END,
           CASE flaw WHEN 2 THEN NULL WHEN 22 THEN 'nobody@northwind.example'
                     ELSE 'user' || i % :senders + 1 || '@northwind.example' END,
           CASE WHEN flaw = 3 THEN 'Narnia' WHEN i % 3 = 0 THEN zones[1 + i % cardinality(zones)] END,
           countries[1 + i % cardinality(countries)],
           CASE i % 4 WHEN 0 THEN '+49 ' || 1511234567 + i % 9999 WHEN 1 THEN '+1 212 ' || 2000000 + i % 7999999
                      WHEN 2 THEN '(415) ' || 2000000 + i % 7999999 END,
           CASE WHEN flaw IN (4, 24) THEN now() END, CASE WHEN flaw = 5 THEN now() END,
           CASE WHEN flaw IN (6, 24) THEN now() END
    FROM (
        SELECT i, flaw, CASE flaw WHEN 7 THEN '' WHEN 8 THEN 'person ' || i WHEN 9 THEN 'info@c' || i || '.example'
                        ELSE 'person' || i || '@company' || i % 5000 || '.example' END AS a
        FROM (
            SELECT i, CASE WHEN :are_flawed THEN i % 100 ELSE 0 END AS flaw
            FROM (SELECT coalesce(max(id), 0) AS n FROM contacts) m, generate_series(n + 1, n + :size) i
        ) numbered
    ) x, (
        SELECT ARRAY['Europe/Berlin', 'Asia/Tokyo', 'America/New_York', 'Asia/Kolkata', 'Australia/Sydney',
                     'Europe/London', 'America/Sao_Paulo', 'Africa/Lagos', 'America/Los_Angeles'] AS zones,
               ARRAY['Germany', 'USA', 'Japan', 'India', 'Deutschland', 'Brazil', 'France'] AS countries
    ) y
"""
_MEMBERS = """
    INSERT INTO list_members (list_id, contact_id)
    SELECT (SELECT max(id) FROM lists), id FROM contacts ORDER BY id DESC LIMIT :size
"""
#: A hundredth each is enrolled elsewhere, was enrolled lately, is suppressed by address; some domains are suppressed.
_PASTS = [
    """
    INSERT INTO enrollments (contact_id, sequence_id, sequence_version_id, mailbox_id, user_id, to_address, status,
                             time_zone, time_zone_source, next_position, enrolled_at, ended_at, ending)
    SELECT c.id, CASE WHEN c.id % 200 = 10 THEN s.id ELSE s.id + 1 END, 1, m.id, m.user_id, c.email_normalized,
           CASE WHEN c.id % 100 = 10 THEN 'active' ELSE 'ended' END, 'UTC', 'contact', 1, :now,
           CASE WHEN c.id % 100 <> 10 THEN :now END, CASE WHEN c.id % 100 <> 10 THEN 'replied' END
    FROM contacts c, sequences s, mailboxes m
    WHERE c.id % 100 IN (10, 12) AND m.id = 1
    """,
    """
    INSERT INTO suppressions (kind, value, reason)
    SELECT 'address', email_normalized, 'asked' FROM contacts WHERE id % 100 = 13
    UNION ALL SELECT 'domain', 'company' || i || '.example', 'asked' FROM generate_series(17, 4999, 100) i
    """,
]


def found(engine: Engine, *, are_flawed: bool = False) -> None:
    """Users, their mailboxes, and a sequence of one mail that needs a first name."""
    step = Step(1, StepKind.EMAIL, subject="Hello", text="Hello {{ contact.first_name }}")
    sequence = Sequence("hello", "Hello", (step,), required_tokens=("contact.first_name",))
    with database.transaction(engine) as connection:
        for statement in _TEAM:
            given = {"senders": SENDERS, "are_flawed": are_flawed}
            connection.execute(text(statement), {name: given[name] for name in given if f":{name}" in statement})
        save_sequence(connection, sequence, NOW)


def fill(engine: Engine, name: str, size: int, *, are_flawed: bool = False) -> None:
    """A list of ``size`` new contacts; with flaws, about every fifth breaks one rule or two."""
    with database.transaction(engine) as connection:
        connection.execute(text(_CONTACTS), {"size": size, "senders": SENDERS, "are_flawed": are_flawed})
        connection.execute(text("INSERT INTO lists (name, kind) VALUES (:name, 'static')"), {"name": name})
        connection.execute(text(_MEMBERS), {"size": size})
        if are_flawed:
            connection.execute(text("TRUNCATE enrollments CASCADE"))
            connection.execute(text("TRUNCATE suppressions"))
            for statement in _PASTS:
                connection.execute(text(statement), {"now": NOW} if ":now" in statement else {})
    vacuum(engine)


def vacuum(engine: Engine) -> None:
    """Let PostgreSQL know what it holds, as its autovacuum would after a while."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))
