"""A HubSpot on this machine: the few calls that a connector makes, with its limits, its refusals and its moods."""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from local_server import LocalServer

TOKEN = "pat-eu1-of-this-test"
SCOPES = {
    "objects": "crm.objects.contacts.read",
    "lists": "crm.lists.read",
    "owners": "crm.objects.owners.read",
}


class Refused(Exception):
    """An answer that is none."""

    def __init__(self, status: int, headers: dict[str, str] | None = None, **body: Any) -> None:
        self.status, self.headers, self.body = status, headers or {}, {"status": "error", **body}


@dataclass
class HubSpotRig(LocalServer):
    """Runs on a thread of its own inside ``with``."""

    contacts: dict[int, dict[str, Any]] = field(default_factory=dict)
    #: Ids of contacts, by the name of a list.
    lists: dict[str, list[int]] = field(default_factory=dict)
    owners: list[dict[str, Any]] = field(default_factory=list)
    scopes: set[str] = field(default_factory=lambda: set(SCOPES.values()))
    #: Contacts that the search does not know yet.
    unindexed: set[int] = field(default_factory=set)
    #: Answers that come first: (status, headers).
    moods: deque[tuple[int, dict[str, str]]] = field(default_factory=deque)
    #: Is called with each request before it is answered.
    before: Callable[[str, dict[str, Any]], None] = lambda path, question: None
    #: Searches of a second and calls of ten seconds beyond which it says 429.
    searches_per_second: int = 10_000
    calls_per_ten_seconds: int = 100_000
    #: Path, question, when.
    asked: list[tuple[str, dict[str, Any], float]] = field(default_factory=list)

    def add(self, number: int, at: int = 1_770_000_000_000, step: int = 1_000, **values: Any) -> None:
        """More contacts, each changed ``step`` milliseconds after the one before."""
        first = max(self.contacts, default=0) + 1
        for n, id_ in enumerate(range(first, first + number)):
            self.contacts[id_] = {"email": f"p{id_}@customer.example", "firstname": f"P{id_}", **values,
                                  "lastmodifieddate": at + n * step}  # fmt: skip

    def change(self, id_: int, at: int, **values: Any) -> None:
        """A contact changes."""
        self.contacts[id_] |= {**values, "lastmodifieddate": at}

    def paths(self, ending: str) -> list[dict[str, Any]]:
        """The questions to one endpoint."""
        return [question for path, question, _ in self.asked if path.endswith(ending)]

    def handler(self) -> type[BaseHTTPRequestHandler]:
        return _handler(self)

    def answer(self, path: str, question: dict[str, Any], token: str) -> dict[str, Any]:
        now = time.monotonic()
        self.asked.append((path, question, now))
        self.before(path, question)
        if self.moods:
            status, headers = self.moods.popleft()
            raise Refused(status, headers, message="scripted", policyName=headers.get("policy", "SECONDLY"))
        self._count(path, now)
        if token != f"Bearer {TOKEN}":
            raise Refused(401, category="EXPIRED_AUTHENTICATION", message="The OAuth token used expired")
        scope = SCOPES[path.split("/")[3]]
        if scope not in self.scopes:
            raise Refused(403, category="MISSING_SCOPES", errors=[{"context": {"requiredGranularScopes": [scope]}}])
        match path.split("/")[3:]:
            case ["objects", "contacts"]:
                return self._page(sorted(self.contacts), question, 100, self._contact)
            case ["objects", "contacts", "search"]:
                return self._search(question)
            case ["objects", "contacts", "batch", "read"]:
                ids = [int(one["id"]) for one in question["inputs"]]
                assert len(ids) <= 100
                return {"status": "COMPLETE", "results": [self._contact(id_) for id_ in ids if id_ in self.contacts]}
            case ["lists", "search"]:
                found = [{"name": name, "listId": str(n), "objectTypeId": "0-1"} for n, name in enumerate(self.lists)]
                found.append({"name": "Companies", "listId": "99", "objectTypeId": "0-2"})
                page = found[question["offset"] : question["offset"] + question["count"]]
                offset = question["offset"] + len(page)
                return {"lists": page, "offset": offset, "hasMore": offset < len(found), "total": len(found)}
            case ["lists", "object-type-id", "0-1", "name", name] if unquote(name) in self.lists:
                return {"list": {"name": unquote(name), "listId": str([*self.lists].index(unquote(name)))}}
            case ["lists", number, "memberships"]:
                ids = sorted([*self.lists.values()][int(number)])
                return self._page(ids, question, 250, lambda id_: {"recordId": str(id_)})
            case ["owners", *_]:
                return {"results": self.owners}
        raise Refused(404, category="OBJECT_NOT_FOUND")

    def _count(self, path: str, now: float) -> None:
        if path.endswith("/search") and sum(p.endswith("/search") and now - t < 1 for p, _, t in self.asked) > (
            self.searches_per_second
        ):
            raise Refused(429, {"Retry-After": "1"}, policyName="SECONDLY")
        if sum(now - t < 10 for _, _, t in self.asked) > self.calls_per_ten_seconds:
            raise Refused(429, {"Retry-After": "10"}, policyName="TEN_SECONDLY_ROLLING")

    def _page(
        self, ids: list[int], question: dict[str, Any], most: int, told: Callable[[int], dict[str, Any]]
    ) -> dict[str, Any]:
        limit = int(question["limit"])
        assert limit <= most
        page = [id_ for id_ in ids if id_ > int(question.get("after", 0))][: limit + 1]
        answer: dict[str, Any] = {"results": [told(id_) for id_ in page[:limit]]}
        if len(page) > limit:
            answer["paging"] = {"next": {"after": str(page[limit - 1])}}
        return answer

    def _search(self, question: dict[str, Any]) -> dict[str, Any]:
        if question["limit"] > 200 or int(question.get("after") or 0) + question["limit"] > 10_000:
            raise Refused(400, message="more than a search gives")
        (order,) = question["sorts"]
        filters = [one for group in question["filterGroups"] for one in group["filters"]]
        found = [id_ for id_ in self.contacts if id_ not in self.unindexed and self._fits(id_, filters)]
        found.sort(key=lambda id_: (self._value(id_, order["propertyName"]), id_ * 7_919 % 10_007))
        found = found[::-1] if order["direction"] == "DESCENDING" else found
        return {"total": len(found), "results": [self._contact(id_) for id_ in found[: question["limit"]]]}

    def _fits(self, id_: int, filters: list[dict[str, Any]]) -> bool:
        compare = {"GTE": int.__ge__, "GT": int.__gt__, "EQ": int.__eq__}
        return all(
            compare[one["operator"]](self._value(id_, one["propertyName"]), int(one["value"])) for one in filters
        )

    def _value(self, id_: int, name: str) -> int:
        return id_ if name == "hs_object_id" else int(self.contacts[id_][name])

    def _contact(self, id_: int) -> dict[str, Any]:
        changed = datetime.fromtimestamp(self.contacts[id_]["lastmodifieddate"] / 1000, UTC)
        at = changed.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return {"id": str(id_), "archived": False, "createdAt": at, "updatedAt": at,
                "properties": {**self.contacts[id_], "lastmodifieddate": at, "hs_object_id": str(id_)}}  # fmt: skip


def _handler(rig: HubSpotRig) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            query = {name: values[-1] for name, values in parse_qs(urlsplit(self.path).query).items()}
            self._answer(query)

        def do_POST(self) -> None:
            self._answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

        def _answer(self, question: dict[str, Any]) -> None:
            headers: dict[str, str] = {}
            try:
                status, body = 200, rig.answer(
                    urlsplit(self.path).path, question, self.headers.get("Authorization", "")
                )  # fmt: skip
            except Refused as refused:
                status, headers, body = refused.status, refused.headers, refused.body
            content = json.dumps(body).encode()
            self.send_response(status)
            for name, value in {**headers, "Content-Type": "application/json"}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    return Handler
