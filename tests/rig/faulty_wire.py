"""A wire to an SMTP server that tears: between the client and any real server, which takes the mails or does not."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Self

from stream_server import StreamServer

_END = b"\r\n.\r\n"


@dataclass
class FaultyWire(StreamServer):
    """Runs on a thread of its own inside ``with``. What happens to a mail is thrown by dice, or nothing does.

    ``answer-lost``: the server answers to the dot, and the connection breaks before the client hears it;
    ``answer-held``: the client hears nothing for ``hold_seconds``, then the connection breaks;
    ``cut``: half of the body, and the connection breaks; ``421``: the same, and the server seems to say goodbye.
    """

    to_port: int
    #: Share of the mails for each fault.
    chances: Mapping[str, float] = field(default_factory=dict)
    hold_seconds: float = 2.0
    #: How long the body of each mail is under way.
    slow_seconds: float = 0.0
    #: A client that stops inside a message for so long is hung up on, as every server does (RFC 5321, 4.5.3.2).
    patience_seconds: float = 300.0
    seed: int = 7
    happened: Counter[str] = field(default_factory=Counter)

    def __enter__(self) -> Self:
        self._dice = random.Random(self.seed)
        return super().__enter__()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there, away = await asyncio.open_connection("127.0.0.1", self.to_port, limit=1 << 26)
        except OSError:
            writer.transport.abort()
            return
        try:
            await _Session(self, reader, writer, there, away).run()
        except (ConnectionError, asyncio.IncompleteReadError, TimeoutError, asyncio.CancelledError):
            pass
        finally:
            for end in (writer, away):
                with suppress(RuntimeError):
                    end.transport.abort()

    def fault(self) -> str | None:
        """What happens to the next mail."""
        thrown = self._dice.random()
        for name, chance in self.chances.items():
            if thrown < chance:
                self.happened[name] += 1
                return name
            thrown -= chance
        return None


@dataclass
class _Session:
    wire: FaultyWire
    client: asyncio.StreamReader
    to_client: asyncio.StreamWriter
    server: asyncio.StreamReader
    to_server: asyncio.StreamWriter

    async def run(self) -> None:
        """Pass lines on in both directions until the server wants a body; then look after the body."""
        commands = asyncio.create_task(self._pass_commands())
        try:
            while answer := await self.server.readline():
                if answer.startswith(b"354"):
                    # What the client sends from here on is the body.
                    commands.cancel()
                    with suppress(asyncio.CancelledError):
                        await commands
                    self.to_client.write(answer)
                    await self._pass_body()
                    commands = asyncio.create_task(self._pass_commands())
                else:
                    self.to_client.write(answer)
        finally:
            commands.cancel()

    async def _pass_commands(self) -> None:
        while line := await self.client.readline():
            self.to_server.write(line)
        # It may have gone in the middle of anything: so has the wire.
        self.to_server.close()

    async def _pass_body(self) -> None:
        fault = self.wire.fault()
        async with asyncio.timeout(self.wire.patience_seconds):
            body = await self.client.readuntil(_END)
        if fault in ("cut", "421"):
            self.to_server.write(body[: len(body) // 2])
            if fault == "421":
                self.to_client.write(b"421 4.3.2 closing down\r\n")
                await self.to_client.drain()
            raise ConnectionError
        await asyncio.sleep(self.wire.slow_seconds)
        self.to_server.write(body)
        answer = await self.server.readline()
        if fault == "answer-held":
            await asyncio.sleep(self.wire.hold_seconds)
        if fault in ("answer-lost", "answer-held"):
            raise ConnectionError
        self.to_client.write(answer)
