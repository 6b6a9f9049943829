"""Does what was stored of a batch stand up to a count of its own?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from cadenza.errors import ContractsDisagree
from data_contracts.documents import Promise, promises_of
from data_contracts.enrollability import RULES
from data_contracts.policy import Policy
from data_contracts.validation import validate

#: Bits of the rules by their codes.
BITS: Mapping[str, int] = {rule.code: rule.bit for rule in RULES}


def recount_batch(
    masks: pd.DataFrame, candidates: int, counted: Mapping[str, int], policy: Policy
) -> tuple[Promise, ...]:
    """Great Expectations' count of a stored batch by the rules that it was judged by, the most broken one first.

    ``masks`` has the contacts that break a rule; those of the other ``candidates`` are clear. ``counted`` are the
    contacts of each code as the database counts them.

    Raises:
        ContractsDisagree: the two counts differ, or there are more broken contacts than candidates.
    """
    if len(masks) > candidates:
        raise ContractsDisagree(
            f"The batch has {candidates:,} candidates, but {len(masks):,} contacts with refusals. Please report it."
        )
    clear = np.zeros(candidates - len(masks), dtype=np.int64)
    frame = pd.DataFrame({"mask": np.concatenate([masks["mask"].to_numpy(dtype=np.int64), clear])})
    promises = promises_of(validate(frame, _suite(policy, counted), "batch"))
    recounted = {promise.code: promise.broken for promise in promises}
    different = {
        code: (counted.get(code, 0), recounted.get(code, 0))
        for code in sorted({*counted, *recounted})
        if counted.get(code, 0) != recounted.get(code, 0)
    }
    if different:
        told = "; ".join(
            f"{code}: stored {stored:,}, recounted {again:,}" for code, (stored, again) in different.items()
        )
        raise ContractsDisagree(f"The stored refusals do not add up ({told}). Please report it.")
    return promises


def _suite(policy: Policy, counted: Mapping[str, int]) -> list[Any]:
    """The rules that were on, and any that has refusals nevertheless."""
    from data_contracts.expectations import expect_rule

    return [expect_rule(rule, policy) for rule in RULES if rule.severity(policy) or rule.code in counted]
