"""What rows does a query on some database give? For lists of contacts that live in another system."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, Row, create_engine, make_url, text
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from cadenza.errors import SourceUnreadable, WrongUse

#: The source that means Cadenza's own database.
OWN_DATABASE = "database"
_FROM_ENVIRONMENT = "env:"


def query_columns(engine: Engine, query: str) -> list[str]:
    """The columns of a query.

    Raises:
        SourceUnreadable: the database does not answer, or does not understand the query.
    """
    try:
        with _reading(engine, 1) as connection, connection.execute(text(_escaped(query))) as result:
            return list(result.keys())
    except SQLAlchemyError as error:
        raise _unreadable(error) from error


def query_rows(engine: Engine, query: str, size: int) -> Iterator[Sequence[Row[Any]]]:
    """The rows of a query, ``size`` at a time, read only and without holding them all.

    Raises:
        SourceUnreadable: the database does not answer, or does not understand the query.
    """
    try:
        with _reading(engine, size) as connection:
            yield from connection.execute(text(_escaped(query))).partitions(size)
    except SQLAlchemyError as error:
        raise _unreadable(error) from error


def rows_by(engine: Engine, query: str, column: str, since: Any, size: int) -> Iterator[Sequence[Row[Any]]]:
    """The rows of a query by one of its columns, those with the value ``since`` and what comes behind it; None: all.

    Raises what ``query_rows`` raises.
    """
    quoted = engine.dialect.identifier_preparer.quote(column)
    condition = "" if since is None else f"WHERE {quoted} >= :since"
    ordered = text(f"SELECT * FROM ({_escaped(query)}) rows_ {condition} ORDER BY {quoted}")  # noqa: S608
    try:
        with _reading(engine, size) as connection:
            yield from connection.execute(ordered, {} if since is None else {"since": since}).partitions(size)
    except SQLAlchemyError as error:
        raise _unreadable(error) from error


@contextmanager
def _reading(engine: Engine, size: int) -> Iterator[Connection]:
    """A connection that reads rows as they come, ``size`` at a time."""
    with engine.connect() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("SET TRANSACTION READ ONLY"))
        yield connection.execution_options(stream_results=True, yield_per=size)


def source_engine(source: str, own: Engine) -> Engine:
    """An engine for a source: ``database`` (Cadenza's own), ``env:NAME``, or a URL without a password.

    Flow parameters are stored and shown, so a URL with a password comes from an environment variable.

    Raises:
        WrongUse: there is no such variable, or the URL has a password or is none.
    """
    if source == OWN_DATABASE:
        return own
    url = source
    if source.startswith(_FROM_ENVIRONMENT):
        name = source.removeprefix(_FROM_ENVIRONMENT)
        url = os.environ.get(name, "")
        if not url:
            raise WrongUse(f"There is no environment variable {name}: set it to the URL of the database.")
    try:
        engine = open_engine(url)
    except WrongUse as error:
        raise WrongUse(
            "With a query, the source is 'database', env:NAME or the URL of a database whose driver is installed."
        ) from error
    if engine.url.password and url == source:
        raise WrongUse("The URL has a password: put it into an environment variable and give env:NAME instead.")
    return engine


def open_engine(url: str) -> Engine:
    """An engine for any database.

    Raises:
        WrongUse: it is no URL, or of a database whose driver is not installed.
    """
    try:
        parsed = make_url(url)
        if parsed.drivername in ("postgresql", "postgres"):
            parsed = parsed.set(drivername="postgresql+psycopg")
        return create_engine(parsed)
    except (ArgumentError, NoSuchModuleError, ModuleNotFoundError) as error:
        raise WrongUse(
            "The URL is none of a database whose driver is installed: install it, or correct the URL."
        ) from error


def _escaped(query: str) -> str:
    """The query with its colons taken literally: it has no parameters."""
    return query.strip().rstrip(";").replace(":", r"\:")


def _unreadable(error: SQLAlchemyError) -> SourceUnreadable:
    cause = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
    return SourceUnreadable(f"The query gives no rows to import ({cause}): try it in the database first.")
