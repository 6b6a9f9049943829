"""What does this process run with? The composition root: settings, database, clock, transports."""

from __future__ import annotations

import hmac
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

from cadenza.errors import DatabaseUnavailable, SecretMissing
from cadenza.settings import Settings, load_settings

if TYPE_CHECKING:
    from pydantic import SecretStr
    from sqlalchemy import Engine

    from cadenza.connectors import Connector
    from cadenza.domain.attachments import Attachment
    from cadenza.domain.sequence import Sequence
    from cadenza.domain.settlement import ClaimedMail
    from cadenza.mail.message import StepComposer
    from cadenza.mail.transports import Transports
    from cadenza.store.restored import Memory
    from cadenza.store.secrets import Vault


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
        time.sleep(seconds)


class DatabaseClock:
    """The clock of the database, which every worker shares: a machine's own may be wrong, or be set while it runs.

    It is asked now and then; in between, time passes as steadily as this machine counts it.
    """

    #: Seconds until it is asked again.
    ASKED_EVERY = 30.0

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._asked: tuple[float, datetime] | None = None

    def now(self) -> datetime:
        """The present instant, aware, in UTC.

        Raises:
            DatabaseUnavailable: the database is away and was never asked (transient).
        """
        if self._asked is None or _steady() - self._asked[0] > self.ASKED_EVERY:
            self._ask()
        assert self._asked
        counted, instant = self._asked
        return instant + timedelta(seconds=_steady() - counted)

    def wait(self, seconds: float) -> None:
        """Sleep."""
        time.sleep(seconds)

    def _ask(self) -> None:
        from cadenza.store.database import instant_of

        before = _steady()
        try:
            instant = instant_of(self._engine)
        except DatabaseUnavailable:
            if self._asked is None:
                raise
            return
        self._asked = ((before + _steady()) / 2, instant)


def _steady() -> float:
    """Seconds that nobody sets; where the system can tell, those in which the machine sleeps count too."""
    boot_time = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if boot_time is None else time.clock_gettime(boot_time)


@dataclass
class DrivenClock:
    """A clock that somebody else moves: rehearsals and tests play weeks in seconds."""

    at: datetime

    def now(self) -> datetime:
        """Where the clock was set."""
        return self.at

    def wait(self, seconds: float) -> None:
        """Move on at once."""
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
    #: What deliveries keep: attachments as they travel.
    appendices: dict[tuple[Attachment, ...], bytes] = field(default_factory=dict)
    #: The mails of the latest claim, by delivery: whoever hands them over here need not read them again.
    claimed: dict[int, ClaimedMail] = field(default_factory=dict)
    #: What forecasts keep from one chunk of a batch to the next: the due instants that wait in each mailbox, by batch.
    queues: dict[int, dict[int, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.transports.secrets = self.vault

    @cached_property
    def memory(self) -> Memory:
        """What this machine knows to be stored, should the database forget it."""
        from cadenza.store.restored import Memory

        return Memory(self.settings.home / "marks")

    @property
    def secret_key(self) -> bytes:
        """The key that signs links: from the settings, else from ``home``/secret.key, made when first needed."""
        return self._key(self.settings.secret_key, "secret.key")

    @property
    def secrets_key(self) -> bytes:
        """The key that encrypts stored secrets: from the settings, else from ``home``/secrets.key."""
        return self._key(self.settings.secrets_key, "secrets.key")

    @property
    def events_key(self) -> str:
        """The key that events are signed with: from the settings, else made of ``secret_key``."""
        given = self.settings.events_key
        return given.get_secret_value() if given else hmac.digest(self.secret_key, b"events", "sha256").hex()

    @property
    def site_key(self) -> str:
        """What pages send their views with; everybody can read it there."""
        return hmac.digest(self.events_key.encode(), b"site", "sha256").hex()[:24]

    @property
    def vault(self) -> Vault:
        """The secrets that mailboxes name."""
        from cadenza.store.secrets import Vault

        return Vault(self.engine, lambda: self.secrets_key, read_block)

    def connector(self, name: str) -> Connector:
        """The connector of that name.

        Raises:
            NotFound: names those that there are.
            SettingsInvalid: one of its options is wrong; SecretMissing: a secret is not where it says.
        """
        from cadenza.connectors import open_connector

        entry = self.settings.connector(name)
        return open_connector(name, entry.kind, entry.model_extra or {}, self.settings.connectors_folder, read_block)

    def _key(self, setting: SecretStr | None, file: str) -> bytes:
        if setting:
            return setting.get_secret_value().encode()
        path = self.settings.home / file
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


def read_block(name: str) -> str:
    """What a Prefect Secret block holds; the tasks, which know Prefect, say how (``block_reader``).

    Raises:
        SecretMissing: nobody here knows Prefect.
    """
    if block_reader is None:
        raise SecretMissing(f"The Prefect block {name!r} can only be read where Prefect is: in a run of a flow.")
    return block_reader(name)


#: Reads a Prefect Secret block; set by the package ``tasks`` when it is imported.
block_reader: Callable[[str], str] | None = None

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
    return Runtime(settings, engine, Transports(settings), DatabaseClock(engine), embedded=embedded)


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
