"""Who is enrolled now?"""

from __future__ import annotations

import logging

import pandas as pd
from prefect import task
from prefect.cache_policies import NO_CACHE

from cadenza.domain.batch import Batch
from cadenza.runtime import current
from cadenza.store import batches, contact_values, database
from data_contracts.verdict import Verdict
from tasks.retrying import WAITS, waiting_helps

logger = logging.getLogger(__name__)


@task(cache_policy=NO_CACHE, retries=len(WAITS), retry_delay_seconds=WAITS, retry_condition_fn=waiting_helps)
def open_enrollments(plan: pd.DataFrame, verdict: Verdict, batch: Batch) -> batches.Opened:
    """Enroll a chunk of candidates as planned, and store why the others were refused: all of it or nothing.

    ``plan`` is what ``forecast_sends`` returned. Doing it again enrolls nobody twice.
    """
    with database.transaction(current().engine) as connection:
        opened = batches.open_chunk(connection, batch, plan, verdict.refusals)
        if properties := current().settings.properties_on_enrollment:
            contact_values.set_properties(connection, batch, plan["contact_id"].tolist(), properties)
    logger.info("Batch %d: %s", batch.id, opened)
    return opened


@task(cache_policy=NO_CACHE, retries=len(WAITS), retry_delay_seconds=WAITS, retry_condition_fn=waiting_helps)
def finish_batch(batch: Batch) -> int:
    """Close the books of a batch that has looked at everybody; returns its id."""
    assert batch.id is not None
    with database.transaction(current().engine) as connection:
        batches.finish_batch(connection, batch.id, current().clock.now())
    current().queues.pop(batch.id, None)
    return batch.id
