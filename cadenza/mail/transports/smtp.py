"""How do the messages of a mailbox leave through its SMTP server?"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence

from cadenza.domain.delivery import Attempt, AttemptResult
from cadenza.errors import CadenzaError, MailServerUnavailable
from cadenza.mail.transports.connection import Broken, Connection
from cadenza.mail.transports.outgoing import BeforeBody, Outgoing
from cadenza.mail.transports.server import Server
from cadenza.mail.transports.witness import ImapWitness

#: A connection that was idle for longer is asked whether it still lives.
IDLE_SECONDS = 5.0
#: Connections kept open for the next claim.
KEPT = 64


class SmtpTransport:
    """Reused connections to one server under one login."""

    def __init__(self, server: Server, witness: ImapWitness | None = None) -> None:
        self.server = server
        self.witness = witness
        self._idle: list[Connection] = []
        self._lock = threading.Lock()

    def send(self, outgoing: Sequence[Outgoing], before_body: BeforeBody) -> Iterator[Attempt]:
        """Hand messages over in order through one connection; a broken one is replaced once in a row."""
        connection: Connection | None = None
        broken = 0
        try:
            for number, mail in enumerate(outgoing):
                if mail.deadline is not None and time.monotonic() >= mail.deadline:
                    if connection and not connection.is_free:
                        connection.close()  # its envelope is under way
                    yield Attempt(mail.delivery_id, AttemptResult.NOT_TRIED, text="Too late for its lease.")
                    continue
                following = outgoing[number + 1] if number + 1 < len(outgoing) else None
                try:
                    connection = connection if connection and connection.is_open else self._take()
                    try:
                        attempt = connection.hand_over(mail, before_body, following)
                    except Broken as error:
                        if not error.is_worth_another:
                            raise
                        connection = Connection(self.server)
                        attempt = connection.hand_over(mail, before_body, following)
                    broken = 0
                except Broken as error:
                    attempt = Attempt(mail.delivery_id, AttemptResult.DEFERRED, text=f"Connection lost: {error}.")
                    broken += 1
                except MailServerUnavailable as error:
                    yield from _deferred(outgoing[number:], str(error))
                    return
                yield attempt
                if broken > 1:
                    yield from _deferred(outgoing[number + 1 :], "The server breaks every connection.")
                    return
        finally:
            if connection is not None:
                self._give_back(connection)

    def accepted(self, message_ids: Sequence[str], known: Sequence[str] = ()) -> set[str] | None:
        """What the mailbox shows; without a witness None: SMTP alone cannot tell."""
        return self.witness.accepted(message_ids, known) if self.witness else None

    def check(self) -> str | None:
        """Log in and out again; what is wrong, or None."""
        try:
            Connection(self.server).quit()
        except CadenzaError as error:
            return str(error)
        return None

    def close(self) -> None:
        """Close the idle connections."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.quit()

    def _take(self) -> Connection:
        while True:
            with self._lock:
                connection = self._idle.pop() if self._idle else None
            if connection is None:
                return Connection(self.server)
            if time.monotonic() - connection.used_at < IDLE_SECONDS or connection.is_alive():
                return connection
            connection.close()

    def _give_back(self, connection: Connection) -> None:
        if not connection.is_free:
            connection.close()
            return
        with self._lock:
            if len(self._idle) < KEPT:
                self._idle.append(connection)
                return
        connection.quit()


def _deferred(mails: Sequence[Outgoing], reason: str) -> Iterator[Attempt]:
    for mail in mails:
        yield Attempt(mail.delivery_id, AttemptResult.DEFERRED, text=reason)
