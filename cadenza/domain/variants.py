"""Which of a step's texts does somebody get, and has one of them won?"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from math import comb, erfc, gcd, sqrt
from typing import Final

from cadenza.domain.chance import dealt
from cadenza.domain.sequence import Step, Variant, Winner

#: Numbers are compared when each variant has ``after`` mails, then twice, four times … as many: so often in all.
MOST_LOOKS: Final = 5
#: How often chance alone may make a winner where all variants are equally good; shared out among looks and pairs.
ERROR: Final = 0.05
#: So many answers (or clicks, or opens) of all variants together are the least that says anything.
LEAST_ANSWERS: Final = 10


def chosen(step: Step, enrollment_id: int, winner: str | None = None) -> Variant | None:
    """The variant of a step that an enrollment gets: the winner's, else by shares; None: the step has one text only."""
    active = [variant for variant in step.variants if variant.is_active]
    if not active:
        return None
    for variant in active:
        if variant.name == winner:
            return variant
    unit = gcd(*(variant.share for variant in active))
    place = dealt(enrollment_id, step.position, "variant", sum(variant.share for variant in active) // unit)
    for variant in active:
        place -= variant.share // unit
        if place < 0:
            return variant
    raise AssertionError("the shares are all of them")


def written(step: Step, variant: Variant | None) -> Step:
    """The step with the texts of a variant as its own."""
    if variant is None:
        return step
    return replace(step, subject=variant.subject, html=variant.html, text=variant.text, variants=(), winner=None)


def key_of(step: Step) -> str:
    """What tells a step's test from others: its position and what the variants say, whatever their shares."""
    texts = [[variant.name, variant.subject, variant.html, variant.text] for variant in step.variants]
    return sha256(json.dumps([step.position, sorted(texts)]).encode()).hexdigest()[:24]


@dataclass(frozen=True, slots=True)
class Result:
    """What became of the mails of a variant."""

    variant: str
    mails: int
    #: Mails that were answered (or clicked, or opened).
    answered: int

    @property
    def rate(self) -> float:
        """The share that was answered."""
        return self.answered / self.mails if self.mails else 0.0


@dataclass(frozen=True, slots=True)
class Look:
    """What a comparison says."""

    #: How many there were by now.
    looks: int
    winner: str | None = None
    reason: str | None = None


def compare(results: Sequence[Result], rule: Winner, looks: int) -> Look | None:
    """What the next comparison of a step's active variants says; None: it is not yet time for it.

    Two shares are compared by the z-test (pooled, two-sided). Looking often finds a difference that is none sooner or
    later: so there are at most five looks, each time after twice as many mails, and the error of 5 % is shared out
    among looks and pairs of variants.
    """
    if len(results) < 2 or looks >= MOST_LOOKS or min(one.mails for one in results) < rule.after * 2**looks:
        return None
    looks += 1
    best, *others = sorted(results, key=lambda one: -one.rate)
    if sum(one.answered for one in results) < LEAST_ANSWERS:
        return Look(looks)
    worst = max(by_chance(best, other) for other in others)
    if worst >= ERROR / MOST_LOOKS / comb(len(results), 2):
        return Look(looks)
    told = ", ".join(f"{one.variant} {one.answered:,} of {one.mails:,}" for one in (best, *others))
    return Look(looks, best.variant, f"{rule.by.value}: {told}; chance does this in {worst:.2%} of all cases")


def by_chance(one: Result, other: Result) -> float:
    """How often chance alone makes two shares differ as much as these, or more."""
    pooled = (one.answered + other.answered) / (one.mails + other.mails)
    spread = sqrt(pooled * (1 - pooled) * (1 / one.mails + 1 / other.mails))
    return erfc(abs(one.rate - other.rate) / spread / sqrt(2)) if spread else 1.0
