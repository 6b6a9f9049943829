"""What would become of each candidate of a verdict, and of all of them?"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pandas as pd

from cadenza.domain.batch import Batch
from cadenza.domain.enrollment import Outcome
from cadenza.domain.report import ContactOutcome, RefusalCount
from data_contracts.verdict import Verdict


def foreseen_outcomes(verdict: Verdict, plan: pd.DataFrame) -> list[ContactOutcome]:
    """One line a candidate, in their order; ``plan`` has ``expected_at`` of those that would be enrolled."""
    reasons = verdict.refusals[verdict.refusals["is_reason"].to_numpy()]
    said = dict(zip(reasons["ordinal"], zip(reasons["code"], reasons["detail"], strict=True), strict=True))
    expected = dict(zip(plan["ordinal"], plan["expected_at"], strict=True))
    columns = verdict.frame[["ordinal", "contact_id", "outcome", "time_zone", "due_at"]]
    lines = []
    for ordinal, contact_id, outcome, time_zone, due_at in columns.itertuples(index=False, name=None):
        code, detail = said.get(ordinal, (None, ""))
        is_refused = outcome == Outcome.REFUSED.value
        lines.append(
            ContactOutcome(
                batch_id=None,
                contact_id=int(contact_id),
                outcome=Outcome(outcome),
                code=code,
                detail=detail,
                enrollment_id=None,
                time_zone=None if is_refused else time_zone,
                due_at=None if is_refused else _instant(due_at),
                expected_at=_instant(expected.get(ordinal)),
            )
        )
    return lines


@dataclass
class Counted:
    """What the verdicts of one batch come to, chunk by chunk."""

    #: Places of mailboxes' days that were taken so far: what the next chunk has to know.
    taken: dict[int, int] = field(default_factory=dict)
    outcomes: Counter[Outcome] = field(default_factory=Counter)
    reasons: Counter[tuple[str, Outcome]] = field(default_factory=Counter)
    mentions: Counter[tuple[str, Outcome]] = field(default_factory=Counter)
    #: The cause in the first case of each code that is a reason.
    details: dict[str, str] = field(default_factory=dict)

    def add(self, verdict: Verdict) -> None:
        """One more chunk."""
        self.taken = verdict.taken
        self.outcomes.update(verdict.outcomes)
        told = verdict.refusals
        if told.empty:
            return
        for code, detail in told[told["is_reason"].to_numpy()].drop_duplicates("code")[["code", "detail"]].to_numpy():
            self.details.setdefault(code, detail)
        for _, line in (
            told.groupby(["code", "outcome"], observed=True, as_index=False)
            .agg(reasons=("is_reason", "sum"), mentions=("is_reason", "size"))
            .iterrows()
        ):
            key = (str(line["code"]), Outcome(line["outcome"]))
            self.reasons[key] += int(line["reasons"])
            self.mentions[key] += int(line["mentions"])

    def tally(self, batch: Batch) -> dict[str, Any]:
        """The fields of a ``Tally``."""
        keys = sorted(self.mentions, key=lambda key: (-self.reasons[key], -self.mentions[key], key))
        return {
            "sequence": batch.sequence.name,
            "segment": batch.segment_words,
            "sender": batch.sender,
            "enrolled": self.outcomes[Outcome.ENROLLED],
            "held": self.outcomes[Outcome.HELD],
            "refused": self.outcomes[Outcome.REFUSED],
            "by_code": tuple(RefusalCount(*key, self.reasons[key], self.mentions[key]) for key in keys),
        }


def _instant(at: Any) -> datetime | None:
    return None if at is None or pd.isna(at) else at.to_pydatetime()
