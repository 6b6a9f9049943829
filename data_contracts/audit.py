"""Do the decisions stand up to a second count? Great Expectations recounts them from the mask and the raw facts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from cadenza.domain.enrollment import Outcome
from cadenza.domain.refusals import Severity
from cadenza.errors import ContractsDisagree
from data_contracts.enrollability import RULES, bits_by_severity
from data_contracts.policy import EnrollmentContext
from data_contracts.validation import validate
from data_contracts.verdict import Verdict

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
    in the mask, and, where a raw column shows a broken rule by itself, that column with a stock expectation; so a wrong
    condition, a wrong mask, a lost or doubled refusal and a wrong outcome all show.

    Raises:
        ContractsDisagree: a number differs, or the frame breaks its contract.
    """
    from data_contracts.expectations import expect_fact

    facts = [rule for rule in RULES if rule.fact and rule.fact[0] in verdict.frame and rule.severity(context.policy)]
    result = validate(
        _audited(verdict, [rule.fact[0] for rule in facts if rule.fact]),
        [*_expectations(context), *(expect_fact(rule) for rule in facts)],
        "verdict",
    )
    seen: dict[tuple[str, str], int] = {}
    for line in result.results:
        meta = line.expectation_config.meta
        if meta["way"] == "contract" and not line.success:
            raise ContractsDisagree(f"The verdict breaks its own contract: {meta['prose']}. Nothing was enrolled.")
        if meta["way"] != "contract":
            seen[meta["way"], meta["code"]] = int(line.result["unexpected_count"])
    recounts = _compare(verdict, context, seen)
    wrong = [recount for recount in recounts if not recount.agrees]
    if wrong:
        told = "; ".join(
            f"{recount.what}: " + ", ".join(f"{way} {count:,}" for way, count in recount.counts.items())
            for recount in wrong
        )
        raise ContractsDisagree(f"The audit counted something else than the engine decided ({told}). Please report it.")
    return recounts


def _audited(verdict: Verdict, facts: list[str]) -> pd.DataFrame:
    """The columns that are counted: as few as possible, Great Expectations fingerprints each."""
    frame = verdict.frame
    is_refused = (frame["outcome"] == Outcome.REFUSED.value).to_numpy()
    is_complete = np.logical_and.reduce([frame[column].notna().to_numpy() for column in _NEEDED])
    return pd.DataFrame(
        {
            "ordinal": frame["ordinal"],
            "mask": frame["mask"],
            "outcome": frame["outcome"].cat.codes,
            "is_storable": is_refused | is_complete,
            # A fact counts by being there, not by what it says: its words need not be fingerprinted.
            **{column: frame[column] for column in facts},
        }
    )


def _expectations(context: EnrollmentContext) -> list[object]:
    """The contract of the verdict, the rules' bits, and the outcomes."""
    import great_expectations.expectations as gxe

    from data_contracts.expectations import ExpectContactsToBeClearOf, enrollability_suite

    bits = bits_by_severity(context.policy)
    refuse, hold = bits[Severity.REFUSE], bits[Severity.HOLD]
    outcomes = [value.value for value in (Outcome.REFUSED, Outcome.HELD, Outcome.ENROLLED)]

    def contract(prose: str) -> dict[str, str]:
        return {"way": "contract", "prose": prose}

    def expect_clear(code: str, bits: int) -> object:
        words = {"code": code, "prose": f"No candidate is {code}", "remedy": "", "effect": ""}
        return ExpectContactsToBeClearOf(column="mask", bits=bits, meta={"way": "mask", "code": code}, **words)

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
        *enrollability_suite(context.policy),
        ExpectContactsToBeClearOf(
            column="mask",
            bits=refuse,
            code="refused",
            prose="",
            remedy="",
            effect="",
            meta={"way": "mask", "code": "refused"},
        ),
        ExpectContactsToBeClearOf(
            column="mask",
            bits=refuse | hold,
            code="enrolled",
            prose="",
            remedy="",
            effect="",
            meta={"way": "mask", "code": "not enrolled"},
        ),
        gxe.ExpectColumnValuesToBeInSet(
            column="outcome",
            value_set=[outcomes.index(Outcome.HELD.value), outcomes.index(Outcome.ENROLLED.value)],
            meta={"way": "outcome", "code": "refused"},
        ),
        gxe.ExpectColumnValuesToBeInSet(
            column="outcome",
            value_set=[outcomes.index(Outcome.ENROLLED.value)],
            meta={"way": "outcome", "code": "not enrolled"},
        ),
    ]


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
