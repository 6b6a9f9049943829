"""Which connections to mailboxes are kept from one reading to the next?"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TypeVar

from cadenza.errors import MailServerUnavailable
from cadenza.mail.imap import ImapServer, opened
from cadenza.mail.inbox import Inbox

Result = TypeVar("Result")


@dataclass
class _Open:
    """An open mailbox, and what closes it."""

    inbox: Inbox
    closing: ExitStack

    def do(self, work: Callable[[Inbox], Result]) -> Result:
        """Do the work; if it fails, the connection is closed and the library's error becomes ours."""
        try:
            return work(self.inbox)
        except BaseException:
            self.closing.__exit__(*sys.exc_info())
            raise


class Inboxes:
    """Open mailboxes of this process, at most one kept for each login."""

    def __init__(self) -> None:
        self._kept: dict[ImapServer, _Open] = {}
        self._lock = threading.Lock()

    def read(self, server: ImapServer, own_address: str, work: Callable[[Inbox], Result]) -> Result:
        """What some work in an open mailbox gives; once more if a kept connection is gone by now.

        Raises:
            MailboxRefused: the server refuses the login.
            MailServerUnavailable: it does not answer, or breaks off (transient).
        """
        kept = self._take(server)
        if kept is not None:
            try:
                result = kept.do(work)
            except MailServerUnavailable:
                kept = None
            else:
                self._keep(server, kept)
                return result
        closing = ExitStack()
        fresh = _Open(Inbox(closing.enter_context(opened(server)), own_address), closing)
        result = fresh.do(work)
        self._keep(server, fresh)
        return result

    def close(self) -> None:
        """Close every connection."""
        with self._lock:
            kept, self._kept = self._kept, {}
        for one in kept.values():
            one.closing.close()

    def _take(self, server: ImapServer) -> _Open | None:
        with self._lock:
            return self._kept.pop(server, None)

    def _keep(self, server: ImapServer, one: _Open) -> None:
        with self._lock:
            if self._kept.setdefault(server, one) is one:
                return
        one.closing.close()
