"""What do the rules say of each candidate? A mask of broken rules, an outcome and a reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cadenza.domain.enrollment import Outcome
from cadenza.domain.refusals import Severity
from data_contracts.conditions import present, starts_with_mail
from data_contracts.details import COLUMNS as DETAILED
from data_contracts.enrollability import RULES, Scope, bits_by_severity
from data_contracts.policy import EnrollmentContext


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the rules say of a chunk of candidates."""

    #: The candidates with ``mask`` (int64, the bits of the broken rules), ``outcome`` and ``reason`` (code or missing).
    frame: pd.DataFrame
    #: One row a broken rule: ordinal, contact_id, code, is_reason, outcome, detail.
    refusals: pd.DataFrame
    #: How many contacts break each rule, by code, the broken ones only.
    counts: dict[str, int]
    #: How many contacts have each outcome.
    outcomes: dict[Outcome, int]
    #: Places of each mailbox's day that this chunk and those before it take.
    taken: dict[int, int]

    @property
    def enrollable(self) -> pd.DataFrame:
        """The candidates that get an enrollment: enrolled or held."""
        return self.frame[(self.frame["outcome"] != Outcome.REFUSED.value).to_numpy()]


#: Which outcome each severity leads to, the worst first.
OUTCOME_OF: Final = {
    Severity.REFUSE: Outcome.REFUSED,
    Severity.HOLD: Outcome.HELD,
    Severity.WARN: Outcome.ENROLLED,
}


_OUTCOMES: Final = pd.Index([outcome.value for outcome in OUTCOME_OF.values()])
_CODES: Final = pd.Index([rule.code for rule in RULES])


def judge(candidates: pd.DataFrame, context: EnrollmentContext) -> Verdict:
    """Apply every rule to every candidate: two vectorised passes, the second for what is left of the limits."""
    bits = bits_by_severity(context.policy)
    mask = np.zeros(len(candidates), dtype=np.int64)
    applied = [rule for rule in RULES if rule.severity(context.policy)]
    for rule in applied:
        if rule.scope is not Scope.CAPACITY:
            mask[rule.is_broken(candidates, context)] |= rule.bit
    passing = (mask & (bits[Severity.REFUSE] | bits[Severity.HOLD])) == 0
    if passing.any():
        rows = np.flatnonzero(passing)
        competitors = candidates if passing.all() else candidates.iloc[rows]
        for rule in applied:
            if rule.scope is Scope.CAPACITY:
                mask[rows[rule.is_broken(competitors, context)]] |= rule.bit
    return _decide(candidates, mask, bits, context)


def _decide(
    candidates: pd.DataFrame, mask: NDArray[np.int64], bits: Mapping[Severity, int], context: EnrollmentContext
) -> Verdict:
    outcome = np.zeros(len(mask), dtype=np.int8)
    reason_bit = np.zeros(len(mask), dtype=np.int64)
    outcomes = list(OUTCOME_OF.values())
    outcome[:] = outcomes.index(Outcome.ENROLLED)
    for severity in reversed(OUTCOME_OF):  # the worst last: it wins
        of_severity = mask & bits[severity]
        is_broken = of_severity != 0
        outcome[is_broken] = outcomes.index(OUTCOME_OF[severity])
        reason_bit[is_broken] = (of_severity & -of_severity)[is_broken]
    reason = np.full(len(mask), -1, dtype=np.int8)
    is_reasoned = reason_bit != 0
    reason[is_reasoned] = np.log2(reason_bit[is_reasoned]).astype(np.int8)
    frame = candidates.assign(
        mask=mask,
        outcome=pd.Categorical.from_codes(outcome, categories=_OUTCOMES),
        reason=pd.Categorical.from_codes(reason, categories=_CODES),
    )
    totals = np.bincount(outcome, minlength=len(outcomes))
    refusals = explode(frame, context)
    counts = refusals["code"].value_counts()
    return Verdict(
        frame,
        refusals,
        {str(code): int(count) for code, count in counts.items() if count},
        {value: int(total) for value, total in zip(outcomes, totals, strict=True)},
        _taken(frame, context),
    )


def explode(frame: pd.DataFrame, context: EnrollmentContext) -> pd.DataFrame:
    """One row a broken rule: ordinal, contact_id, code, is_reason, outcome, detail; in the order of the ordinals."""
    mask = frame["mask"].to_numpy()
    reason = frame["reason"].cat.codes.to_numpy()
    told = frame[frame.columns.intersection(pd.Index(DETAILED))]
    rows, codes, details = [], [], []
    any_broken = int(np.bitwise_or.reduce(mask)) if len(mask) else 0
    for number, rule in enumerate(RULES):
        if not any_broken & rule.bit:
            continue
        broken = np.flatnonzero(mask & rule.bit)
        rows.append(broken)
        codes.append(np.full(len(broken), number, dtype=np.int8))
        if rule.detail is None:
            details.append(pd.Series("", index=range(len(broken)), dtype="str"))
        else:
            details.append(rule.detail(told.iloc[broken], context).fillna(""))
    where = np.concatenate(rows) if rows else np.empty(0, dtype=np.int64)
    code = np.concatenate(codes) if codes else np.empty(0, dtype=np.int8)
    detail = pd.concat(details, ignore_index=True) if details else pd.Series(dtype="str")
    order = np.argsort(where, kind="stable")
    where, code = where[order], code[order]
    return pd.DataFrame(
        {
            "ordinal": frame["ordinal"].to_numpy()[where],
            "contact_id": frame["contact_id"].to_numpy()[where],
            "code": pd.Categorical.from_codes(code, categories=_CODES),
            "is_reason": reason[where] == code,
            "outcome": frame["outcome"].array[where],
            "detail": detail.array.take(order),
        }
    )


def _taken(frame: pd.DataFrame, context: EnrollmentContext) -> dict[int, int]:
    """The places that the enrolled take of their mailboxes' day, with those of earlier chunks."""
    taken = dict(context.taken)
    is_mail = starts_with_mail(frame, context)
    if not is_mail.any():
        return taken
    uses = is_mail & (frame["outcome"] == Outcome.ENROLLED.value).to_numpy() & present(frame, "mailbox_daily_left")
    if "due_at" in frame.columns:
        uses &= (frame["due_at"] < context.now + timedelta(days=1)).to_numpy(dtype=bool)
    mailboxes, places = np.unique(frame["mailbox_id"].to_numpy(dtype=np.int64, na_value=-1)[uses], return_counts=True)
    for mailbox, count in zip(mailboxes.tolist(), places.tolist(), strict=True):
        taken[mailbox] = taken.get(mailbox, 0) + count
    return taken
