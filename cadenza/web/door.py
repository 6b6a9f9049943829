"""Who comes in, and what does every answer carry?"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from fastapi.datastructures import Headers
from pydantic import IPvAnyNetwork
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cadenza.web.buckets import Buckets
from cadenza.web.clients import client_of
from cadenza.web.pages import STYLE_HASH, notice

#: A link that leads nowhere costs as much as so many requests.
GUESS_TOKENS = 9

HEADERS = {
    "Content-Security-Policy": (
        f"default-src 'none'; style-src '{STYLE_HASH}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-Robots-Tag": "noindex, nofollow",
}


class Door:
    """Lets requests in at a pace, and gives every answer the same strict headers.

    Requests with a link that we made count against that link: mail programs and scanners send those of many people
    from one address, and none of them may be turned away. All others count against the client.
    """

    def __init__(
        self, app: ASGIApp, buckets: Buckets, trusted: Sequence[IPvAnyNetwork], link_of: Callable[[Scope], str | None]
    ) -> None:
        self.app = app
        self.buckets = buckets
        self.trusted = trusted
        self.link_of = link_of

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        asked = Headers(scope=scope)
        payer = self.link_of(scope) or self._client(scope, asked)

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                if message["status"] == 404:
                    self.buckets.charge(payer, GUESS_TOKENS)
            await send(message)

        wait = self.buckets.take(payer)
        if wait:
            refusal = notice(asked, 429, "too_often", {"Retry-After": str(math.ceil(wait))})
            await refusal(scope, receive, answer)
        else:
            await self.app(scope, receive, answer)

    def _client(self, scope: Scope, headers: Headers) -> str:
        peer = (scope.get("client") or ("",))[0]
        return client_of(peer, ",".join(headers.getlist("X-Forwarded-For")), self.trusted)
