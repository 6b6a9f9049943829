"""Into which sequences can contacts be enrolled, and why not into the others?"""

from __future__ import annotations

from collections import defaultdict

from cadenza.domain.enrollment import Segment
from cadenza.domain.report import Choice
from cadenza.runtime import current
from data_contracts.foresight import Counted
from data_contracts.policy import EnrollmentContext, policy_of
from data_contracts.verdict import judge
from tasks.load_candidates import load_candidates, with_sizes
from tasks.offer_sequences import offer_sequences
from tasks.time_first_steps import time_first_steps


def choose_sequence(whom: Segment, sender: str, enrolled_by: str | None = None) -> list[Choice]:
    """What would become of contacts in each sequence that is shared with the sender, by folder and name.

    The contacts are read once, and judged for each sequence by the rules that an enrollment would judge them by now.
    Nothing is stored, so there is no second count of the verdicts either.

    Raises:
        NotFound: there is no such user or list.
        FilterInvalid, WrongUse: the contacts are not named in exactly one way.
    """
    offer = offer_sequences(whom, sender, enrolled_by)
    counted = defaultdict[int, Counted](Counted)
    policy = policy_of(current().settings, {})
    for candidates in load_candidates.fn(offer.whole) if offer.batches else ():
        for batches in offer.by_zone:
            timed = time_first_steps.fn(candidates, batches[0])
            for batch in batches:
                so_far = counted[batch.sequence_id]
                known = with_sizes(offer.facts(timed, batch), batch)
                so_far.add(judge(known, EnrollmentContext(batch, policy, so_far.taken)))
    return [
        Choice(
            **so_far.tally(batch),
            title=batch.sequence.title,
            folder=batch.sequence.folder,
            details=so_far.details,
        )
        for batch in offer.batches
        if (so_far := counted[batch.sequence_id])
    ]
