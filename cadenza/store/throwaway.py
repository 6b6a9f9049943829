"""Where does a rehearsal write? Into a database of its own beside the real one, which is dropped afterwards."""

from __future__ import annotations

import hashlib
import logging
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import ProgrammingError

from cadenza.errors import DatabaseUnavailable
from cadenza.store import database

logger = logging.getLogger(__name__)

#: Whoever uses a throw-away database holds this lock with the hash of its name, in the real database.
_LOCK = 7267


@contextmanager
def throwaway_database(engine: Engine, pool_size: int) -> Iterator[Engine]:
    """An empty database with the current schema beside the one of ``engine``, as long as the block lasts.

    What a killed process left behind is dropped first.

    Raises:
        DatabaseUnavailable: the user may not create databases.
    """
    name = f"{_prefix(engine)}{secrets.token_hex(4)}"
    url = engine.url.set(database=name).render_as_string(hide_password=False)
    throwaway = database.connect(url, pool_size, asks_first=False)
    with database.autocommit(engine) as owner:
        owner.detach()  # so that closing it lets go of the lock
        _sweep(engine, owner)
        owner.execute(text("SELECT pg_advisory_lock(:lock, hashtext(:name))"), {"lock": _LOCK, "name": name})
        try:
            _create(engine, owner, name)
            database.migrate(throwaway)
            yield throwaway
        finally:
            throwaway.dispose()
            database.drop_database(engine, name)


def throwaway_names(engine: Engine) -> set[str]:
    """The throw-away databases that there are beside the one of ``engine``."""
    with engine.connect() as connection:
        return set(
            connection.scalars(
                text("SELECT datname FROM pg_database WHERE datname ~ :pattern"),
                {"pattern": f"^{re.escape(_prefix(engine))}[0-9a-f]{{8}}$"},
            )
        )


def _prefix(engine: Engine) -> str:
    """What the names of the throw-away databases beside this one, and of no other, start with.

    A name has 63 bytes at most.
    """
    name = engine.url.database or ""
    if len(name.encode()) > 40:
        name = hashlib.sha256(name.encode()).hexdigest()[:40]
    return f"{name}_rehearsal_"


def _create(engine: Engine, owner: Connection, name: str) -> None:
    try:
        database.create_database(engine, name)
    except ProgrammingError as error:
        raise DatabaseUnavailable(
            f"A rehearsal needs a database of its own beside {engine.url.database!r}, and the user "
            f"{engine.url.username!r} may not create one: let somebody run ALTER ROLE … CREATEDB."
        ) from error
    # Nothing in it has to survive.
    owner.execute(text(f'ALTER DATABASE "{name}" SET synchronous_commit = off'))


def _sweep(engine: Engine, owner: Connection) -> None:
    """Drop throw-away databases whose process is gone: its lock is free."""
    for name in throwaway_names(engine):
        lock = {"lock": _LOCK, "name": name}
        if owner.scalar(text("SELECT pg_try_advisory_lock(:lock, hashtext(:name))"), lock):
            logger.warning("a rehearsal was killed: its database %s is dropped", name)
            database.drop_database(engine, name)
            owner.execute(text("SELECT pg_advisory_unlock(:lock, hashtext(:name))"), lock)
