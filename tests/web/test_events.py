"""Form submissions and page views come in: signed, once, all of a request or nothing."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from cadenza.web.signatures import SIGNATURE, TIMESTAMP, sign

ORIGIN = "https://www.northwind.example"


@pytest.fixture
def send(site, runtime):
    """Sends events, signed as they should be unless told otherwise."""

    def send(
        path: str, content: Any, key: str | None = None, age: int = 0, body: bytes | None = None
    ) -> httpx.Response:
        sent = json.dumps(content).encode()
        timestamp = int(runtime.clock.now().timestamp()) - age
        headers = {TIMESTAMP: str(timestamp), SIGNATURE: sign(key or runtime.events_key, timestamp, sent)}
        return site.client.post(f"/events/{path}", content=body or sent, headers=headers)

    return send


def signals(world) -> list[Any]:
    return world.rows("SELECT * FROM signals ORDER BY id")


def refusal(answer: httpx.Response) -> tuple[int, str, str]:
    """Status, reason and message of an error, whose shape is HubSpot's."""
    told = answer.json()
    assert told["status"] == "error"
    assert len(told["correlationId"]) == 36
    assert told["category"]
    return answer.status_code, told["subCategory"], told["message"]


def test_a_signed_event_is_kept_once_however_often_it_comes(world, send):
    event = {"id": "17", "form": "demo", "email": "Kim@Customer.example", "fields": {"First name": " Kim ", "age": 42}}
    first, second = send("forms", event), send("forms", event)
    assert (first.status_code, first.json()) == (202, {"accepted": 1, "duplicates": 0})
    assert (second.status_code, second.json()) == (202, {"accepted": 0, "duplicates": 1})
    [kept] = signals(world)
    assert (kept.kind, kept.name, kept.address) == ("form", "demo", "kim@customer.example")
    assert kept.data == {"fields": {"first_name": "Kim", "age": "42"}}


def test_a_batch_of_page_views_is_kept_by_normalized_url_and_an_unknown_visitor_is_no_error(world, send):
    views = [{"id": str(n), "url": f"https://Example.com/Page/?n={n}&utm_source=x#a", "visitor": "v"} for n in range(3)]
    assert send("page-views", {"events": views}).json() == {"accepted": 3, "duplicates": 0}
    assert [kept.name for kept in signals(world)] == [f"example.com/page?n={n}" for n in range(3)]


def test_the_key_will_do_instead_of_a_signature(site, world, runtime):
    for key, status in ((runtime.events_key, 202), ("no key of ours", 401)):
        answer = site.client.post(
            "/events/forms", json={"id": "1", "form": "x"}, headers={"Authorization": f"Bearer {key}"}
        )
        assert answer.status_code == status
    assert len(signals(world)) == 1


def test_a_forged_or_replayed_event_is_refused(site, world, send):
    event = {"id": "1", "form": "demo"}
    assert refusal(send("forms", event, key="another key"))[:2] == (401, "SIGNATURE_INVALID")
    assert refusal(send("forms", event, body=b'{"id": "2", "form": "demo"}'))[:2] == (401, "SIGNATURE_INVALID")
    assert refusal(send("forms", event, age=301))[:2] == (401, "SIGNATURE_EXPIRED")
    assert refusal(send("forms", event, age=-301))[:2] == (401, "SIGNATURE_EXPIRED")
    assert refusal(site.client.post("/events/forms", json=event))[:2] == (401, "SIGNATURE_MISSING")
    assert signals(world) == []


GOOD = {"id": "1", "form": "demo"}


@pytest.mark.parametrize(
    ("content", "field"),
    [
        pytest.param({"form": "demo"}, "id", id="no id"),
        pytest.param(GOOD | {"email": "not an address"}, "email", id="no address"),
        pytest.param(GOOD | {"e-mail": "a@b.example"}, "e-mail", id="an unknown field"),
        pytest.param(GOOD | {"at": "2030-01-01T00:00:00Z"}, "at", id="in the future"),
        pytest.param(GOOD | {"at": "2026-03-01T00:00:00"}, "at", id="without an offset"),
        pytest.param(GOOD | {"form": "a\nb"}, "form", id="a line break"),
        pytest.param(GOOD | {"fields": {"x": "a\x00b"}}, "fields.x", id="a NUL"),
        pytest.param(GOOD | {"fields": {"x": "a" * 5001}}, "fields.x", id="too long"),
        pytest.param(GOOD | {"contact_id": 2**63}, "contact_id", id="no id of ours"),
        pytest.param([GOOD], "the event", id="a list"),
    ],
)
def test_bad_input_names_the_field_and_nothing_of_the_request_is_kept(world, send, content, field):
    alone = send("forms", content)
    assert refusal(alone)[:2] == (400, "INVALID_EVENT")
    assert alone.json()["errors"][0]["in"] == field
    among_others = send("forms", {"events": [{"id": "0", "form": "demo"}, content]})
    assert among_others.json()["errors"][0]["in"] == f"events[1].{field}"
    assert signals(world) == []


