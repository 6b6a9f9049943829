"""What did contacts do, and who else may want to know?"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.events import emit_event

from cadenza.domain.automation import TriggerKind
from cadenza.runtime import current
from cadenza.store import database, signals, watches
from cadenza.store.signals import Taken
from tasks.retrying import WAITS, waiting_helps

logger = logging.getLogger(__name__)

#: Signals that rules are shown in one transaction.
SIZE: Final = 10_000

#: What a batch of signals is called in Prefect. Events of Prefect itself are not repeated.
EVENTS: Final = {
    TriggerKind.FORM: "cadenza.form.submitted",
    TriggerKind.PAGE_VIEW: "cadenza.page.viewed",
    TriggerKind.ENTERS_LIST: "cadenza.contact.entered_list",
    TriggerKind.LEAVES_LIST: "cadenza.contact.left_list",
    TriggerKind.PROPERTY: "cadenza.contact.property_changed",
}


def notice_changes(now: datetime, everywhere: bool) -> int:
    """Keep a signal for everybody who came onto a list, left it, or changed, where a rule asks; returns how many."""
    with database.transaction(current().engine) as connection:
        return watches.notice_changes(connection, now, everywhere=everywhere)


@task(cache_policy=NO_CACHE, retries=len(WAITS), retry_delay_seconds=WAITS, retry_condition_fn=waiting_helps)
def take_signals(now: datetime) -> list[Taken]:
    """Show what came in to all rules at once; what they take up is stored together with that."""
    with database.transaction(current().engine) as connection:
        taken = signals.take_signals(connection, SIZE, now)
    for one in taken:
        logger.info("%d signals of the kind %s", one.count, one.kind)
    return taken


def raise_events(taken: Sequence[Taken]) -> int:
    """Raise one Prefect event for each kind of signal, for automations that users hang on it; returns how many.

    It holds ids only; names of forms that look like addresses are left out, and so are pages.
    """
    raised = 0
    for one in taken:
        if name := EVENTS.get(one.kind):
            named = [] if one.kind is TriggerKind.PAGE_VIEW else [word for word in one.names if "@" not in word]
            emit_event(
                event=name,
                resource={"prefect.resource.id": f"cadenza.signals.{one.kind}"},
                payload={"count": one.count, "contact_ids": list(one.contact_ids), "names": named},
            )
            raised += 1
    return raised
