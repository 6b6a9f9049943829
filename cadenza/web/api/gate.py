"""Which requests are read at all? Each parameter once, and JSON of a bounded size that comes in a bounded time."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Final
from urllib.parse import parse_qsl

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cadenza.web.api.errors import Problem, answer

LARGEST_BODY: Final = 2_000_000
BODY_SECONDS: Final = 20.0


def _check_once(query: bytes) -> None:
    """No parameter has several values: nobody could tell which one counts.

    Raises:
        Problem: one is there twice; names it.
    """
    names = Counter(name for name, _ in parse_qsl(query.decode("latin-1"), keep_blank_values=True))
    for name, count in names.items():
        if count > 1:
            raise Problem(400, f"{name[:100]}: it is there {count} times: give it once.", "REPEATED", field=name[:100])


class Gate:
    """Reads the body before anybody else does, and turns away what is not to be read."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        try:
            _check_once(scope["query_string"])
            body = await self._body(Headers(scope=scope), receive)
        except Problem as problem:
            await answer(problem)(scope, receive, send)
            return
        is_read = False

        async def replay() -> Message:
            nonlocal is_read
            if is_read:
                return await receive()
            is_read = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self.app(scope, replay, send)

    async def _body(self, headers: Headers, receive: Receive) -> bytes:
        said = headers.get("Content-Length", "0")
        if not said.isdigit() or int(said) > LARGEST_BODY:
            raise _too_large()
        body = bytearray()
        try:
            async with asyncio.timeout(BODY_SECONDS):
                while (message := await receive())["type"] == "http.request":
                    body += message.get("body", b"")
                    if len(body) > LARGEST_BODY:
                        raise _too_large()
                    if not message.get("more_body"):
                        break
        except TimeoutError as error:
            raise Problem(
                408, f"The body took longer than {BODY_SECONDS:.0f} seconds: send it faster.", "TIMEOUT"
            ) from error
        kind = headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if body and kind != "application/json":
            raise Problem(
                415, f"The body is {kind or 'of no type'}: send JSON, with Content-Type: application/json.", "NOT_JSON"
            )
        return bytes(body)


def _too_large() -> Problem:
    return Problem(413, f"The body is larger than {LARGEST_BODY:,} bytes: send less at a time.", "BODY_TOO_LARGE")
