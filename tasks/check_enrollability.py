"""Who may be enrolled, and why not the others?"""

from __future__ import annotations

import logging
from collections.abc import Mapping

import pandas as pd
from prefect import task
from prefect.cache_policies import NO_CACHE

from cadenza.domain.batch import Batch
from cadenza.runtime import current
from data_contracts.audit import audit
from data_contracts.policy import EnrollmentContext, policy_of
from data_contracts.verdict import Verdict, judge

logger = logging.getLogger(__name__)


@task(cache_policy=NO_CACHE)
def check_enrollability(candidates: pd.DataFrame, batch: Batch, taken: Mapping[int, int] | None = None) -> Verdict:
    """Judge a chunk of candidates by every rule, and count the verdict again.

    ``taken`` are the places of mailboxes' days that the verdicts of earlier chunks took: for a preflight, which
    stores nothing that the next chunk could find.

    Raises:
        ContractsDisagree: the second count differs; nobody is enrolled.
    """
    context = EnrollmentContext(batch, policy_of(current().settings, batch.options), taken or {})
    verdict = judge(candidates, context)
    audit(verdict, context)
    logger.info("%d candidates judged: %s", len(candidates), {k.value: n for k, n in verdict.outcomes.items()})
    return verdict
