"""Who answers right now? One thread a mailbox, and for each mailbox one watcher among all runs and machines."""

from __future__ import annotations

import logging
import os
import queue
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol
from uuid import uuid4

from cadenza.errors import CadenzaError, DatabaseUnavailable, MailServerUnavailable
from cadenza.mail.imap import opened
from cadenza.mail.inbox import Inbox
from cadenza.runtime import Runtime, current
from cadenza.store import database, watching
from cadenza.store.answers import Recorded
from cadenza.store.watching import WatchedMailbox

logger = logging.getLogger(__name__)

#: A watcher that is not heard of for this long has lost its mailboxes to the others.
LEASE = timedelta(seconds=60)
#: How often leases are renewed and free mailboxes taken.
ROUND_SECONDS = 5.0
#: The pause before a connection is opened anew: doubled each time that it did not help.
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
#: Servers that do not tell by themselves are asked this often.
ASK_SECONDS = 4.0


class TakeIn(Protocol):
    """Reads an open mailbox and lets what came in take effect."""

    def __call__(self, box: WatchedMailbox, inbox: Inbox, *, all_folders: bool = True) -> Recorded:
        """What came in."""
        ...


class TakeFiled(Protocol):
    """Notes what people filed into an open mailbox to enroll somebody."""

    def __call__(self, box: WatchedMailbox, inbox: Inbox) -> int:
        """How many mails are to be looked at."""
        ...


class GiveUp(Protocol):
    """Deals with a mailbox that cannot be read."""

    def __call__(self, mailbox_id: int, error: CadenzaError) -> None:
        """Put it off, or disconnect it."""
        ...


@dataclass(frozen=True, slots=True)
class News:
    """What one reading of a mailbox brought."""

    mailbox_id: int
    recorded: Recorded
    #: Mails that ask to enroll somebody.
    filed: int = 0


@dataclass
class Watch:
    """A watch over the mailboxes that nobody else watches, for some time."""

    runtime: Runtime
    seconds: float
    name: str = field(default_factory=lambda: f"{socket.gethostname()}/{os.getpid()}/{uuid4().hex[:8]}")
    watched: dict[int, MailboxWatch] = field(default_factory=dict)
    inbound: queue.SimpleQueue[News] = field(default_factory=queue.SimpleQueue)
    #: Mailboxes that were watched at some time, and what came in.
    mailboxes: set[int] = field(default_factory=set)
    total: Recorded = field(default_factory=Recorded)
    #: When it is over, on the monotonic clock.
    until: float = 0.0

    def news(self, take_in: TakeIn, give_up: GiveUp, take_filed: TakeFiled | None = None) -> Iterator[News]:
        """What comes in, until the time is over; then the mailboxes are free for the next watch."""
        self.until = time.monotonic() + self.seconds
        try:
            while (left := self.until - time.monotonic()) > 0 and self._look_after(take_in, give_up, take_filed):
                yield from self._arriving(min(left, ROUND_SECONDS))
        finally:
            self._leave()
        yield from self._arriving(0)

    def _look_after(self, take_in: TakeIn, give_up: GiveUp, take_filed: TakeFiled | None) -> bool:
        """Renew the leases, take what is free, let go what is lost; False: there is no mailbox to be watched at all."""
        now = self.runtime.clock.now()
        try:
            with database.transaction(self.runtime.engine) as connection:
                kept = watching.renew(connection, self.name, now + LEASE) if self.watched else set()
                size = self.runtime.settings.watch_mailboxes - len(kept)
                taken = watching.lease(connection, self.name, now + LEASE, size, now) if size > 0 else []
                quiet = [id_ for id_, one in self.watched.items() if not one.is_lively.is_set()]
                lively = watching.lively(connection, quiet, now)
                is_any = bool(kept or taken) or watching.is_any(connection)
        except DatabaseUnavailable:
            logger.warning("the database is away: the watch goes on when it is back")
            return True
        for id_ in self.watched.keys() - kept:
            self.watched.pop(id_).stop.set()
        for id_ in lively & self.watched.keys():
            self.watched[id_].is_lively.set()
        for box in taken:
            self.watched[box.id] = MailboxWatch(self.runtime, box, self.inbound, take_in, give_up, take_filed)
            self.watched[box.id].start()
            self.mailboxes.add(box.id)
        return is_any

    def _arriving(self, seconds: float) -> Iterator[News]:
        until = time.monotonic() + seconds
        while True:
            try:
                news = self.inbound.get(timeout=max(0.0, until - time.monotonic()))
            except queue.Empty:
                return
            self.total += news.recorded
            yield news

    def _leave(self) -> None:
        for one in self.watched.values():
            one.stop.set()
        until = time.monotonic() + ROUND_SECONDS
        for one in self.watched.values():
            one.join(max(0.0, until - time.monotonic()))
        with database.transaction(self.runtime.engine) as connection:
            watching.release(connection, self.name)


