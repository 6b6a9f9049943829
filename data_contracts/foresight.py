"""What would become of each candidate of a verdict?"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pandas as pd

from cadenza.domain.enrollment import Outcome
from cadenza.domain.report import ContactOutcome
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


def _instant(at: Any) -> datetime | None:
    return None if at is None or pd.isna(at) else at.to_pydatetime()
