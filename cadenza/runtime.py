"""What does this process run with? The composition root: settings, database, clock, transports."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

from cadenza.settings import Settings, load_settings

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from cadenza.domain.sequence import Sequence
    from cadenza.mail.message import StepComposer
    from cadenza.mail.transports import Transports


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> datetime:
        """The present instant, aware, in UTC."""
        ...

    def wait(self, seconds: float) -> None:
        """Let that much time pass."""
        ...


class SystemClock:
    """The clock of the machine."""

    def now(self) -> datetime:
        """The present instant, aware, in UTC."""
        return datetime.now(UTC)

    def wait(self, seconds: float) -> None:
        """Sleep."""
        import time

        time.sleep(seconds)


@dataclass
class DrivenClock:
    """A clock that somebody else moves: rehearsals and tests play weeks in seconds."""

    at: datetime

    def now(self) -> datetime:
        """Where the clock was set."""
        return self.at

    def wait(self, seconds: float) -> None:
        """Move on at once."""
        from datetime import timedelta

        self.at += timedelta(seconds=seconds)


@dataclass
class Runtime:
    """What flows and tasks work with; never a parameter of theirs."""

    settings: Settings
    engine: Engine
    transports: Transports
    clock: Clock = field(default_factory=SystemClock)
    #: Keeps the embedded database running as long as this process lives.
    embedded: Any = None
    #: What claims keep from one to the next: sequence versions, which never change, and what is ready of their mails.
    versions: dict[int, Sequence] = field(default_factory=dict)
    composers: dict[Any, StepComposer] = field(default_factory=dict)
    #: What forecasts keep from one chunk of a batch to the next: the due instants that wait in each mailbox, by batch.
    queues: dict[int, dict[int, Any]] = field(default_factory=dict)

    @property
    def secret_key(self) -> bytes:
        """The key that signs links: from the settings, else from ``home``/secret.key, made when first needed."""
        if self.settings.secret_key:
            return self.settings.secret_key.get_secret_value().encode()
        path = self.settings.home / "secret.key"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            fresh = path.with_suffix(f".{secrets.token_hex(4)}")
            fresh.touch(mode=0o600)
            fresh.write_text(secrets.token_hex(32))
            try:
                path.hardlink_to(fresh)
            except FileExistsError:
                pass
            finally:
                fresh.unlink()
        return path.read_text().strip().encode()


_current: Runtime | None = None


def compose(settings: Settings) -> Runtime:
    """A runtime on the database that the settings name: a server of the user's own, or the embedded one."""
    from cadenza.mail.transports import Transports
    from cadenza.store import database

    embedded = None
    if settings.database_url:
        url = settings.database_url.get_secret_value()
    else:
        from cadenza.store.embedded import start_embedded, url_of

        embedded = start_embedded(settings.home)
        maintenance = database.connect(url_of(embedded, "postgres"), pool_size=1)
        database.create_database(maintenance, "cadenza")
        maintenance.dispose()
        url = url_of(embedded, "cadenza")
    engine = database.connect(url, settings.database_pool_size)
    database.migrate(engine)
    return Runtime(settings, engine, Transports(settings), embedded=embedded)


def current() -> Runtime:
    """The runtime of this process, composed when first asked for."""
    global _current
    if _current is None:
        _current = compose(load_settings())
    return _current


@contextmanager
def use(runtime: Runtime) -> Iterator[Runtime]:
    """Let ``current()`` be this runtime inside the block: for rehearsals and tests."""
    global _current
    before, _current = _current, runtime
    try:
        yield runtime
    finally:
        _current = before
