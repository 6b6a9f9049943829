"""Which database and which Prefect server does a command talk to?"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from cadenza.errors import NotRunning


def connect() -> bool:
    """Join the Cadenza that runs in this folder, if one does; whether there is a Prefect server.

    What the user set in the environment comes first.
    """
    from cadenza.cli import folder
    from cadenza.cli.services import SILENCE
    from cadenza.settings import load_settings

    settings = load_settings()
    running = folder.running(settings.home)
    if running is not None:
        if running.database_url and not settings.database_url:
            # A user of the running database only: it is not ours to start or to stop.
            os.environ["CADENZA_DATABASE_URL"] = running.database_url
            load_settings.cache_clear()
        os.environ.setdefault("PREFECT_API_URL", running.api_url)
    prefect_home = settings.home.resolve() / "prefect"
    prefect_home.mkdir(parents=True, exist_ok=True)  # Prefect makes the last folder only, and complains otherwise
    os.environ.setdefault("PREFECT_HOME", str(prefect_home))
    os.environ.setdefault("PREFECT_LOGGING_LEVEL", "ERROR")
    for name, value in SILENCE.items():
        os.environ.setdefault(name, value)
    return "PREFECT_API_URL" in os.environ


def need_server() -> None:
    """Connect, and insist on a Prefect server.

    Raises:
        NotRunning: there is none.
    """
    if not connect():
        raise NotRunning()


@contextmanager
def transaction() -> Iterator[Any]:
    """One transaction on Cadenza's database."""
    connect()
    from cadenza.runtime import current
    from cadenza.store import database

    with database.transaction(current().engine) as connection:
        yield connection


def actor() -> str:
    """Who does this, for the record: the name of the account on this machine."""
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "cadenza"
