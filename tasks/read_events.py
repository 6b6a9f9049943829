"""Which events of other tools did Prefect take that rules ask for?"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Final

import httpx
from prefect.client.orchestration import get_client
from prefect.exceptions import PrefectHTTPStatusError
from prefect.settings import get_current_settings

from cadenza.domain.automation import Signal, TriggerKind
from cadenza.runtime import current
from cadenza.sources.addresses import normalize_address
from cadenza.store import database, event_marks, signals

logger = logging.getLogger(__name__)

#: An event may arrive so much later than it occurred.
LATE: Final = timedelta(minutes=2)
_CONTACT: Final = "cadenza.contact."


def read_events(now: datetime, _: bool = False) -> int:
    """Keep the events that rules ask for by name since the last time; returns how many were new.

    Reading them takes a request for fifty; a Prefect automation that starts a run for each carries about one a second.
    """
    with database.transaction(current().engine) as connection:
        asked = event_marks.asked(connection)
    if not asked.names or not get_current_settings().api.url:
        return 0
    since = max(asked.since, asked.read_to - LATE) if asked.read_to else asked.since
    try:
        found = [signal for event in _events(asked.names, since) for signal in signals_of(event)]
    except (httpx.TransportError, PrefectHTTPStatusError) as error:
        logger.warning("the events of Prefect cannot be read now (%s)", type(error).__name__)
        return 0
    with database.transaction(current().engine) as connection:
        kept = signals.keep_signals(connection, found, now) if found else 0
        event_marks.mark(connection, now)
    return kept


def _events(names: list[str], since: datetime) -> Iterator[dict[str, Any]]:
    """The events of these names, from an instant on."""
    wanted = {"event": {"name": names}, "occurred": {"since": since.isoformat()}, "order": "ASC"}
    with get_client(sync_client=True) as client:
        page = client.request("POST", "/events/filter", json={"filter": wanted, "limit": 50}).json()
        yield from page["events"]
        while page["next_page"]:
            page = client.request("GET", page["next_page"]).json()
            yield from page["events"]


def signals_of(event: dict[str, Any]) -> list[Signal]:
    """Whom an event is about: ``contact_id``, ``contact_ids`` or ``email`` of its payload, else its resource
    ``cadenza.contact.<id>``; nobody if it says none of these."""
    payload = event.get("payload") or {}
    resource = str(event["resource"].get("prefect.resource.id", ""))
    ids = payload.get("contact_ids") or [payload.get("contact_id") or resource.removeprefix(_CONTACT)]
    contacts = [int(one) for one in ids if isinstance(one, int | str) and str(one).isdecimal() and int(one) < 2**63]
    email = payload.get("email")
    address = normalize_address(email) if isinstance(email, str) and not contacts else None
    at = datetime.fromisoformat(event["occurred"])
    source, name = f"event:{event['id']}", event["event"]
    if contacts:
        return [Signal(TriggerKind.EVENT, f"{source}:{id}", name, at, contact_id=id) for id in contacts]
    return [Signal(TriggerKind.EVENT, source, name, at, address=address)] if address else []
