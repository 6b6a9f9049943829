"""What does HubSpot tell of contacts, lists and owners?

All contacts come by the page API, changed ones by the search, which gives at most 10,000 results to a question: here no
question is asked twice, each begins behind the last contact that came.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, Final

import urllib3
from hubspot import HubSpot as Client
from hubspot.crm import contacts as contact_api
from hubspot.crm import lists as list_api
from hubspot.crm import owners as owner_api

from cadenza.connectors.connector import Page
from cadenza.domain.feeds import Owner
from cadenza.errors import CadenzaError, ConnectorRefused, ConnectorUnavailable, NotFound, WrongUse

#: Which property is which column; the owner is told by an id.
FIELDS: Final[Mapping[str, str]] = {
    "email": "email",
    "firstname": "first_name",
    "lastname": "last_name",
    "company": "company",
    "jobtitle": "job_title",
    "phone": "phone",
    "country": "country",
    "city": "city",
    "hs_language": "language",
    "hs_email_optout": "opted_out",
    "hs_email_hard_bounce_reason_enum": "bounced",
}
CHANGED: Final = "lastmodifieddate"
_OTHERS: Final = ("hs_timezone", "hubspot_owner_id", CHANGED)

#: What a private app must be allowed to read.
SCOPES: Final = ("crm.objects.contacts.read", "crm.lists.read", "crm.objects.owners.read")

#: The most that one call gives.
PAGE_ROWS: Final = 100
SEARCH_ROWS: Final = 200
LIST_ROWS: Final = 500

#: The search finds a change some seconds later: what is so much older than the latest one is looked at again.
OVERLAP_MS: Final = 5 * 60_000

_CONTACT_TYPE = "0-1"
_TIMEOUT = (10.0, 60.0)
_PASSING = frozenset({429, 500, 502, 503, 504})
_API_ERRORS = (contact_api.ApiException, list_api.ApiException, owner_api.ApiException)


@dataclass
class HubSpot:
    """A HubSpot account, as a private app sees it."""

    token: str = field(repr=False)
    #: Properties to bring beside the usual ones, by their internal names.
    properties: Sequence[str] = ("lifecyclestage",)
    host: str = "https://api.hubapi.com"
    #: HubSpot allows 100 calls in 10 seconds, with some subscriptions 190; and 5 searches in a second.
    calls_per_second: float = 9.5
    searches_per_second: float = 4
    #: How often a call is tried again: some 90 seconds.
    tries: int = 8

    def __post_init__(self) -> None:
        retry = urllib3.Retry(
            total=self.tries,
            connect=min(3, self.tries),
            allowed_methods=None,
            status_forcelist=_PASSING,
            raise_on_status=False,
            backoff_factor=0.5,
            backoff_jitter=0.5,
            backoff_max=30,
            retry_after_max=60,
        )
        client = Client(access_token=self.token, host=self.host, retry=retry, client_side_validation=False)
        self._contacts = client.crm.contacts.basic_api
        self._batches = client.crm.contacts.batch_api
        self._searches = client.crm.contacts.search_api
        self._lists = client.crm.lists.lists_api
        self._memberships = client.crm.lists.memberships_api
        self._owners = client.crm.owners.owners_api
        self._next_call = 0.0

    def check(self) -> str:
        """Every scope is there."""
        self._call(self._contacts.get_page, limit=1)
        return f"contacts can be read; lists: {len(self.lists())}, owners: {len(self.owners())}"

    def contacts(self, cursor: str | None) -> Iterator[Page]:
        """All contacts in the order of their ids; behind the last of them those that change.

        A cursor is ``all:<ms>:<id>`` (the contacts behind an id; what changes from the instant on comes later),
        ``changed:<ms>`` (changed at that instant or later) or ``changed:<ms>:<id>`` (at that very instant, with a
        higher id).
        """
        mark = re.fullmatch(r"(all|changed):(\d+):?(\d*)", cursor or f"all:{self._latest_change()}")
        if mark is None:
            raise WrongUse("The last sync was of another kind of connector: sync with --whole.")
        pages = self._all if mark[1] == "all" else self._changed
        return pages(int(mark[2]), mark[3])

    def lists(self) -> Sequence[str]:
        """The names of all lists of contacts."""
        names: list[str] = []
        offset, has_more = 0, True
        while has_more:
            question = list_api.ListSearchRequest(query="", offset=offset, count=LIST_ROWS, additional_properties=[])
            found = self._call(self._lists.do_search, question)
            names += [one.name for one in found.lists if one.object_type_id == _CONTACT_TYPE]
            offset, has_more = found.offset, found.has_more and found.offset > offset
        return sorted(names)

    def members(self, name: str, cursor: str | None) -> Iterator[Page]:
        """The contacts of a list, in the order of their ids."""
        list_id = self._list_id(name)
        after = cursor
        while True:
            page = self._call(self._memberships.get_page, list_id, limit=PAGE_ROWS, **_behind(after))
            after = _after(page)
            yield Page(self._read([member.record_id for member in page.results]), after)
            if after is None:
                return

    def owners(self) -> Sequence[Owner]:
        """The users who own contacts and are active."""
        return [
            Owner(one.email, " ".join(filter(None, (one.first_name, one.last_name))) or one.email)
            for one in self._owners_by_id.values()
        ]

    @cached_property
    def _owners_by_id(self) -> dict[str, Any]:
        owners: dict[str, Any] = {}
        after = None
        while True:
            page = self._call(self._owners.get_page, limit=PAGE_ROWS, archived=False, **_behind(after))
            owners |= {one.id: one for one in page.results if one.email}
            after = _after(page)
            if after is None:
                return owners

    @property
    def _wanted(self) -> list[str]:
        return [*dict.fromkeys((*FIELDS, *_OTHERS, *self.properties))]

    def _all(self, at: int, behind: str) -> Iterator[Page]:
        after = behind or None
        while True:
            page = self._call(
                self._contacts.get_page, limit=PAGE_ROWS, properties=self._wanted, archived=False, **_behind(after)
            )
            after = _after(page)
            yield Page(self._rows(page.results), f"all:{at}:{after}" if after else f"changed:{max(at - OVERLAP_MS, 0)}")
            if after is None:
                return

    def _changed(self, at: int, behind: str) -> Iterator[Page]:
        latest = at if behind else None
        seen: set[str] = set()
        while True:
            found = self._changed_page(at, behind)
            rows = self._rows(contact for contact in found if contact.id not in seen)
            seen = {contact.id for contact in found}
            latest = _instant(found[-1]) if found else latest
            is_full = len(found) == SEARCH_ROWS
            if not is_full and not behind:
                yield Page(rows, f"changed:{at if latest is None else max(latest - OVERLAP_MS, 0)}")
                return
            if behind:
                at, behind = (at, found[-1].id) if is_full else (at + 1, "")
            elif latest == at:  # more at one instant than a page has: they are told apart by their ids
                behind = "0"
            else:
                at = latest or at
            yield Page(rows, f"changed:{at}:{behind}" if behind else f"changed:{at}")

    def _changed_page(self, at: int, behind: str) -> list[Any]:
        """The next contacts that changed at an instant and have a higher id, or that changed then or later."""
        filters = [contact_api.Filter(property_name=CHANGED, operator="EQ" if behind else "GTE", value=str(at))]
        if behind:
            filters.append(contact_api.Filter(property_name="hs_object_id", operator="GT", value=behind))
        return self._search(filters, "hs_object_id" if behind else CHANGED, SEARCH_ROWS)

    def _latest_change(self) -> int:
        """When a contact changed last, as HubSpot's clock says."""
        latest = self._search([], CHANGED, 1, direction="DESCENDING")
        return _instant(latest[0]) if latest else 0

    def _search(self, filters: list[Any], sort: str, limit: int, direction: str = "ASCENDING") -> list[Any]:
        question = contact_api.PublicObjectSearchRequest(
            filter_groups=[contact_api.FilterGroup(filters=filters)] if filters else [],
            sorts=[{"propertyName": sort, "direction": direction}],
            properties=self._wanted,
            limit=limit,
        )
        found = self._call(self._searches.do_search, question, per_second=self.searches_per_second)
        return list(found.results)

    def _read(self, ids: Sequence[str]) -> list[dict[str, Any]]:
        """The contacts with these ids; whoever was deleted meanwhile is missing."""
        if not ids:
            return []
        question = contact_api.BatchReadInputSimplePublicObjectId(
            inputs=[contact_api.SimplePublicObjectId(id=one) for one in ids],
            properties=self._wanted,
            properties_with_history=[],
        )
        return self._rows(self._call(self._batches.read, question, archived=False).results)

    def _rows(self, contacts: Iterable[Any]) -> list[dict[str, Any]]:
        return [
            {
                "external_id": contact.id,
                **{column: values.get(name) for name, column in FIELDS.items()},
                "time_zone": (values.get("hs_timezone") or "").replace("_slash_", "/").replace("_hyphen_", "-"),
                "owner_email": getattr(self._owners_by_id.get(values.get("hubspot_owner_id")), "email", None),
                **{name: values.get(name) for name in self.properties},
            }
            for contact in contacts
            for values in (contact.properties,)
        ]

    def _list_id(self, name: str) -> str:
        try:
            found = self._call(self._lists.get_by_name, name, _CONTACT_TYPE)
        except NotFound as error:
            raise NotFound(
                f"HubSpot has no list {name!r} of contacts: 'cadenza connector check' shows them."
            ) from error
        return str(found.list.list_id)

    def _call(
        self, function: Callable[..., Any], *arguments: Any, per_second: float | None = None, **named: Any
    ) -> Any:
        """What a call gives, made when HubSpot's limits allow it; failures that pass are tried again."""
        time.sleep(max(0.0, self._next_call - time.monotonic()))
        self._next_call = time.monotonic() + 1 / (per_second or self.calls_per_second)
        try:
            return function(*arguments, _request_timeout=_TIMEOUT, **named)
        except _API_ERRORS as error:
            raise _meaning(error) from error
        except urllib3.exceptions.HTTPError as error:
            raise ConnectorUnavailable(
                f"HubSpot does not answer ({type(error).__name__}): sync again, it goes on where it was."
            ) from error


