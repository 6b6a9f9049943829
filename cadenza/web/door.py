"""Who comes in, and what does every answer carry?"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from fastapi.datastructures import Headers
from pydantic import IPvAnyNetwork
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cadenza.web.buckets import Buckets
from cadenza.web.clients import client_of
from cadenza.web.pages import STYLE_HASH

#: A link that leads nowhere, or a key that opens nothing, costs as much as so many requests.
GUESS_TOKENS = 9
GUESSES = (401, 404)

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


@dataclass(frozen=True, slots=True)
class Payer:
    """Whom a request counts against."""

    name: str
    buckets: Buckets
    #: Whoever is known guesses nothing.
    may_guess: bool = True
    #: Whoever claims to know the key may send as much as there is, and pays for what is refused.
    pays_for_guesses_only: bool = False


class Door:
    """Lets requests in at a pace, and gives every answer the same strict headers.

    Requests with a link that we made count against that link: mail programs and scanners send those of many people
    from one address, and none of them may be turned away. Those with a key of the API count against the key. All others
    count against the client; of events that claim to know the key only those that are refused.
    """

    def __init__(
        self,
        app: ASGIApp,
        buckets: Buckets,
        trusted: Sequence[IPvAnyNetwork],
        payer_of: Callable[[Scope, Headers, Payer], Payer],
        too_often: Callable[[str, Headers, Mapping[str, str]], ASGIApp],
    ) -> None:
        self.app = app
        self.buckets = buckets
        self.trusted = trusted
        self.payer_of = payer_of
        self.too_often = too_often

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        asked = Headers(scope=scope)
        payer = self.payer_of(scope, asked, Payer(self._client(scope, asked), self.buckets))

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                if message["status"] in GUESSES and payer.may_guess:
                    payer.buckets.charge(payer.name, GUESS_TOKENS)
            await send(message)

        pay = payer.buckets.wait if payer.pays_for_guesses_only else payer.buckets.take
        wait = pay(payer.name)
        if wait:
            refusal = self.too_often(scope["path"], asked, {"Retry-After": str(math.ceil(wait))})
            await refusal(scope, receive, answer)
        else:
            await self.app(scope, receive, answer)

    def _client(self, scope: Scope, headers: Headers) -> str:
        peer = (scope.get("client") or ("",))[0]
        return client_of(peer, ",".join(headers.getlist("X-Forwarded-For")), self.trusted)
