"""Where do mails go as long as no real mailbox is connected? Into a Maildir on this machine.

``python -m cadenza.mail.sink --port 2525 --folder .cadenza/sink`` runs it alone. Mails are not forced to the disk one
by one: it stands in for a mail server where nothing is at stake.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import itertools
import os
import re
import signal
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP

from cadenza.errors import PortInUse

_MESSAGE_ID = re.compile(rb"^message-id:\s*(\S+)", re.IGNORECASE | re.MULTILINE)
_numbers = itertools.count(1)

#: The Message-ID is looked for in so many bytes.
_HEADERS = 65_536
#: The largest mail it takes, in bytes.
LARGEST = 35 * 1024 * 1024


def has_taken(folder: Path, message_id: str) -> bool:
    """Whether the sink with this folder took a mail with this Message-ID."""
    return _index(folder, message_id.encode()).exists()


def _index(folder: Path, message_id: bytes) -> Path:
    name = hashlib.sha1(message_id, usedforsecurity=False).hexdigest()
    return folder / "by-message-id" / name[:2] / name


class MaildirHandler:
    """Files each mail under ``Maildir/new``, and a second name for it by its Message-ID."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.maildir = folder / "Maildir"
        for name in ("new", "cur", "tmp"):
            (self.maildir / name).mkdir(parents=True, exist_ok=True)
        for first in range(256):
            (folder / "by-message-id" / f"{first:02x}").mkdir(parents=True, exist_ok=True)
        for left in (self.maildir / "tmp").iterdir():
            # A sink that was killed: what is indexed was taken, the rest never got its 250.
            if left.stat().st_nlink > 1:
                left.rename(self.maildir / "new" / left.name)
            else:
                left.unlink()

    async def handle_EHLO(  # noqa: N802 - aiosmtpd's name
        self, server: Any, session: Any, envelope: Any, hostname: str, responses: list[str]
    ) -> list[str]:
        """Offer pipelining: commands are read one by one from a stream anyhow."""
        session.host_name = hostname
        return [responses[0], "250-PIPELINING", *responses[1:]]

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        """Take one mail."""
        name = f"{time.time_ns()}.{os.getpid()}_{next(_numbers)}.cadenza"
        content: bytes = envelope.original_content
        path = self.maildir / "tmp" / name
        try:
            # Buffered: without, a disk that fills up takes a part and says nothing.
            with open(path, "wb") as file:
                file.write(b"Delivered-To: " + ", ".join(envelope.rcpt_tos).encode() + b"\r\n" + content)
            # Indexed first: a mail that recovery cannot find would be sent again.
            if found := _MESSAGE_ID.search(content, 0, _HEADERS):
                with suppress(FileExistsError):
                    os.link(path, _index(self.folder, found.group(1)))
            os.rename(path, self.maildir / "new" / name)
        except OSError as error:
            with suppress(OSError):
                path.unlink()
            return f"452 4.3.1 {error.strerror}"
        return f"250 2.0.0 Ok: queued as {name.split('.')[0]}"


class Sink:
    """The sink inside this process, on a thread of its own: for tests and rehearsals."""

    def __init__(self, folder: Path, port: int = 0) -> None:
        self.folder = folder
        self.port = port
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="mail sink", daemon=True)

    def __enter__(self) -> Sink:
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(_listen(self.folder, self.port), self._loop).result()
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _close(self) -> None:
        self._server.close()
        sessions = asyncio.all_tasks() - {asyncio.current_task()}
        for session in sessions:
            session.cancel()
        await asyncio.gather(*sessions, return_exceptions=True)

    def messages(self) -> list[Path]:
        """The mails taken so far, oldest first."""
        return sorted((self.folder / "Maildir" / "new").iterdir())


async def _listen(folder: Path, port: int) -> asyncio.Server:
    """Listen on this machine only.

    Raises:
        PortInUse: another program listens there.
    """
    handlers: list[MaildirHandler] = []
    try:
        server = await asyncio.get_running_loop().create_server(
            lambda: SMTP(handlers[0], hostname="cadenza-sink", data_size_limit=LARGEST, enable_SMTPUTF8=True),
            host="127.0.0.1",
            port=port,
            start_serving=False,
        )
    except OSError as error:
        raise PortInUse(
            f"Port {port} is taken by another program: choose another one with CADENZA_SINK_PORT."
        ) from error
    # Only now: whoever has the port may tidy up the folder.
    handlers.append(MaildirHandler(folder))
    await server.start_serving()
    return server


async def _serve(folder: Path, port: int) -> None:
    server = await _listen(folder, port)
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    print(f"Mails to 127.0.0.1:{port} go to {folder / 'Maildir'}", flush=True)
    await ended.wait()
    server.close()


def main() -> None:
    """Run the sink until it is told to end."""
    parser = argparse.ArgumentParser(prog="python -m cadenza.mail.sink", description=__doc__)
    parser.add_argument("--port", type=int, default=2525)
    parser.add_argument("--folder", type=Path, default=Path(".cadenza/sink"))
    arguments = parser.parse_args()
    try:
        asyncio.run(_serve(arguments.folder, arguments.port))
    except PortInUse as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
