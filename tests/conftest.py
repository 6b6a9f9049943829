"""What every test may have: a real PostgreSQL, and a runtime on a database of its own."""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from cadenza.domain.sequence import Delay, Sequence, Step, StepKind, TodoKind
from cadenza.mail.transports import Transports
from cadenza.runtime import DrivenClock, Runtime, use
from cadenza.settings import Settings
from cadenza.store import database, team
from cadenza.store.embedded import start_embedded, url_of

_numbers = itertools.count(1)


def pytest_configure(config: pytest.Config) -> None:
    """Give this session a root of its own for temporary folders.

    As root PostgreSQL runs as another user; pytest would close the root that sessions share to others, in the middle
    of another session.
    """
    if "PYTEST_DEBUG_TEMPROOT" not in os.environ and not config.option.basetemp:
        root = tempfile.mkdtemp(prefix="cadenza-tests-")
        os.environ["PYTEST_DEBUG_TEMPROOT"] = root
        config.add_cleanup(lambda: shutil.rmtree(root, ignore_errors=True))


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """One PostgreSQL for the session, with a migrated database ``template_cadenza`` to copy."""
    home = tmp_path_factory.mktemp("home")
    server = start_embedded(home)
    maintenance = database.connect(url_of(server, "postgres"), pool_size=1)
    database.create_database(maintenance, "template_cadenza")
    template = database.connect(url_of(server, "template_cadenza"), pool_size=1)
    database.migrate(template)
    template.dispose()
    maintenance.dispose()
    yield server
    server.cleanup()


