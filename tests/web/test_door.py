"""Who comes in, how often, and what every answer carries."""

from __future__ import annotations

import base64
import hashlib
import re
import socket
import time

import pytest

from cadenza.store import database
from cadenza.web import forms

POLICY = "default-src 'none'; style-src '{style}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"


def raw(site, request: bytes) -> bytes:
    """The beginning of the answer to bytes as they are."""
    with socket.create_connection(("127.0.0.1", site.port), timeout=20) as connection:
        connection.sendall(request)
        return connection.recv(65_536)


def assert_strict(answer) -> None:
    headers = answer.headers
    assert headers["X-Robots-Tag"] == "noindex, nofollow"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert "set-cookie" not in headers
    assert "server" not in headers
    assert headers["Content-Security-Policy"].startswith("default-src 'none'; style-src 'sha256-")


def test_every_answer_has_the_strict_headers(site, kim):
    token = site.token(kim)
    answers = [
        site.get("/health"), site.get("/"), site.get("/docs"), site.get("/openapi.json"), site.get("/unsubscribe/x"),
        site.get(f"/unsubscribe/{token}"), site.get(f"/preferences/{token}"), site.one_click(kim),
        site.post(f"/preferences/{token}"), site.client.put(f"/preferences/{token}"),
        site.client.post(f"/unsubscribe/{token}", content=b"x" * 100_000),
    ]  # fmt: skip
    assert [answer.status_code for answer in answers] == [200, 404, 404, 404, 404, 200, 200, 200, 400, 405, 413]
    for answer in answers:
        assert_strict(answer)


def test_the_policy_allows_the_page_s_own_style_and_nothing_else(site, kim):
    page = site.get(f"/preferences/{site.token(kim)}")
    styles = re.findall(r"<style>(.*?)</style>", page.text, flags=re.S)
    assert len(styles) == 1
    digest = base64.b64encode(hashlib.sha256(styles[0].encode()).digest()).decode()
    assert page.headers["Content-Security-Policy"] == POLICY.format(style=f"sha256-{digest}")
    assert not re.search(r"<script|<img|<link|style=|src=|https?://|@import|url\(", page.text)


def test_health_says_whether_the_database_answers(site, world, database_url):
    assert (site.get("/health").status_code, site.get("/health").json()) == (200, {"status": "ok"})
    assert site.client.head("/health").status_code == 200
    world.runtime.engine.dispose()
    world.runtime.engine = database.connect(database_url.replace("/test_", "/gone_"))
    answer = site.get("/health")
    assert answer.status_code == 503
    assert "test_" not in answer.text
    assert_strict(answer)


def test_without_its_database_a_page_asks_to_come_back(site, world, kim, database_url, text):
    world.runtime.engine.dispose()
    world.runtime.engine = database.connect(database_url.replace("/test_", "/gone_"))
    answer = site.one_click(kim)
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "60"
    assert "Please try again in a few minutes" in text(answer)


def test_a_failure_of_ours_tells_nothing_and_is_strict(site, world, kim, text):
    world.rows("ALTER TABLE sender_opt_outs RENAME TO elsewhere")
    answer = site.get(f"/preferences/{site.token(kim)}")
    assert answer.status_code == 500
    assert "This does not work at the moment" in text(answer)
    assert "elsewhere" not in answer.text
    assert_strict(answer)


def test_a_huge_body_is_not_read(site, kim):
    before = site.everything()
    path = f"/unsubscribe/{site.token(kim)}"
    assert site.client.post(path, data={"List-Unsubscribe": "One-Click", "x": "y" * 200_000}).status_code == 413
    endless = raw(
        site,
        f"POST {path} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
        "Content-Type: application/x-www-form-urlencoded\r\n\r\n".encode()
        + b"1000\r\n"
        + b"x" * 4096
        + b"\r\n"
        b"1000\r\n" + b"x" * 4096 + b"\r\n1000\r\n" + b"x" * 4096 + b"\r\n",
    )
    assert endless.startswith(b"HTTP/1.1 413 ")
    assert site.everything() == before


def test_a_body_that_does_not_come_is_given_up(site, kim, monkeypatch):
    monkeypatch.setattr(forms, "FORM_SECONDS", 0.3)
    began = time.monotonic()
    head = f"POST /unsubscribe/{site.token(kim)} HTTP/1.1\r\nHost: x\r\nContent-Length: 30\r\n\r\n"
    assert raw(site, head.encode() + b"List").startswith(b"HTTP/1.1 408 ")
    assert time.monotonic() - began < 10


def test_a_form_cut_short_changes_nothing(site, kim):
    before = site.everything()
    head = f"POST /unsubscribe/{site.token(kim)} HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\n"
    with socket.create_connection(("127.0.0.1", site.port)) as connection:
        connection.sendall(head.encode() + b"List-Unsubscribe=One-Click")
    assert site.get("/health").status_code == 200
    assert site.everything() == before


class TestTheRate:
    @pytest.fixture
    def slow(self, runtime, serve):
        runtime.settings.web_requests_per_minute = 20
        return serve()

    @staticmethod
    def ask(site, forwarded: str) -> int:
        return site.get("/health", **{"X-Forwarded-For": forwarded}).status_code

    def test_a_client_that_asks_too_often_is_told_when_to_come_back(self, slow, text):
        codes = [slow.get("/health").status_code for _ in range(30)]
        assert codes.index(429) in (20, 21)
        refused = slow.get("/health", "de")
        assert refused.status_code == 429
        assert 1 <= int(refused.headers["Retry-After"]) <= 60
        assert "Bitte warten Sie eine Minute" in text(refused)
        assert_strict(refused)

    def test_guessing_links_is_dearer(self, slow):
        codes = [slow.get(f"/unsubscribe/{number}").status_code for number in range(10)]
        assert codes.index(429) == 2

    def test_a_provider_that_clicks_for_many_people_from_one_address_is_let_in(self, slow, world):
        kims = world.enroll(world.contacts(50), world.sequence(), world.mailbox("ana"))
        assert {slow.get(f"/unsubscribe/{number}").status_code for number in range(10)} == {404, 429}
        assert {slow.one_click(kim).status_code for kim in kims} == {200}
        assert world.one("SELECT count(*) FROM suppressions") == 50

    def test_one_link_may_not_be_used_without_end(self, slow, kim):
        codes = [
            slow.get(f"/preferences/{slow.token(kim)}", **{"X-Forwarded-For": f"203.0.113.{number}"}).status_code
            for number in range(30)
        ]
        assert codes.index(429) in (20, 21)
        assert slow.get("/health").status_code == 200

    def test_another_client_behind_the_proxy_is_not_held_up(self, slow):
        codes = [self.ask(slow, f"203.0.113.{number}, 198.51.100.7") for number in range(25)]
        assert codes[-1] == 429, "what the client itself says of others does not count"
        assert self.ask(slow, "198.51.100.8") == 200
        assert [self.ask(slow, f"2001:db8:1:2::{number}") for number in range(1, 25)][-1] == 429
        assert self.ask(slow, "2001:db8:1:3::1") == 200

    def test_who_is_no_trusted_proxy_speaks_for_himself_only(self, runtime, serve):
        runtime.settings.web_requests_per_minute = 20
        runtime.settings.trusted_proxies = []
        site = serve()
        assert [self.ask(site, f"203.0.113.{number}") for number in range(25)][-1] == 429
