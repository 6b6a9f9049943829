"""Whom do rules enroll and unenroll now, and what became of it?"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from prefect import task
from prefect.cache_policies import NO_CACHE

from cadenza.domain.batch import Batch
from cadenza.runtime import current
from cadenza.store import database, firings
from cadenza.store.firings import DueFirings
from tasks.retrying import WAITS, waiting_helps

logger = logging.getLogger(__name__)

#: Firings that take effect in one round.
SIZE: Final = 10_000


@task(cache_policy=NO_CACHE, retries=len(WAITS), retry_delay_seconds=WAITS, retry_condition_fn=waiting_helps)
def end_enrollments(now: datetime) -> int:
    """End the enrollments that rules end now; returns how many."""
    with database.transaction(current().engine) as connection:
        return firings.end_enrollments(connection, SIZE, now)


@task(cache_policy=NO_CACHE, retries=len(WAITS), retry_delay_seconds=WAITS, retry_condition_fn=waiting_helps)
def due_firings(now: datetime) -> list[DueFirings]:
    """Whom rules enroll now, by sequence and sender.

    What a process that was killed has left is settled first.
    """
    with database.transaction(current().engine) as connection:
        firings.settle(connection, now)
        return firings.due_firings(connection, SIZE, now)


def hand_to_batch(due: DueFirings, batch: Batch) -> Batch:
    """Note that the batch judges these firings.

    Each contact is enrolled for itself, however many come at once: what batches may not do does not concern them.
    """
    assert batch.id is not None
    with database.transaction(current().engine) as connection:
        firings.hand_to_batch(connection, due.firing_ids, batch.id)
    return replace(batch, size=1)


@task(cache_policy=NO_CACHE, retries=len(WAITS), retry_delay_seconds=WAITS, retry_condition_fn=waiting_helps)
def settle_firings(now: datetime) -> dict[str, int]:
    """Note what the batches decided; how many firings ended in each state."""
    with database.transaction(current().engine) as connection:
        return firings.settle(connection, now)


def give_up(firing_ids: Sequence[int], error: Exception, now: datetime) -> None:
    """Refuse firings whose batch cannot be judged at all, so that others go on."""
    logger.error("%d contacts cannot be enrolled: %s", len(firing_ids), error)
    with database.transaction(current().engine) as connection:
        firings.give_up(connection, firing_ids, now)
