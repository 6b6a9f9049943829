"""How do we reach the database, and is its schema up to date?"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from sqlalchemy import Connection, Engine, create_engine, make_url, text
from sqlalchemy.exc import OperationalError

from cadenza.errors import DatabaseUnavailable


def connect(url: str, pool_size: int = 8) -> Engine:
    """An engine for a PostgreSQL URL; ``postgresql://`` means psycopg 3."""
    parsed = make_url(url)
    if parsed.drivername in ("postgresql", "postgres"):
        parsed = parsed.set(drivername="postgresql+psycopg")
    return create_engine(
        parsed,
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_pre_ping=True,
        json_serializer=lambda value: json.dumps(value, ensure_ascii=False),
    )


@contextmanager
def transaction(engine: Engine) -> Iterator[Connection]:
    """One transaction: committed at the end, rolled back on an error.

    Raises:
        DatabaseUnavailable: the server is away (transient).
    """
    try:
        with engine.begin() as connection:
            yield connection
    except OperationalError as error:
        raise DatabaseUnavailable(
            f"The database does not answer ({error.orig}): check that PostgreSQL runs."
        ) from error


def driver_connection(connection: Connection) -> psycopg.Connection[Any]:
    """The psycopg connection beneath, for COPY and arrays; it shares the transaction."""
    driver = connection.connection.driver_connection
    assert isinstance(driver, psycopg.Connection)
    return driver


def create_database(engine: Engine, name: str, template: str | None = None) -> None:
    """Create a database beside the one that ``engine`` is connected to, unless it exists."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if not connection.scalar(text("SELECT 1 FROM pg_database WHERE datname = :name"), {"name": name}):
            suffix = f' TEMPLATE "{template}"' if template else ""
            connection.execute(text(f'CREATE DATABASE "{name}"{suffix}'))


def drop_database(engine: Engine, name: str) -> None:
    """Drop a database and cut its connections."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'))


def migrate(engine: Engine) -> None:
    """Bring the schema up to date; several processes may ask at once."""
    from alembic import command
    from alembic.config import Config

    configuration = Config()
    configuration.set_main_option("script_location", "cadenza:store/migrations")
    with engine.connect() as connection:
        connection.execute(text("SELECT pg_advisory_lock(7266)"))
        try:
            configuration.attributes["connection"] = connection
            command.upgrade(configuration, "head")
            connection.commit()
        finally:
            connection.execute(text("SELECT pg_advisory_unlock(7266)"))
            connection.commit()