@pytest.fixture
def database_url(postgres: Any) -> Iterator[str]:
    """The URL of a fresh database with the current schema, dropped after the test."""
    name = f"test_{next(_numbers)}"
    maintenance = database.connect(url_of(postgres, "postgres"), pool_size=1)
    database.create_database(maintenance, name, template="template_cadenza")
    yield url_of(postgres, name)
    database.drop_database(maintenance, name)
    maintenance.dispose()


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """An engine on the test's own database."""
    engine = database.connect(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def runtime(engine: Engine, database_url: str, tmp_path: Path) -> Iterator[Runtime]:
    """The current runtime during the test: own database, own home, a clock at Monday 2026-03-02 09:00 UTC."""
    settings = Settings(home=tmp_path / "home", database_url=database_url)
    clock = DrivenClock(datetime(2026, 3, 2, 9, 0, tzinfo=UTC))
    with use(Runtime(settings, engine, Transports(settings), clock)) as runtime:
        yield runtime
        for thread in threading.enumerate():
            if thread.name == "waves":  # planned in the background: in this runtime, or it would make one of its own
                thread.join()
        runtime.transports.close()


@dataclass
class World:
    """A small installation to try things in: users with mailboxes, sequences, contacts, enrollments."""

    runtime: Runtime

    @property
    def now(self) -> datetime:
        return self.runtime.clock.now()

    def rows(self, statement: str, **parameters: Any) -> list[Any]:
        """Run a statement and return its rows, if it has any."""
        with database.transaction(self.runtime.engine) as connection:
            result = connection.execute(text(statement), parameters)
            return list(result) if result.returns_rows else []

    def one(self, statement: str, **parameters: Any) -> Any:
        """The only value that a query gives."""
        return self.rows(statement, **parameters)[0][0]

    def mailbox(
        self, handle: str = "ana", transport: dict[str, Any] | None = None, limits: list[tuple[int, int]] | None = None
    ) -> int:
        """A user with a mailbox; limits are (mails, seconds), none by default."""
        entry: dict[str, Any] = {
            "handle": handle,
            "email": f"{handle}@northwind.example",
            "name": f"{handle.title()} North",
            "time_zone": "Europe/Berlin",
            "mailboxes": [
                {
                    "address": f"{handle}@northwind.example",
                    "postal_address": "Northwind, Kaistrasse 1, Hamburg",
                    "transport": transport or {"kind": "sink"},
                    "limits": [{"mails": mails, "seconds": seconds} for mails, seconds in limits or []],
                }
            ],
        }
        with database.transaction(self.runtime.engine) as connection:
            team.save_team(connection, team.Team.model_validate({"users": [entry]}))
        return int(self.one("SELECT id FROM mailboxes WHERE address = :a", a=f"{handle}@northwind.example"))

    def sequence(self, *steps: Step, name: str = "hello", **fields: Any) -> int:
        """A stored sequence, by default one email; returns the version's id."""
        from cadenza.store import sequences

        steps = steps or (self.email(1),)
        sequence = Sequence(name=name, title=name.title(), steps=steps, **fields)
        with database.transaction(self.runtime.engine) as connection:
            return sequences.save_sequence(connection, sequence, self.now).version_id

    @staticmethod
    def email(position: int, *, days: int = 0, **fields: Any) -> Step:
        """An email step."""
        defaults: dict[str, Any] = {
            "subject": f"Hello {position}",
            "text": "Dear {{ contact.first_name }},\n\nhello.\n",
            "html": "<p>Dear {{ contact.first_name }},</p><p>hello.</p>",
        }
        return Step(position, StepKind.EMAIL, Delay(days), **{**defaults, **fields})

    @staticmethod
    def todo(position: int, *, days: int = 0, **fields: Any) -> Step:
        """A to-do step."""
        defaults: dict[str, Any] = {"title": "Call {{ contact.first_name }}", "todo_kind": TodoKind.CALL}
        return Step(position, StepKind.TODO, Delay(days), **{**defaults, **fields})

    def contacts(self, number: int, **fields: Any) -> list[int]:
        """New contacts with addresses of their own; fields are columns of the table."""
        columns = "".join(f", {name}" for name in fields)
        values = "".join(f", :{name}" for name in fields)
        return [
            row.id
            for row in self.rows(
                f"""
                INSERT INTO contacts (identity_key, email, email_normalized, first_name {columns})
                SELECT 'email:' || a, a, a, 'Kim' {values}
                FROM (SELECT 'c' || i || '@customer.example' AS a
                      FROM (SELECT coalesce(max(id), 0) AS n FROM contacts) m, generate_series(n + 1, n + :number) i) x
                RETURNING id
                """,
                number=number,
                **fields,
            )
        ]

    def enroll(
        self, contact_ids: list[int], version_id: int, mailbox_id: int, zone: str = "Europe/Berlin", **fields: Any
    ) -> list[int]:
        """Active enrollments due now, written as they are: without judging."""
        columns = "".join(f", {name}" for name in fields)
        values = "".join(f", :{name}" for name in fields)
        return [
            row.id
            for row in self.rows(
                f"""
                INSERT INTO enrollments (contact_id, sequence_id, sequence_version_id, mailbox_id, user_id, to_address,
                    status, time_zone, time_zone_source, next_position, next_kind, due_at, enrolled_at {columns})
                SELECT c.id, v.sequence_id, v.id, m.id, m.user_id, c.email_normalized, 'active', :zone, 'contact', 1,
                       v.definition #>> '{{steps,0,kind}}', :now, :now {values}
                FROM unnest(CAST(:ids AS bigint[])) AS chosen(id)
                JOIN contacts c ON c.id = chosen.id, sequence_versions v, mailboxes m
                WHERE v.id = :version_id AND m.id = :mailbox_id
                RETURNING id
                """,
                ids=contact_ids,
                version_id=version_id,
                mailbox_id=mailbox_id,
                zone=zone,
                now=self.now,
                **fields,
            )
        ]


@pytest.fixture(scope="session")
def new_world() -> type[World]:
    """For installations that several tests share."""
    return World


@pytest.fixture
def world(runtime: Runtime) -> World:
    """An empty installation on the test's own database."""
    return World(runtime)


@pytest.fixture
def sink(runtime: Runtime) -> Iterator[Any]:
    """A mail sink of the test's own; mailboxes of kind "sink" deliver to it."""
    from cadenza.mail.sink import Sink

    with Sink(runtime.settings.home / "sink") as sink:
        runtime.settings.sink_port = sink.port
        yield sink


@pytest.fixture(scope="session")
def mail_rig() -> Iterator[Any]:
    """A real Postfix and Dovecot for the session (tests/rig/mail_rig.py); skips where they are not installed."""
    from mail_rig import MailRig, missing

    if reason := missing():
        pytest.skip(reason)
    with MailRig() as rig:
        yield rig
