"""Do contacts, enrollments and deliveries keep their contracts?"""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE

from cadenza.runtime import Runtime, current
from cadenza.store import database, quality
from data_contracts.documents import Chapter
from data_contracts.stored_data import SUBJECTS, judge_rows

logger = logging.getLogger(__name__)


@task(cache_policy=NO_CACHE)
def check_contracts(days: int) -> tuple[Chapter, ...]:
    """Judge everything that is stored as it is now, and the batches and mails of the last days.

    Raises:
        ContractsDisagree: a row was lost or doubled in counting, or two counts of the same differ.
    """
    runtime = current()
    with database.transaction(runtime.engine) as connection:
        quality.take_snapshot(connection)
        chapters = judge(connection, runtime, days)
    for chapter in chapters:
        for promise in chapter.promises:
            if not promise.is_kept:
                logger.info("%s: %d of %d break %s", chapter.title, promise.broken, promise.checked, promise.code)
    return chapters


def judge(connection: Any, runtime: Runtime, days: int) -> tuple[Chapter, ...]:
    """The contracts of each subject, as they stand to what a connection sees."""
    period = quality.Period(runtime.clock.now(), days)
    settings = runtime.settings
    patience = timedelta(seconds=max(settings.witness_grace_seconds, settings.witness_patience_seconds))
    chapters = []
    for subject in SUBJECTS:
        marks = quality.mark_rows(connection, subject.name, subject.bits, period, settings.limits, patience)
        chapters.append(judge_rows(subject, marks.frame, marks.total, marks.surplus))
    return tuple(chapters)
