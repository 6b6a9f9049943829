"""A provider of access tokens on this machine: what Google's and Microsoft's endpoints answer, and Dovecot's check.

Speaks HTTP, or HTTPS with a certificate. Remembers what it was asked; ``refusal`` makes it refuse.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from local_server import LocalServer


@dataclass
class TokenEndpoint(LocalServer):
    """Runs on a thread of its own inside ``with``."""

    #: Certificate and key in one file: Microsoft's library speaks HTTPS only.
    certificate: Path | None = None
    seconds: int = 3_600
    #: Whom tokens are for; what is good to ask with.
    username: str = "sender1@sender.test"
    refresh_token: str = "refresh-1"
    client_secret: str = "client-s3cret"
    #: A new refresh token comes with each access token.
    replaces: bool = False
    #: (HTTP status, error) instead of a token.
    refusal: tuple[int, str] | None = None
    #: How often a device code is not confirmed yet.
    pending: int = 0
    asked: list[dict[str, str]] = field(default_factory=list)
    issued: list[str] = field(default_factory=list)
    revoked: set[str] = field(default_factory=set)

    def handler(self) -> type[BaseHTTPRequestHandler]:
        return _handler(self)

    @property
    def token_url(self) -> str:
        return f"{self.url}/token"

    @property
    def authority(self) -> str:
        return f"{self.url}/tenant"

    def answer(self, path: str, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        if path.endswith("/.well-known/openid-configuration"):
            return 200, {
                "issuer": self.authority,
                "authorization_endpoint": f"{self.authority}/oauth2/v2.0/authorize",
                "token_endpoint": f"{self.authority}/oauth2/v2.0/token",
                "device_authorization_endpoint": f"{self.authority}/oauth2/v2.0/devicecode",
            }
        if path == "/check":
            token = form.get("token", "")
            is_good = token in self.issued and token not in self.revoked
            return (200, {"email": self.username, "active": "true"}) if is_good else (401, {"error": "invalid_token"})
        self.asked.append(form)
        if self.refusal:
            return self.refusal[0], {"error": self.refusal[1], "error_description": f"{self.refusal[1]}: scripted"}
        if path.endswith("/devicecode"):
            words = "To sign in, open https://login.example/device and enter the code ABCD-EFGH."
            return 200, {"device_code": "device-1", "user_code": "ABCD-EFGH", "message": words, "expires_in": 60,
                         "interval": 1, "verification_uri": "https://login.example/device"}  # fmt: skip
        return self._grant(form)

    def _grant(self, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        kind = form.get("grant_type", "").rpartition(":")[2]
        if kind == "device_code" and self.pending:
            self.pending -= 1
            return 400, {"error": "authorization_pending"}
        is_good = {
            "refresh_token": form.get("refresh_token") == self.refresh_token,
            "client_credentials": form.get("client_secret") == self.client_secret,
        }.get(kind, True)
        if not is_good:
            return 400, {"error": "invalid_grant", "error_description": "The token was revoked."}
        token = f"access-{len(self.issued) + 1}"
        self.issued.append(token)
        given: dict[str, Any] = {"access_token": token, "token_type": "Bearer", "expires_in": self.seconds}
        if kind in ("device_code", "authorization_code"):
            given["refresh_token"] = self.refresh_token
        elif kind == "refresh_token" and self.replaces:
            self.refresh_token = f"refresh-{len(self.issued) + 1}"
            given["refresh_token"] = self.refresh_token
        return 200, given


def _handler(endpoint: TokenEndpoint) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(urlsplit(self.path).query)

        def do_POST(self) -> None:
            self._answer(self.rfile.read(int(self.headers["Content-Length"])).decode())

        def _answer(self, form: str) -> None:
            status, words = endpoint.answer(urlsplit(self.path).path, dict(parse_qsl(form)))
            body = json.dumps(words).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    return Handler
