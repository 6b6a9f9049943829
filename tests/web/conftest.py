"""The public pages as the world sees them: a real server on a port of its own, on the test's own database."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import uvicorn

from cadenza.mail.links import unsubscribe_token
from cadenza.web.app import build_app

#: Everything that a page could change.
TABLES = ("contacts", "enrollments", "events", "suppressions", "sender_opt_outs", "deliveries", "users", "mailboxes")


@dataclass
class Site:
    """The pages, and what they changed."""

    world: Any
    client: httpx.Client
    port: int

    def token(self, enrollment_id: int) -> str:
        return unsubscribe_token(self.world.runtime.secret_key, enrollment_id)

    def get(self, path: str, language: str = "en", **headers: str) -> httpx.Response:
        return self.client.get(path, headers={"Accept-Language": language, **headers})

    def post(self, path: str, language: str = "en", **form: str) -> httpx.Response:
        return self.client.post(path, data=form, headers={"Accept-Language": language})

    def one_click(self, enrollment_id: int) -> httpx.Response:
        """What a mail program sends (RFC 8058)."""
        return self.client.post(f"/unsubscribe/{self.token(enrollment_id)}", data={"List-Unsubscribe": "One-Click"})

    def everything(self) -> dict[str, list[Any]]:
        """Every row that a page could change."""
        return {table: self.world.rows(f"SELECT * FROM {table} ORDER BY 1, 2") for table in TABLES}


@pytest.fixture
def serve(runtime, world) -> Iterator[Callable[[], Site]]:
    """Starts the pages with the settings as they are then."""
    running: list[tuple[uvicorn.Server, threading.Thread, httpx.Client]] = []

    def start() -> Site:
        config = uvicorn.Config(
            build_app(runtime), port=0, access_log=False, server_header=False, proxy_headers=False, ws="none"
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run)
        thread.start()
        while not server.started:
            assert thread.is_alive()
        port = server.servers[0].sockets[0].getsockname()[1]
        client = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=20)
        running.append((server, thread, client))
        return Site(world, client, port)

    yield start
    for server, thread, client in running:
        client.close()
        server.should_exit = True
        thread.join(10)


@pytest.fixture
def site(runtime, serve) -> Site:
    """The pages, for a client that is in no hurry."""
    runtime.settings.web_requests_per_minute = 1_000_000
    return serve()


@pytest.fixture
def kim(world) -> int:
    """A running enrollment of kim with ana, and one of a colleague of hers."""
    version, ana, ben = world.sequence(), world.mailbox("ana"), world.mailbox("ben")
    world.contacts(2)
    world.rows("UPDATE contacts SET email = 'Kim.Lee@customer.example', email_normalized = 'kim.lee@customer.example'"
               " WHERE id = 1")  # fmt: skip
    world.enroll([2], version, ben)
    return world.enroll([1], version, ana)[0]


@pytest.fixture
def text() -> Callable[[httpx.Response], str]:
    """What a person reads on a page."""

    def read(response: httpx.Response) -> str:
        body = re.sub(r"<(style|title)>.*?</\1>|<[^>]*>", " ", response.text, flags=re.S)
        return " ".join(re.sub("[\u2068\u2069]", "", body).split())

    return read
