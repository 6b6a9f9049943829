"""What need not be kept any longer?"""

from __future__ import annotations

import logging

from prefect import task
from prefect.cache_policies import NO_CACHE

from cadenza.runtime import current
from cadenza.store import database, deliveries

logger = logging.getLogger(__name__)


@task(cache_policy=NO_CACHE)
def forget_messages() -> int:
    """Empty the bytes of mails that ended long ago; their deliveries stay. Returns how many."""
    runtime = current()
    with database.transaction(runtime.engine) as connection:
        forgotten = deliveries.forget_messages(connection, runtime.clock.now())
    logger.info("%d old messages forgotten", forgotten)
    return forgotten
