"""A small installation in which everything went as it should, by the code that does it for real."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cadenza.domain.enrollment import EnrollmentOptions
from cadenza.domain.sequence import EligibleDays, FollowUpPolicy, SendWindow
from cadenza.mail.sink import Sink
from cadenza.mail.transports import Transports
from cadenza.runtime import DrivenClock, Runtime, use
from cadenza.settings import Settings
from cadenza.store import database, todos
from cadenza.store.embedded import url_of
from cadenza.store.waves import waves_due
from tasks.begin_batch import begin_batch, segment_of
from tasks.check_enrollability import check_enrollability
from tasks.claim_steps import claim_steps
from tasks.forecast_sends import forecast_sends
from tasks.import_rows import import_rows
from tasks.load_candidates import load_candidates
from tasks.open_enrollments import finish_batch, open_enrollments
from tasks.read_source import read_source
from tasks.send_email import hand_over
from tasks.time_first_steps import time_first_steps

#: Twelve contacts in three zones: one may not be written to, one address belongs to a role, one row is ragged.
PEOPLE = "\n".join(
    [
        "email,first_name,country,time_zone",
        *(
            f"c{number}@customer.example,Kim,{country},{zone}"
            for number, (country, zone) in enumerate(
                [("Germany", ""), ("Japan", ""), ("USA", "America/New_York")] * 3 + [("France", "")]
            )
        ),
        "info@customer.example,Desk,Germany,",
        "gone@customer.example,Kim,Germany,",
        "ragged@customer.example,Kim,Germany,,,,,",
    ]
)


def enroll(list_name: str) -> int:
    """Enroll a list into the sequence "hello"."""
    batch = begin_batch.fn("hello", "ana", segment_of(list_name), EnrollmentOptions())
    for candidates in load_candidates.fn(batch):
        verdict = check_enrollability.fn(time_first_steps.fn(candidates, batch), batch)
        open_enrollments.fn(forecast_sends.fn(verdict, batch), verdict, batch)
    return finish_batch.fn(batch)


def play(world: Any, until: Any) -> None:
    """Run every wave at the instant at which it is due."""
    clock, limits = world.runtime.clock, world.runtime.settings.limits
    while True:
        with database.transaction(world.runtime.engine) as connection:
            coming = waves_due(connection, clock.now(), timedelta(days=30), limits)
        if not coming or coming[0].due_at > until:
            clock.at = until
            return
        clock.at = max(clock.at, coming[0].due_at)
        hand_over(claim_steps.fn(coming[0].time_zone).delivery_ids)


def build(world: Any, folder: Path) -> None:
    """Import, enroll, send two mails to everybody, let half of the to-dos be done."""
    source = folder / "people.csv"
    source.write_text(PEOPLE, encoding="utf-8")
    world.mailbox("ana", limits=[(3, 60), (40, 86_400)])
    world.sequence(
        world.email(1),
        world.email(2, days=3),
        world.todo(3, days=1),
        world.email(4, days=4),
        follow_ups=FollowUpPolicy(EligibleDays.WEEKDAYS_ONLY, SendWindow(8 * 60, 18 * 60)),
    )
    import_rows.fn(read_source.fn(str(source)), "People")
    world.rows("UPDATE contacts SET bounced_at = :now WHERE email LIKE 'gone@%'", now=world.now - timedelta(days=9))
    enroll("People")
    play(world, world.now + timedelta(days=5))
    with database.transaction(world.runtime.engine) as connection:
        for todo in todos.open_todos(connection)[::2]:
            todos.complete_todo(connection, todo.id, "ana", world.now)


@pytest.fixture(scope="session")
def installation(postgres: Any, new_world: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """That installation, on the fifth day: for all tests, which must leave it as it is."""
    folder = tmp_path_factory.mktemp("installation")
    maintenance = database.connect(url_of(postgres, "postgres"), pool_size=1)
    database.create_database(maintenance, "installation", template="template_cadenza")
    url = url_of(postgres, "installation")
    settings = Settings(home=folder / "home", database_url=url)
    runtime = Runtime(
        settings, database.connect(url), Transports(settings), DrivenClock(datetime(2026, 3, 2, 9, 0, tzinfo=UTC))
    )
    with Sink(settings.home / "sink") as sink, use(runtime):
        settings.sink_port = sink.port
        build(new_world(runtime), folder)
        runtime.transports.close()
    yield new_world(runtime)
    runtime.engine.dispose()
    database.drop_database(maintenance, "installation")
    maintenance.dispose()


@pytest.fixture
def healthy(installation: Any) -> Iterator[Any]:
    """That installation, which must be left as it is."""
    with use(installation.runtime):
        yield installation
