"""The connector that docs/connecting-sources.md shows is one."""

from __future__ import annotations

import json
import re
import sqlite3
import sys
import threading
import tomllib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from cadenza.connectors import open_connector
from cadenza.errors import ConnectorRefused, ConnectorUnavailable
from cadenza.settings import Settings
from tasks.import_rows import import_rows
from tasks.sync_feeds import begin_feeds, end_feed, mapping_of, stretches
from tasks.take_owners import take_owners

PAGE = (Path(__file__).parents[2] / "docs" / "connecting-sources.md").read_text(encoding="utf-8")
TABLES = [tomllib.loads(block) for block in re.findall(r"^```toml\n(.*?)^```", PAGE, flags=re.M | re.S)]
(CODE,) = re.findall(r"^```python\n(.*?)^```", PAGE, flags=re.M | re.S)


@pytest.fixture
def booking(tmp_path, monkeypatch) -> Iterator[None]:
    """The module of the page beside cadenza.toml, and a token."""
    (tmp_path / "booking.py").write_text(CODE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    for name, value in {"BOOKING_TOKEN": "good", "HUBSPOT_TOKEN": "x", "SHOP_URL": "sqlite://"}.items():
        monkeypatch.setenv(name, value)
    yield
    sys.modules.pop("booking", None)


@pytest.fixture
def people() -> list[dict[str, Any]]:
    return [{"mail": f"p{n}@x.example", "name": f"P{n}", "seats": n, "change": n} for n in range(1, 8)]


@pytest.fixture
def host(people) -> Iterator[str]:
    """The booking system: three people a page."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            place = urlsplit(self.path)
            after = int(parse_qs(place.query).get("changed_after", ["0"])[0])
            answers: dict[str, Any] = {
                "/people": {"people": [one for one in people if one["change"] > after][:3], "total": len(people)},
                "/events": {"events": [{"title": "Spring meeting"}]},
                "/visitors": {"mails": ["p2@x.example", "new@x.example"]},
            }
            self.send_response(200 if self.headers["Authorization"] == "good" else 401)
            self.end_headers()
            self.wfile.write(json.dumps(answers[place.path]).encode())

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("table", TABLES, ids=lambda table: next(iter(table["connectors"])))
def test_every_table_of_the_page_makes_a_connector(booking, table):
    for name, entry in Settings(**table).connectors.items():
        open_connector(name, entry.kind, entry.model_extra or {}, Path(), str)


def sync(connector: str) -> list[dict[str, int]]:
    """What a sync does with all contacts and the lists."""
    ended = []
    for feed in begin_feeds.fn(connector):
        for source, stretch in stretches(feed):
            import_rows.fn(source, feed.list_name, mapping_of(feed, source), stretch)
        ended.append(end_feed.fn(feed).counts)
    return ended


def test_the_queries_of_the_page_bring_contacts_lists_and_owners(booking, monkeypatch, tmp_path, world):
    (table,) = (table for table in TABLES if "shop" in table["connectors"])
    world.runtime.settings.connectors = Settings(**table).connectors
    monkeypatch.setenv("SHOP_URL", f"sqlite:///{tmp_path / 'shop.db'}")
    with sqlite3.connect(tmp_path / "shop.db") as shop:
        shop.execute("CREATE TABLE customers (id, mail, first_name, city, rep_mail, updated_at)")
        shop.execute("INSERT INTO customers VALUES (7, 'jo@x.example', 'Jo', 'Rome', 'Ben@us.example', '2026-03-01')")
        shop.execute("CREATE TABLE visitors (mail, fair)")
        shop.execute("INSERT INTO visitors VALUES ('jo@x.example', 2026), ('al@x.example', 2026), ('old@x.example', 1)")
        shop.execute("CREATE TABLE reps (mail, name)")
        shop.execute("INSERT INTO reps VALUES ('Ben@us.example', 'Ben')")
    everybody, visitors = sync("shop")
    assert (everybody["imported"], visitors["imported"], visitors["merged"]) == (1, 1, 1)
    contact = world.rows("SELECT first_name, city, owner_email, external_id, properties FROM contacts LIMIT 1")[0]
    assert tuple(contact) == ("Jo", "Rome", "ben@us.example", "7", {})
    assert take_owners.fn("shop") == ("ben",)


def test_the_connector_of_the_page_brings_contacts_and_lists(booking, host, people, world):
    (table,) = (table for table in TABLES if "booking" in table["connectors"])
    table["connectors"]["booking"]["host"] = host
    world.runtime.settings.connectors = Settings(**table).connectors
    everybody, visitors = sync("booking")
    assert (everybody["imported"], visitors["imported"], visitors["merged"]) == (7, 1, 1)
    assert world.one("SELECT properties FROM contacts WHERE email = 'p5@x.example'") == {"seats": "5"}
    people.append({"mail": "p8@x.example", "name": "P8", "seats": 1, "change": 8})
    everybody, visitors = sync("booking")
    assert (everybody["rows"], everybody["imported"]) == (1, 1)
    assert world.runtime.connector("booking").check() == "8 people"


def test_the_connector_of_the_page_says_what_is_wrong(booking, host):
    def check(token: str, at: str) -> None:
        (Path.cwd() / "token.txt").write_text(token)
        open_connector("b", "booking:Booking", {"token_file": "token.txt", "host": at}, Path(), str).check()

    with pytest.raises(ConnectorRefused, match="make a new one there"):
        check("bad", host)
    with pytest.raises(ConnectorUnavailable, match="does not answer"):
        check("good", "http://127.0.0.1:1")
