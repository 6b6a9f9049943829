"""Do the mailboxes work that mails are to go through?"""

from __future__ import annotations

import logging
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from prefect import task
from prefect.cache_policies import NO_CACHE

from cadenza.domain.batch import Batch
from cadenza.mail.probe import Probe, probe
from cadenza.runtime import current
from cadenza.store import database, mailboxes, probes

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Probed:
    """What probes found: ids of mailboxes."""

    well: tuple[int, ...] = ()
    #: Their server lets nobody in: they are disconnected, their steps wait.
    refused: tuple[int, ...] = ()
    #: Their server does not answer, or has something else against them: waiting may help.
    troubled: tuple[int, ...] = ()
    #: Of those that are well: they were disconnected before, and what waited for them goes on.
    reconnected: tuple[int, ...] = ()


@task(cache_policy=NO_CACHE)
def probe_mailboxes(batch: Batch | None = None) -> Probed:
    """Probe the mailboxes of a batch before it is judged; without one, those that were refused before.

    A mailbox that was probed within ``probe_minutes`` is left alone, and so is the sink.
    """
    runtime = current()
    now = runtime.clock.now()
    with database.transaction(runtime.engine) as connection:
        wanted = probes.mailboxes_of_batch(connection, batch) if batch else None
        before = now - timedelta(minutes=runtime.settings.probe_minutes)
        taken = probes.take_for_probe(connection, wanted, before, now)
    return probed(taken, now)[0]


def probed(mailbox_ids: Collection[int], taken_at: datetime) -> tuple[Probed, dict[int, Probe]]:
    """Probe mailboxes, several at once, and store what was found."""
    if not mailbox_ids:
        return Probed(), {}
    runtime = current()
    with database.transaction(runtime.engine) as connection:
        boxes = mailboxes.mailboxes_by_id(connection, mailbox_ids)

    def look(box: mailboxes.Mailbox) -> Probe:
        return probe(box.id, box.address, box.aliases, box.transport, box.imap, runtime.transports)

    with ThreadPoolExecutor(min(runtime.settings.connections, len(boxes))) as pool:
        looking = {id_: pool.submit(copy_context().run, look, box) for id_, box in boxes.items()}
        found = {id_: one.result() for id_, one in looking.items()}
    with database.transaction(runtime.engine) as connection:
        changed = probes.save_probes(connection, {id_: asdict(one) for id_, one in found.items()}, taken_at)
    report = Probed(
        well=tuple(id_ for id_, one in found.items() if not one.trouble),
        refused=tuple(id_ for id_, one in found.items() if one.is_refused),
        troubled=tuple(id_ for id_, one in found.items() if one.trouble and not one.is_refused),
        reconnected=tuple(id_ for id_, change in changed.items() if change == "connected"),
    )
    logger.info(
        "mailboxes: %d well, %d refused %s, %d out of reach; reconnected: %s",
        len(report.well), len(report.refused), list(report.refused), len(report.troubled), list(report.reconnected),
    )  # fmt: skip
    return report, found
