"""Where do the mails of benchmarks go? To a server in a process of its own that takes every mail and keeps none."""

from __future__ import annotations

import asyncio
import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection


@contextmanager
def mail_server() -> Iterator[tuple[int, int]]:
    """A running server: its port and its process id."""
    context = multiprocessing.get_context("spawn")
    ready, told = context.Pipe(duplex=False)
    process = context.Process(target=_serve, args=(told,), daemon=True)
    process.start()
    assert process.pid
    try:
        yield ready.recv(), process.pid
    finally:
        process.terminate()
        process.join()


class _Session(asyncio.Protocol):
    """One connection; as little work as SMTP allows, so that what is measured is the client."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.received = b""
        self.is_in_message = False
        transport.write(b"220 ready\r\n")

    def data_received(self, data: bytes) -> None:
        self.received += data
        answers: list[bytes] = []
        while True:
            end = b"\r\n.\r\n" if self.is_in_message else b"\r\n"
            # Commands never contain an end of line; most reads end with what was asked for.
            piece, found, rest = self.received.partition(end)
            if not found:
                break
            self.received = rest
            if self.is_in_message:
                self.is_in_message = False
                answers.append(b"250 2.0.0 taken\r\n")
            else:
                answers.append(self.answer(piece[:4].upper()))
        if answers:
            self.transport.write(b"".join(answers))

    def answer(self, verb: bytes) -> bytes:
        if verb == b"DATA":
            self.is_in_message = True
            return b"354 go on\r\n"
        if verb == b"EHLO":
            return b"250-benchmark\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SIZE 50000000\r\n"
        return b"221 bye\r\n" if verb == b"QUIT" else b"250 2.0.0 ok\r\n"


def _serve(told: Connection) -> None:
    async def serve() -> None:
        listener = await asyncio.get_running_loop().create_server(_Session, "127.0.0.1", 0)
        told.send(listener.sockets[0].getsockname()[1])
        await listener.serve_forever()

    asyncio.run(serve())
