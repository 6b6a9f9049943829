"""What every test may have: a real PostgreSQL, and a runtime on a database of its own."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from cadenza.mail.transports import Transports
from cadenza.runtime import DrivenClock, Runtime, use
from cadenza.settings import Settings
from cadenza.store import database
from cadenza.store.embedded import start_embedded, url_of

_numbers = itertools.count(1)


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
        runtime.transports.close()
