"""An SMTP server that misbehaves as the recipient's local part asks, and remembers what it really accepted.

Directives are joined with ``+``: ``rcpt-550-5.1.1``, ``data-451-4.7.1``, ``eod-554-5.7.1`` answer at that command;
``grey-3`` defers the first three tries; ``mid421`` and ``middrop`` break off inside the message; ``acceptdrop`` accepts
and hangs up without a word; ``accepthang-2`` accepts and keeps silent for two seconds; ``slow-1`` answers late;
``garbage`` accepts and answers nonsense; ``rcptdrop`` refuses the recipient with 550 and hangs up. ``first2-`` before a
directive lets it hold for the first two tries only: ``first2-eod-451-4.3.0``.
"""

from __future__ import annotations

import asyncio
import base64
import re
import ssl
from collections import Counter
from dataclasses import dataclass, field
from typing import Self

from stream_server import StreamServer


@dataclass
class FaultServer(StreamServer):
    """Runs on a thread of its own inside ``with``."""

    #: Whether it offers PIPELINING, SMTPUTF8, STARTTLS; the account it wants; what it greets with.
    pipelining: bool = True
    smtputf8: bool = True
    tls: ssl.SSLContext | None = None
    is_tls_from_start: bool = False
    account: tuple[str, str] | None = None
    auth_reply: bytes = b"535 5.7.8 Authentication credentials invalid\r\n"
    greeting: bytes = b"220 fault.example ESMTP\r\n"
    #: Hang up after so many messages of one connection, when the next command comes.
    mails_per_connection: int | None = None
    #: Say so before.
    says_goodbye: bool = False
    #: What was accepted, as (recipient, message without dot-stuffing); commands seen; connections made.
    accepted: list[tuple[str, bytes]] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    connections: int = 0

    def __enter__(self) -> Self:
        self._tries: Counter[str] = Counter()
        return super().__enter__()

    @property
    def _tls_from_start(self) -> ssl.SSLContext | None:
        return self.tls if self.is_tls_from_start else None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        session = _Session(self, reader, writer)
        try:
            writer.write(self.greeting)
            while await session.answer():
                pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()


@dataclass
class _Session:
    server: FaultServer
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    #: The first recipient, whose directives count, and every one that was taken.
    recipient: str = ""
    recipients: list[str] = field(default_factory=list)
    mails: int = 0
    is_secure: bool = False

    def directive(self, name: str) -> str | None:
        for word in self.recipient.split("@")[0].split("+"):
            if found := re.fullmatch(r"first(\d+)-(.+)", word):
                if self.server._tries[self.recipient] > int(found[1]):
                    continue
                word = found[2]
            if word == name or word.startswith(f"{name}-"):
                return word[len(name) + 1 :]
        return None

    def reply(self, text: str) -> None:
        self.writer.write(text.encode() + b"\r\n")

    async def answer(self) -> bool:
        """Answer one command; False ends the connection."""
        await self.writer.drain()
        line = await self.reader.readline()
        command = line.decode().strip()
        self.server.commands.append(command)
        verb = command[:4].upper()
        if not line or (self.server.mails_per_connection and self.mails >= self.server.mails_per_connection):
            if self.server.says_goodbye:
                self.reply("421 4.7.0 too many messages for one connection")
                await self.writer.drain()
            return False
        handle = getattr(self, f"on_{verb.lower()}", None)
        if handle is None:
            self.reply("502 5.5.2 unknown")
            return True
        return bool(await handle(command))

    async def on_ehlo(self, _: str) -> bool:
        server = self.server
        offers = [
            "fault.example",
            *(["PIPELINING"] if server.pipelining else []),
            *(["SMTPUTF8"] if server.smtputf8 else []),
            *(["STARTTLS"] if server.tls and not self.is_secure and not server.is_tls_from_start else []),
            *(["AUTH PLAIN"] if server.account else []),
            "ENHANCEDSTATUSCODES",
        ]
        for number, offer in enumerate(offers, start=1):
            self.reply(f"250{' ' if number == len(offers) else '-'}{offer}")
        return True

    async def on_star(self, _: str) -> bool:
        self.reply("220 2.0.0 go ahead")
        await self.writer.drain()
        await self.writer.start_tls(self.server.tls)
        self.is_secure = True
        return True

    async def on_auth(self, command: str) -> bool:
        _, user, password = base64.b64decode(command.split()[-1]).decode().split("\0")
        is_right = (user, password) == self.server.account
        self.writer.write(b"235 2.7.0 ok\r\n" if is_right else self.server.auth_reply)
        return True

    async def on_mail(self, _: str) -> bool:
        self.recipient, self.recipients = "", []
        self.reply("250 2.1.0 Ok")
        return True

    async def on_rcpt(self, command: str) -> bool:
        found = re.search("<([^>]*)>", command)
        address = found[1] if found else ""
        before, self.recipient = self.recipient, address
        self.server._tries[address] += 1
        grey = self.directive("grey")
        if refused := self.directive("rcpt"):
            self.reply(f"{refused.replace('-', ' ')} scripted")
        elif self.directive("rcptdrop") is not None:
            self.reply("550 5.1.1 nobody here, and goodbye")
            await self.writer.drain()
            return False
        elif grey and self.server._tries[address] <= int(grey):
            self.reply("450 4.2.0 greylisted, try again later")
        else:
            self.reply("250 2.1.5 Ok")
            self.recipients.append(address)
            self.recipient = before or address
            return True
        self.recipient = before
        return True

    async def on_data(self, _: str) -> bool:
        if not self.recipient:
            self.reply("554 5.5.1 no valid recipients")
            return True
        if refused := self.directive("data"):
            self.reply(f"{refused.replace('-', ' ')} scripted")
            return True
        self.reply("354 go")
        await self.writer.drain()
        if self.directive("mid421") is not None or self.directive("middrop") is not None:
            await self.reader.read(64)
            if self.directive("mid421") is not None:
                self.reply("421 4.3.2 shutting down")
                await self.writer.drain()
            else:
                self.writer.transport.abort()
            return False
        stuffed = await self.reader.readuntil(b"\r\n.\r\n")
        if refused := self.directive("eod"):
            self.reply(f"{refused.replace('-', ' ')} scripted")
            return True
        message = stuffed[:-3].replace(b"\r\n..", b"\r\n.")
        self.server.accepted += [(recipient, message) for recipient in self.recipients]
        self.mails += 1
        if self.directive("acceptdrop") is not None:
            self.writer.transport.abort()
            return False
        if wait := self.directive("accepthang") or self.directive("slow"):
            await asyncio.sleep(float(wait))
        if self.directive("garbage") is not None:
            self.writer.write(b"what was that?\r\n")
            return True
        self.reply(f"250 2.0.0 Ok: queued as F{len(self.server.accepted):08X}")
        return True

    async def on_rset(self, _: str) -> bool:
        self.recipient, self.recipients = "", []
        self.reply("250 2.0.0 Ok")
        return True

    async def on_noop(self, _: str) -> bool:
        self.reply("250 2.0.0 Ok")
        return True

    async def on_quit(self, _: str) -> bool:
        self.reply("221 2.0.0 Bye")
        await self.writer.drain()
        return False
