"""How do we reach the database, and is its schema up to date?"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import psycopg
from sqlalchemy import Connection, Engine, create_engine, make_url, text
from sqlalchemy.exc import DBAPIError, ProgrammingError

from cadenza.errors import DatabaseUnavailable, DiskFull

#: A client that leaves a transaction alone for so many seconds has stopped, or is cut off: others wait for its rows.
FROZEN_SECONDS = 60


def connect(url: str, pool_size: int = 8, *, asks_first: bool = True, frozen_seconds: float = FROZEN_SECONDS) -> Engine:
    """An engine for a PostgreSQL URL; ``postgresql://`` means psycopg 3.

    ``asks_first``: a connection that is used again is asked whether it still lives, which costs a round trip.
    ``frozen_seconds``: after so long in a transaction without a word its client is taken for gone.
    """
    parsed = make_url(url)
    if parsed.drivername in ("postgresql", "postgres"):
        parsed = parsed.set(drivername="postgresql+psycopg")
    return create_engine(
        parsed,
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_pre_ping=asks_first,
        connect_args={
            "options": f"-c timezone=UTC -c idle_in_transaction_session_timeout={round(frozen_seconds * 1000)}"
        },
        json_serializer=lambda value: json.dumps(value, ensure_ascii=False),
    )


@contextmanager
def answering() -> Iterator[None]:
    """What is done inside needs a server that answers.

    Raises:
        DatabaseUnavailable: it is away (transient), or its disk is full.
    """
    try:
        yield
    except (DBAPIError, psycopg.Error) as error:
        cause = getattr(error, "orig", error)
        if not isinstance(cause, psycopg.OperationalError | psycopg.errors.IdleInTransactionSessionTimeout):
            raise
        if isinstance(cause, psycopg.errors.DiskFull):
            raise DiskFull(f"The database's disk is full ({_first_line(cause)}): free some space.") from error
        raise DatabaseUnavailable(
            f"The database does not answer ({_first_line(cause)}): check CADENZA_DATABASE_URL and that PostgreSQL runs."
        ) from error


@contextmanager
def transaction(engine: Engine) -> Iterator[Connection]:
    """One transaction: committed at the end, rolled back on an error.

    Raises:
        DatabaseUnavailable: the server is away (transient).
    """
    with answering(), engine.begin() as connection:
        yield connection


def take_time(connection: Connection) -> None:
    """Let the client be silent inside this transaction for as long as it likes: it reads and computes elsewhere."""
    connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))


@contextmanager
def autocommit(engine: Engine) -> Iterator[Connection]:
    """A connection on which each statement is a transaction of its own, and one round trip.

    Raises:
        DatabaseUnavailable: the server is away (transient).
    """
    with answering(), engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        yield connection


def instant_of(engine: Engine) -> datetime:
    """The present instant by the clock of the server.

    Raises:
        DatabaseUnavailable: the server is away (transient).
    """
    with autocommit(engine) as connection:
        instant: datetime = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
    return instant


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
    """Bring the schema up to date; several processes may ask at once.

    Raises:
        DatabaseUnavailable: the server is away (transient).
    """
    from alembic import command
    from alembic.config import Config

    configuration = Config()
    configuration.set_main_option("script_location", "cadenza:store/migrations")
    with answering(), engine.connect() as connection:
        connection.execute(text("SELECT pg_advisory_lock(7266)"))
        try:
            configuration.attributes["connection"] = connection
            command.upgrade(configuration, "head")
            connection.commit()
        finally:
            connection.execute(text("SELECT pg_advisory_unlock(7266)"))
            connection.commit()


def make_sure_of(url: str, name: str) -> None:
    """Create a database on the server of ``url`` unless it exists.

    Raises:
        DatabaseUnavailable: the server is away, or the user may not create it.
    """
    engine = connect(url, pool_size=1)
    try:
        with answering():
            create_database(engine, name)
    except ProgrammingError as error:
        raise DatabaseUnavailable(
            f"The database {name!r} is missing and cannot be created ({_first_line(error.orig)}): "
            f"let somebody who may run CREATE DATABASE {name}."
        ) from error
    finally:
        engine.dispose()


def sibling_url(url: str, name: str, driver: str) -> str:
    """The URL of another database on the same server, for another driver."""
    parsed = make_url(url).set(drivername=f"postgresql+{driver}", database=name)
    if driver == "asyncpg" and "sslmode" in parsed.query:
        # asyncpg has its own word for it.
        parsed = parsed.update_query_dict({"ssl": parsed.query["sslmode"]}).difference_update_query(["sslmode"])
    return parsed.render_as_string(hide_password=False)


def _first_line(error: object) -> str:
    return (str(error).strip().splitlines() or [""])[0]
