"""Which contacts does an enrollment look at, and what do we know of them?"""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pandas as pd
from prefect import task
from prefect.cache_policies import NO_CACHE

from cadenza.domain.batch import Batch
from cadenza.runtime import current
from cadenza.store import candidates, database

logger = logging.getLogger(__name__)

#: Candidates of one chunk: what a process holds at a time, however large the segment is.
CHUNK_SIZE = 100_000


@task(cache_policy=NO_CACHE)
def load_candidates(batch: Batch, size: int = CHUNK_SIZE) -> Iterator[pd.DataFrame]:
    """The candidates of a batch, ``size`` at a time, in the columns of ``candidates.COLUMNS``.

    A chunk is read when the one before it is done with, so that its facts know what was just enrolled.
    """
    runtime = current()
    place = candidates.Place()
    chunk = None
    while chunk is None or len(chunk) == size:
        with database.transaction(runtime.engine) as connection:
            chunk = candidates.load_candidates(connection, batch, place, size, runtime.settings.limits)
        if chunk.empty:
            return
        place = candidates.Place.behind(chunk)
        logger.info("%d of %d candidates loaded", place.ordinal, batch.size)
        yield chunk
