"""How does a person let Cadenza into a Google mailbox? In a browser, which then calls back at this machine.

Google's device codes do not reach mail (its list of scopes leaves it out), so this is the flow for desktop
applications: loopback address and PKCE (RFC 8252, RFC 7636).
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx

from cadenza.errors import MailboxRefused, MailServerUnavailable, SettingsInvalid
from cadenza.mail.oauth import ANSWER_SECONDS
from cadenza.mail.oauth.endpoint import checked_endpoint
from cadenza.mail.oauth.google import SCOPE, TOKEN_URL, read_json

AUTH_URL = "https://accounts.google.com/o/oauth2/v2/auth"


@dataclass
class GoogleSignIn:
    """Listens on this machine inside ``with`` until the browser comes back with a code."""

    client: dict[str, Any]
    username: str
    answered: threading.Event = field(default_factory=threading.Event)
    _answer: str = ""

    @classmethod
    def of_file(cls, text: str, username: str) -> Self:
        """With the JSON file of a client of the type "Desktop app".

        Raises:
            SettingsInvalid: it is no such file.
        """
        client = read_json(text, "The client file").get("installed")
        if not isinstance(client, dict) or not {"client_id", "client_secret"} <= client.keys():
            raise SettingsInvalid('The file is not of an OAuth client of the type "Desktop app": create one at Google.')
        return cls(client, username)

    def __enter__(self) -> Self:
        self._state, self._verifier = secrets.token_urlsafe(24), secrets.token_urlsafe(48)
        self._server = HTTPServer(("127.0.0.1", 0), _handler(self))
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def redirect_url(self) -> str:
        """Where the browser comes back to."""
        return f"http://127.0.0.1:{self._server.server_port}/"

    @property
    def url(self) -> str:
        """What to open in a browser."""
        digest = hashlib.sha256(self._verifier.encode()).digest()
        query = {
            "client_id": self.client["client_id"],
            "redirect_uri": self.redirect_url,
            "response_type": "code",
            "scope": SCOPE,
            "access_type": "offline",
            "prompt": "consent",
            "login_hint": self.username,
            "state": self._state,
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        }
        return f"{self.client.get('auth_uri') or AUTH_URL}?{urlencode(query)}"

    def take(self, address: str) -> bool:
        """Take the address that the browser came back to, also one that a person copied; whether it was ours."""
        query = parse_qs(urlsplit(address).query)
        if not secrets.compare_digest(query.get("state", [""])[0].encode(), self._state.encode()):
            return False
        self._answer = address
        self.answered.set()
        return True

    def secret(self) -> str:
        """The JSON text of the authorized user.

        Raises:
            MailboxRefused: access was not granted.
            MailServerUnavailable: Google does not answer (transient).
        """
        query = parse_qs(urlsplit(self._answer).query)
        if "code" not in query:
            raise MailboxRefused(f"Google gave no access ({query.get('error', ['no code'])[0][:100]}): try again.")
        endpoint = checked_endpoint(str(self.client.get("token_uri") or TOKEN_URL))
        try:
            given = httpx.post(
                endpoint,
                data={
                    "grant_type": "authorization_code",
                    "code": query["code"][0],
                    "redirect_uri": self.redirect_url,
                    "client_id": self.client["client_id"],
                    "client_secret": self.client["client_secret"],
                    "code_verifier": self._verifier,
                },
                timeout=ANSWER_SECONDS,
            ).json()
        except httpx.TransportError as error:
            raise MailServerUnavailable("Google's token endpoint does not answer: try again later.") from error
        except ValueError:
            given = {}
        if "refresh_token" not in given:
            raise MailboxRefused(f"Google gave no refresh token ({given.get('error', 'no answer')}): try again.")
        return json.dumps(
            {
                "type": "authorized_user",
                "client_id": self.client["client_id"],
                "client_secret": self.client["client_secret"],
                "refresh_token": given["refresh_token"],
                "token_uri": endpoint,
            }
        )


def _handler(sign_in: GoogleSignIn) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            is_ours = sign_in.take(self.path)
            self.send_response(200 if is_ours else 404)
            self.send_header("Content-Type", "text/plain; charset=utf-8")
            self.end_headers()
            self.wfile.write(b"You may close this window and go back to the terminal." if is_ours else b"Not here.")

        def log_message(self, *_: object) -> None:
            """Say nothing: the address holds a code."""

    return Handler
