"""What does a rehearsal take along from the real database, and what is changed on the way?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Engine, text

from cadenza.domain.enrollment import Segment
from cadenza.domain.throttle import Limit
from cadenza.store.database import driver_connection, transaction
from cadenza.store.lists import members
from cadenza.store.queues import limits_of
from cadenza.store.records import chosen_records

#: Deliveries that the limits of mailboxes still count.
_RECENT: Final = """
    mailbox_id = ANY (%(mailbox_ids)s)
    AND (state IN ('claimed', 'in_flight') OR ended_at > %(now)s::timestamptz - %(longest)s)
"""


@dataclass(frozen=True, slots=True)
class _Table:
    """What is copied of a table."""

    name: str
    rows: str = "true"
    #: Columns that get another value.
    changed: Mapping[str, str] = field(default_factory=dict)


_TABLES: Final = (
    _Table("users"),
    _Table(
        "mailboxes",
        # Nothing leaves for a real server, and nothing is read from one.
        changed={
            # Only what its provider takes is still asked for.
            "transport": """jsonb_build_object('kind', 'sink', 'host', transport -> 'host',
                                               'largest_mail_mb', transport -> 'largest_mail_mb')""",
            **dict.fromkeys(("imap", "sent_folder", "watcher", "watched_until", "away_until"), "NULL"),
        },
    ),
    _Table(
        "companies",
        "id IN (SELECT company_id FROM contacts WHERE id = ANY (%(contact_ids)s)) OR -id = ANY (%(record_ids)s)",
    ),
    _Table("contacts", "id = ANY (%(contact_ids)s)"),
    _Table("records", "id = ANY (%(record_ids)s)"),
    _Table("record_contacts", "record_id = ANY (%(record_ids)s) AND contact_id = ANY (%(contact_ids)s)"),
    _Table("contact_addresses", "contact_id = ANY (%(contact_ids)s)"),
    _Table("lists"),
    _Table("list_members", "contact_id = ANY (%(contact_ids)s)"),
    _Table(
        "suppressions",
        "kind = 'domain' OR value IN (SELECT email_normalized FROM contacts WHERE id = ANY (%(contact_ids)s))",
    ),
    _Table(
        "sender_opt_outs",
        "address IN (SELECT email_normalized FROM contacts WHERE id = ANY (%(contact_ids)s))",
    ),
    _Table("sequences"),
    _Table("sequence_versions"),
    _Table("sequence_shares"),
    # The mails of a rehearsal name their attachments, and have nothing in them.
    _Table("documents", changed={"content": "''::bytea"}),
    _Table("variant_tests"),
    _Table(
        "enrollments",
        f"contact_id = ANY (%(contact_ids)s) OR id IN (SELECT enrollment_id FROM deliveries WHERE {_RECENT})",  # noqa: S608
        # They are there for the rules and the limits: what runs waits.
        changed={"batch_id": "NULL", "status": "CASE status WHEN 'active' THEN 'paused' ELSE status END"},
    ),
    _Table(
        "deliveries",
        _RECENT,
        changed={
            "message": "NULL",
            "lease_until": "NULL",
            # What is leaving right now has left.
            "state": "CASE WHEN state IN ('claimed', 'in_flight') THEN 'sent' ELSE state END",
            "ended_at": "CASE WHEN state IN ('claimed', 'in_flight') THEN %(now)s ELSE ended_at END",
        },
    ),
)


def copy_for_rehearsal(
    source: Engine, target: Engine, segment: Segment, default_limits: Sequence[Limit], now: datetime
) -> None:
    """Copy what an enrollment of a segment looks at into an empty database: its contacts and all rules about them.

    Raises:
        NotFound: there is no such list.
        FilterInvalid: names the position and what may stand there.
        WrongUse: the segment is not exactly one of a name, a filter or chosen contacts.
    """
    with source.connect().execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True) as reading:
        chosen = members(reading, segment)
        mailbox_ids = list(reading.scalars(text("SELECT id FROM mailboxes")))
        limits = limits_of(reading, mailbox_ids, default_limits)
        every = [limit.seconds for of_mailbox in limits.values() for limit in of_mailbox]
        parameters = {
            "contact_ids": list(reading.scalars(chosen)),
            "record_ids": chosen_records(reading, segment.records) if segment.records else [],
            "mailbox_ids": mailbox_ids,
            "longest": timedelta(seconds=max(every, default=0)),
            "now": now,
        }
        with transaction(target) as writing:
            for table in _TABLES:
                _copy(reading, writing, table, parameters)
            for name in ("enrollments", "deliveries"):
                _count_on(writing, name)
            writing.execute(text("ANALYZE"))


def _copy(reading: Connection, writing: Connection, table: _Table, parameters: Mapping[str, Any]) -> None:
    columns = _columns(writing, table.name)
    values = ", ".join(f"{table.changed.get(column, column)} AS {column}" for column in columns)
    taken = f"COPY (SELECT {values} FROM {table.name} WHERE {table.rows}) TO STDOUT (FORMAT binary)"  # noqa: S608
    filled = f"COPY {table.name} ({', '.join(columns)}) FROM STDIN (FORMAT binary)"
    with (
        driver_connection(reading).cursor() as from_there,
        driver_connection(writing).cursor() as to_here,
        from_there.copy(taken, parameters) as rows,
        to_here.copy(filled) as copy,
    ):
        for block in rows:
            copy.write(block)


def _columns(connection: Connection, table: str) -> list[str]:
    return list(
        connection.scalars(
            text("""
                SELECT attname FROM pg_attribute
                WHERE attrelid = CAST(:table AS regclass) AND attnum > 0 AND NOT attisdropped ORDER BY attnum
            """),
            {"table": table},
        )
    )


def _count_on(connection: Connection, table: str) -> None:
    """Let new rows be numbered after those that were copied."""
    connection.execute(
        text(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), coalesce(max(id), 0) + 1, false) FROM {table}")  # noqa: S608
    )
