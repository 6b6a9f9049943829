"""What does the outcome of an attempt change?"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from cadenza.domain.advance import NextStep, after_step, run_after
from cadenza.domain.delivery import Attempt, DeliveryState, consequence
from cadenza.domain.overrides import own_sequence
from cadenza.domain.sequence import Sequence


@dataclass(frozen=True, slots=True)
class ClaimedMail:
    """A claimed delivery with what its hand-over and its settlement need."""

    id: int
    token: UUID
    enrollment_id: int
    position: int
    mailbox_id: int
    from_address: str
    to_address: str
    message_id: str
    message: bytes
    claimed_at: datetime
    lease_until: datetime
    tries: int
    #: Whether no step of the enrollment ran before: follow-ups keep to the send window, the first step does not.
    is_first: bool
    version_id: int
    time_zone: str
    country: str | None
    #: What is different for this contact, as stored (``own_sequence`` reads it).
    overrides: str | None
    #: Whether its absence from the witness says anything: the copy for it was taken.
    is_witnessed: bool = True
    #: When the witness was first asked and did not show it.
    missed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Settlement:
    """What an attempt changes in its delivery and its enrollment."""

    delivery_id: int
    token: UUID
    enrollment_id: int
    position: int
    state: DeliveryState
    attempt: Attempt
    ended_at: datetime
    is_done: bool
    #: The step to come and its instant: the next one, or the same one again; None: nothing is left.
    next_kind: str | None = None
    due_at: datetime | None = None
    ending: str | None = None
    reason: str | None = None
    is_hard_bounce: bool = False


def settlement_of(mail: ClaimedMail, attempt: Attempt, sequence: Sequence, max_tries: int) -> Settlement | None:
    """What an attempt changes; None: nothing yet, its delivery stays in flight or belongs to another claim.

    ``sequence`` is the version as it is stored.
    """
    follows = consequence(attempt, mail.tries, max_tries)
    if follows is None:
        return None
    ended_at = attempt.ended_at or mail.claimed_at
    sequence = own_sequence(sequence, mail.overrides)
    if follows.is_done:
        coming = after_step(sequence, mail.position, ended_at, mail.time_zone, mail.country, mail.enrollment_id)
    elif follows.retry_after is not None:
        again = run_after(sequence, mail.is_first, ended_at, follows.retry_after, mail.time_zone, mail.country)
        coming = NextStep("email", again)
    else:
        coming = NextStep()
    return Settlement(
        mail.id,
        mail.token,
        mail.enrollment_id,
        mail.position,
        follows.state,
        attempt,
        ended_at,
        follows.is_done,
        coming.kind,
        coming.due_at,
        follows.ending.value if follows.ending else None,
        follows.reason,
        follows.is_hard_bounce,
    )