def test_what_is_no_json_too_much_or_too_large_is_refused(world, send):
    assert refusal(send("forms", {"events": []}))[:2] == (400, "TOO_MANY_EVENTS")
    assert refusal(send("forms", {"events": [GOOD] * 1001}))[:2] == (400, "TOO_MANY_EVENTS")
    assert send("forms", {"events": [{"x": "y" * 1_000_001}]}).status_code == 413
    assert send("forms", "x" * 10).status_code == 400
    assert signals(world) == []


class TestTheBrowser:
    @pytest.fixture
    def view(self, site, runtime):
        runtime.settings.event_origins = [ORIGIN]

        def view(content: Any, key: str | None = None, origin: str = ORIGIN) -> httpx.Response:
            return site.client.post(
                f"/events/page-views?site={key or runtime.site_key}",
                content=json.dumps(content),
                headers={"Origin": origin, "Content-Type": "text/plain;charset=UTF-8"},
            )

        return view

    EVENT: dict[str, Any] = {"id": "1", "url": f"{ORIGIN}/pricing", "visitor": "v1"}  # noqa: RUF012

    def test_a_page_of_ours_may_send_its_view_with_the_key_that_everybody_can_read(self, view, world):
        assert view(self.EVENT).json() == {"accepted": 1, "duplicates": 0}
        assert [kept.source_id for kept in signals(world)] == ["site:1"]

    @pytest.mark.parametrize(
        ("change", "reason"),
        [
            pytest.param({"key": "x" * 24}, "SITE_KEY_INVALID", id="another key"),
            pytest.param({"origin": "https://evil.example"}, "ORIGIN_NOT_ALLOWED", id="another site"),
            pytest.param({"content": EVENT | {"email": "boss@customer.example"}}, "INVALID_EVENT", id="an address"),
            pytest.param({"content": EVENT | {"contact_id": 1}}, "INVALID_EVENT", id="a contact"),
            pytest.param({"content": {"events": [EVENT, EVENT]}}, "TOO_MANY_EVENTS", id="more than one"),
        ],
    )
    def test_it_may_do_nothing_else(self, view, world, change, reason):
        assert refusal(view(**({"content": self.EVENT} | change)))[1] == reason
        assert signals(world) == []

    def test_it_may_not_send_forms(self, site, runtime, view):
        answer = site.client.post(f"/events/forms?site={runtime.site_key}", json=GOOD, headers={"Origin": ORIGIN})
        assert refusal(answer)[:2] == (401, "SIGNATURE_MISSING")

    def test_the_script_is_small_may_be_loaded_by_other_sites_and_keeps_nothing_unasked(self, site):
        answer = site.get("/events/cadenza.js")
        assert answer.headers["Content-Type"].startswith("text/javascript")
        assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
        assert len(answer.content) < 600
        assert "cookie" not in answer.text
        before_asked, _, _ = answer.text.partition("remember(")
        assert "setItem" not in before_asked


def test_who_knows_the_key_may_send_much_and_who_guesses_it_may_not(runtime, serve):
    runtime.settings.web_requests_per_minute = 20
    site = serve()

    def post(key: str, number: int) -> httpx.Response:
        return site.client.post(
            "/events/forms", json={"id": str(number), "form": "x"}, headers={"Authorization": f"Bearer {key}"}
        )

    assert {post(runtime.events_key, number).status_code for number in range(60)} == {202}
    assert [post("a guess", 0).status_code for _ in range(5)][-1] == 429
    assert post("a guess", 0).json()["category"] == "RATE_LIMITS"


def test_without_its_database_it_asks_to_send_again(world, send, database_url):
    from cadenza.store import database

    world.runtime.engine.dispose()
    world.runtime.engine = database.connect(database_url.replace("/test_", "/gone_"))
    answer = send("forms", GOOD)
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "60"
    assert answer.json()["status"] == "error"