class MailboxWatch(threading.Thread):
    """Watches one mailbox until it is told to stop; a slow or broken one holds up nobody else."""

    def __init__(
        self,
        runtime: Runtime,
        box: WatchedMailbox,
        inbound: queue.SimpleQueue[News],
        take_in: TakeIn,
        give_up: GiveUp,
        take_filed: TakeFiled | None = None,
    ) -> None:
        super().__init__(name=f"mailbox-{box.id}", daemon=True)
        self.runtime, self.box, self.inbound, self.take_in, self.give_up = runtime, box, inbound, take_in, give_up
        self.take_filed = take_filed
        self.stop = threading.Event()
        #: Answers may come at any moment: stay connected. Else look in from time to time.
        self.is_lively = threading.Event()
        if box.is_lively:
            self.is_lively.set()
        #: Connections in a row on which nothing could be read.
        self.failures = 0

    def run(self) -> None:
        """Stay connected, or come back, until told to stop."""
        while not self.stop.is_set():
            try:
                server = self.runtime.transports.imap_server(self.box.id, self.box.imap, self.box.transport)
                with opened(server) as client:
                    self._stay(Inbox(client, self.box.address))
            except (MailServerUnavailable, DatabaseUnavailable) as error:
                self.failures += 1
                # A connection that merely broke off is opened again before anybody takes notice.
                if self.failures > 1 and isinstance(error, MailServerUnavailable):
                    self._give_up(error)
                self.stop.wait(min(FIRST_PAUSE * 2 ** (self.failures - 1), LONGEST_PAUSE))
            except CadenzaError as error:
                self._give_up(error)
                return
            except Exception as error:
                self.failures += 1
                logger.error("mailbox %d: %s while watching it", self.box.id, type(error).__name__)
                self.stop.wait(LONGEST_PAUSE)
            else:
                self._rest()

    def _stay(self, inbox: Inbox) -> None:
        """Read, and wait for what comes, as long as answers may come at any moment."""
        poll_seconds = self.runtime.settings.watch_poll_seconds
        poll_at = time.monotonic()
        while not self.stop.is_set():
            is_poll = time.monotonic() >= poll_at
            if is_poll:
                poll_at = time.monotonic() + poll_seconds
            filed = self.take_filed(self.box, inbox) if is_poll and self.take_filed else 0
            recorded = self.take_in(self.box, inbox, all_folders=is_poll)
            if self.failures > 1:
                with database.transaction(self.runtime.engine) as connection:
                    watching.put_off(connection, [self.box.id], None)
            self.failures = 0
            if recorded.noted or filed:
                self.inbound.put(News(self.box.id, recorded, filed))
            if not self.is_lively.is_set():
                return
            left = max(0.0, poll_at - time.monotonic())
            if inbox.can_wait:
                inbox.wait(left, self.stop.is_set)
            else:
                self.stop.wait(min(left, ASK_SECONDS))

    def _rest(self) -> None:
        """Leave a quiet mailbox alone for a while, unless it becomes lively."""
        until = time.monotonic() + self.runtime.settings.watch_poll_seconds
        while time.monotonic() < until and not self.stop.is_set() and not self.is_lively.is_set():
            self.stop.wait(1.0)

    def _give_up(self, error: CadenzaError) -> None:
        try:
            self.give_up(self.box.id, error)
        except DatabaseUnavailable:
            logger.warning("mailbox %d: the database is away, too", self.box.id)


def begin_watch(seconds: float | None) -> Watch:
    """A watch over the mailboxes that nobody watches; None: as long as the settings say."""
    runtime = current()
    return Watch(runtime, runtime.settings.watch_seconds if seconds is None else seconds)


def finish_watch(watch: Watch) -> Recorded:
    """Say what the watch brought."""
    total = watch.total
    logger.info(
        "%d mailboxes watched: %d answers, %d enrollments ended, %d held",
        len(watch.mailboxes), total.noted, total.ended, total.held,
    )  # fmt: skip
    return total
