"""How do many connections share a commit? What comes while one is under way goes into the next one together."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime
from queue import Empty, SimpleQueue

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from cadenza.domain.settlement import ClaimedMail, Settlement
from cadenza.store import deliveries
from cadenza.store.database import answering

#: The statements of a commit go by primary keys however many rows they are about. Planned once for a hand-over they
#: cost half as much; a plan for tables that were small must not read them whole when they have grown.
_BY_KEY = (
    "DISCARD PLANS; SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; SET enable_hashjoin = off; "
    "SET enable_mergejoin = off"
)


@dataclass(frozen=True, slots=True)
class Written:
    """The deliveries that one commit settled, and those that it marked as in flight: whose claims still held."""

    settled: set[int]
    marked: set[int]


@dataclass(frozen=True, slots=True)
class _Entry:
    settlements: Sequence[Settlement]
    window: Sequence[ClaimedMail]
    now: datetime
    written: Future[Written] = field(default_factory=Future)


class Ledger:
    """Settles and marks deliveries for several threads, one transaction at a time, on a connection of its own."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._connection: Connection | None = None
        self._waiting: SimpleQueue[_Entry] = SimpleQueue()
        self._commits = threading.Lock()

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            if self._connection is not None:
                self._connection.execute(text("RESET ALL"))
                self._connection.commit()
                self._connection.close()
        except DBAPIError:
            self._drop()

    @property
    def waiting(self) -> int:
        """How many threads wait for the next commit."""
        return self._waiting.qsize()

    def write(self, settlements: Sequence[Settlement], window: Sequence[ClaimedMail], now: datetime) -> Written:
        """Settle what is behind and mark what is ahead; returns when both are committed.

        Raises:
            DatabaseUnavailable: neither is known to be stored.
        """
        entry = _Entry(settlements, window, now)
        self._waiting.put(entry)
        with self._commits:
            # Whoever had the turn before may have taken this entry along.
            if not entry.written.done():
                self._commit(self._taken())
        return entry.written.result()

    def _taken(self) -> list[_Entry]:
        entries = []
        try:
            while True:
                entries.append(self._waiting.get_nowait())
        except Empty:
            return entries

    def _commit(self, entries: Sequence[_Entry]) -> None:
        try:
            with answering():
                connection = self._open()
                with connection.begin():
                    settled = deliveries.settle(connection, [one for entry in entries for one in entry.settlements])
                    window = [mail for entry in entries for mail in entry.window]
                    marked = deliveries.mark_in_flight(connection, window, max(entry.now for entry in entries))
        except BaseException as error:
            self._drop()
            for entry in entries:
                entry.written.set_exception(error)
        else:
            for entry in entries:
                entry.written.set_result(Written(settled, marked))

    def _open(self) -> Connection:
        if self._connection is None:
            self._connection = self._engine.connect()
            self._connection.execute(text(_BY_KEY))
            self._connection.commit()
        return self._connection

    def _drop(self) -> None:
        """Leave a connection that nobody knows to be sound; the next commit opens another one."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.invalidate()
            connection.close()
