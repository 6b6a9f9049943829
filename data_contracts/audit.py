"""Do the decisions stand up to a second count? Great Expectations recounts them from the mask and the raw facts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from cadenza.domain.enrollment import Outcome
from cadenza.domain.refusals import Severity
from cadenza.errors import ContractsDisagree
from data_contracts.enrollability import RULES, Rule, bits_by_severity
from data_contracts.policy import EnrollmentContext
from data_contracts.validation import validate
from data_contracts.verdict import OUTCOME_OF, Verdict

#: What a row must have to become an enrollment.
_NEEDED = ("email_normalized", "user_id", "mailbox_id")


@dataclass(frozen=True, slots=True)
class Recount:
    """How one number was counted in several ways, which must all agree."""

    what: str
    counts: dict[str, int]

    @property
    def agrees(self) -> bool:
        """Whether every way gave the same."""
        return len(set(self.counts.values())) == 1


def audit(verdict: Verdict, context: EnrollmentContext) -> list[Recount]:
    """Count the verdict again, independently of the engine.

    The engine's numbers are those of the refusals table and of the outcomes. Great Expectations counts each rule's bit
    in the mask, and, where a raw column shows a broken rule by itself, that column; so a wrong condition, a wrong mask,
    a lost or doubled refusal and a wrong outcome all show. It counts each way in one pass, not in one per rule: it is
    asked for every chunk, and an expectation costs it several milliseconds whatever the chunk holds.

    Raises:
        ContractsDisagree: a number differs, or the frame breaks its contract.
    """
    facts = [rule for rule in RULES if rule.fact and rule.fact[0] in verdict.frame and rule.severity(context.policy)]
    result = validate(_audited(verdict, facts), _expectations(), "verdict")
    counted: dict[str, Mapping[str, int]] = {}
    for line in result.results:
        meta = line.expectation_config.meta
        if meta["way"] != "contract":
            counted[meta["way"]] = line.result["observed_value"]
        elif not line.success:
            raise ContractsDisagree(f"The verdict breaks its own contract: {meta['prose']}. Nothing was enrolled.")
    recounts = _compare(verdict, context, _seen(counted, facts, context))
    wrong = [recount for recount in recounts if not recount.agrees]
    if wrong:
        told = "; ".join(
            f"{recount.what}: " + ", ".join(f"{way} {count:,}" for way, count in recount.counts.items())
            for recount in wrong
        )
        raise ContractsDisagree(f"The audit counted something else than the engine decided ({told}). Please report it.")
    return recounts


def _audited(verdict: Verdict, facts: Sequence[Rule]) -> pd.DataFrame:
    """The columns that are counted: as few as possible, Great Expectations fingerprints each.

    ``facts`` has the bit of each rule that a raw column shows to be broken.
    """
    frame = verdict.frame
    is_refused = (frame["outcome"] == Outcome.REFUSED.value).to_numpy()
    is_complete = np.logical_and.reduce([frame[column].notna().to_numpy() for column in _NEEDED])
    shown = np.zeros(len(frame), dtype=np.int64)
    for rule in facts:
        assert rule.fact is not None
        column, kept = rule.fact
        shown[(frame[column].notna() if kept is None else frame[column] != kept).to_numpy(dtype=bool)] |= rule.bit
    return pd.DataFrame(
        {
            "ordinal": frame["ordinal"],
            "mask": frame["mask"],
            "outcome": frame["outcome"].cat.codes,
            "facts": shown,
            "is_storable": is_refused | is_complete,
        }
    )


def _expectations() -> list[object]:
    """The contract of the verdict, and one count of each way."""
    import great_expectations.expectations as gxe

    from data_contracts.expectations import ExpectValuesToBeCounted

    def contract(prose: str) -> dict[str, str]:
        return {"way": "contract", "prose": prose}

    return [
        gxe.ExpectColumnValuesToBeUnique(column="ordinal", meta=contract("every candidate is judged once")),
        gxe.ExpectColumnValuesToBeInSet(
            column="outcome", value_set=[0, 1, 2], meta=contract("every candidate has exactly one outcome")
        ),
        gxe.ExpectColumnValuesToBeInSet(
            column="is_storable",
            value_set=[True],
            meta=contract("every enrollable candidate has an address, a sender and a mailbox"),
        ),
        *(
            ExpectValuesToBeCounted(column=column, meta={"way": way})
            for way, column in (("mask", "mask"), ("fact", "facts"), ("outcome", "outcome"))
        ),
    ]


def _seen(
    counted: Mapping[str, Mapping[str, int]], facts: Sequence[Rule], context: EnrollmentContext
) -> dict[tuple[str, str], int]:
    """What Great Expectations counted, by way and code."""
    bits = bits_by_severity(context.policy)
    refuse, hold = bits[Severity.REFUSE], bits[Severity.HOLD]

    def having(way: str, bits: int) -> int:
        return sum(count for value, count in counted[way].items() if int(value) & bits)

    outcomes = [counted["outcome"].get(str(number), 0) for number in range(len(OUTCOME_OF))]
    enrolled = list(OUTCOME_OF.values()).index(Outcome.ENROLLED)
    refused = list(OUTCOME_OF.values()).index(Outcome.REFUSED)
    return {
        **{("mask", rule.code): having("mask", rule.bit) for rule in RULES},
        **{("fact", rule.code): having("fact", rule.bit) for rule in facts},
        ("mask", "refused"): having("mask", refuse),
        ("mask", "not enrolled"): having("mask", refuse | hold),
        ("outcome", "refused"): outcomes[refused],
        ("outcome", "not enrolled"): sum(outcomes) - outcomes[enrolled],
    }


def _compare(verdict: Verdict, context: EnrollmentContext, seen: dict[tuple[str, str], int]) -> list[Recount]:
    """Each rule's and each outcome's numbers side by side."""
    rows = verdict.refusals["code"].value_counts()
    reasons = verdict.refusals.loc[verdict.refusals["is_reason"].to_numpy(), "outcome"].value_counts()
    recounts = []
    for rule in RULES:
        if not rule.severity(context.policy):
            continue
        counts = {"engine": verdict.counts.get(rule.code, 0), "refusals": int(rows.get(rule.code, 0))}
        counts |= {way: seen[way, rule.code] for way in ("mask", "fact") if (way, rule.code) in seen}
        recounts.append(Recount(rule.code, counts))
    refused, held = verdict.outcomes[Outcome.REFUSED], verdict.outcomes[Outcome.HELD]
    for code, decided, reasoned in (
        ("refused", refused, int(reasons.get("refused", 0))),
        ("not enrolled", refused + held, int(reasons.get("refused", 0)) + int(reasons.get("held", 0))),
    ):
        counts = {"engine": decided, "refusals": reasoned}
        recounts.append(Recount(code, counts | {way: seen[way, code] for way in ("mask", "outcome")}))
    total = sum(verdict.outcomes.values())
    recounts.append(Recount("candidates", {"engine": total, "frame": len(verdict.frame)}))
    return recounts