def _meaning(error: Any) -> CadenzaError:
    """What a refused call means, and what to do."""
    try:
        body = json.loads(error.body or "{}")
    except ValueError:
        body = {}
    match error.status:
        case 401:
            return ConnectorRefused(
                f"HubSpot does not accept the token ({body.get('category', 'unauthorized')}): make a new one in its "
                "settings under Integrations, Private apps, and put it where token_env says."
            )
        case 403:
            missing = [
                scope
                for problem in body.get("errors", ())
                for scope in (problem.get("context") or {}).get("requiredGranularScopes", ())
            ]
            return ConnectorRefused(
                f"HubSpot's private app lacks the scope {' or '.join(missing) or ', '.join(SCOPES)}: "
                "add it to the app in HubSpot."
            )
        case 404:
            return NotFound("HubSpot knows no such thing.")
        case 429 if body.get("policyName") == "DAILY":
            return ConnectorUnavailable("HubSpot's calls of this day are used up: the sync goes on tomorrow.")
        case status if status in _PASSING:
            return ConnectorUnavailable(f"HubSpot answers {status}: sync again later, it goes on where it was.")
    return ConnectorRefused(f"HubSpot answers {error.status} ({body.get('message', error.reason)}).")


def _behind(after: str | None) -> dict[str, Any]:
    return {} if after is None else {"after": after}


def _after(page: Any) -> str | None:
    following = page.paging and page.paging.next
    return str(following.after) if following and following.after else None


def _instant(contact: Any) -> int:
    """When a contact changed, in milliseconds."""
    changed = datetime.fromisoformat(contact.properties[CHANGED])
    return round(changed.timestamp() * 1000)
