"""How do many connections share a commit? What comes while one is under way goes into the next one together."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime
from queue import Empty, SimpleQueue

from sqlalchemy import Engine

from cadenza.domain.settlement import ClaimedMail, Settlement
from cadenza.store import deliveries
from cadenza.store.database import transaction


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
    """Settles and marks deliveries for several threads, one transaction at a time."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._waiting: SimpleQueue[_Entry] = SimpleQueue()
        self._commits = threading.Lock()

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

    @property
    def waiting(self) -> int:
        """How many threads wait for the next commit."""
        return self._waiting.qsize()

    def _taken(self) -> list[_Entry]:
        entries = []
        try:
            while True:
                entries.append(self._waiting.get_nowait())
        except Empty:
            return entries

    def _commit(self, entries: Sequence[_Entry]) -> None:
        try:
            with transaction(self._engine) as connection:
                settled = deliveries.settle(connection, [one for entry in entries for one in entry.settlements])
                window = [mail for entry in entries for mail in entry.window]
                marked = deliveries.mark_in_flight(connection, window, max(entry.now for entry in entries))
        except BaseException as error:
            for entry in entries:
                entry.written.set_exception(error)
        else:
            for entry in entries:
                entry.written.set_result(Written(settled, marked))
