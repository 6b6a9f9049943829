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

from cadenza.domain.access import scopes_of
from cadenza.mail.links import unsubscribe_token
from cadenza.store import api_keys, database
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


@dataclass
class Api:
    """A program that calls, with a key of its own."""

    world: Any
    client: httpx.Client
    key_id: int
    key: str

    def call(self, method: str, path: str, body: Any = None, **more: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.key}", **more.pop("headers", {})}
        return self.client.request(method, f"/api/v1{path}", json=body, headers=headers, **more)

    def get(self, path: str, **query: Any) -> Any:
        return self.done("GET", path, params=query)

    def post(self, path: str, body: Any = None, status: int = 200, **more: Any) -> Any:
        return self.done("POST", path, body, status, **more)

    def done(self, method: str, path: str, body: Any = None, status: int = 200, **more: Any) -> Any:
        answer = self.call(method, path, body, **more)
        assert answer.status_code == status, answer.text
        return answer.json() if answer.content else None


@pytest.fixture
def program(site):
    """Makes programs; their keys have every scope unless some are named."""

    def make(*scopes: str, user: str | None = "ana") -> Api:
        with database.transaction(site.world.runtime.engine) as connection:
            key_id, key = api_keys.create_key(
                connection, "test", scopes_of(scopes or ["all"]), user, "tests", site.world.now
            )
        return Api(site.world, site.client, key_id, key)

    site.world.box = site.world.mailbox("ana", limits=[(500, 86_400)])
    return make


@pytest.fixture
def api(program) -> Api:
    program_of_ana = program()
    program_of_ana.world.sequence()
    return program_of_ana


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
