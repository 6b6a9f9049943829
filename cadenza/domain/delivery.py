"""What happens to the hand-over of one message, and what follows from it?"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from cadenza.domain.enrollment import Ending


class DeliveryState(StrEnum):
    """Where a delivery stands: claimed, in_flight, then one of the rest (docs/decisions/0008)."""

    CLAIMED = "claimed"
    IN_FLIGHT = "in_flight"
    SENT = "sent"
    DEFERRED = "deferred"
    REJECTED = "rejected"
    UNKNOWN = "unknown"


class AttemptResult(StrEnum):
    """What the server's answers amount to."""

    #: 250 to the final dot.
    ACCEPTED = "accepted"
    #: 4xx, or the final dot was never sent: safe to try again later.
    DEFERRED = "deferred"
    #: 5xx about this message or recipient.
    REJECTED = "rejected"
    #: The final dot went out and nothing came back.
    SILENCE = "silence"
    #: Our compare-and-set failed or the lease ran out before the dot: somebody else owns it, nothing was sent.
    LOST = "lost"
    #: Nothing was tried: its turn came too late for its lease, or the mailbox let nobody in. It may go at any time.
    NOT_TRIED = "not_tried"


class Decision(StrEnum):
    """What a person says of a delivery whose fate nobody knows."""

    #: It arrived: the sequence goes on.
    SENT = "sent"
    #: It did not: the same mail goes out again.
    RESEND = "resend"
    #: Be that as it may: nothing more to this contact.
    END = "end"


@dataclass(frozen=True, slots=True)
class Attempt:
    """The outcome of one try to hand over one delivery."""

    delivery_id: int
    result: AttemptResult
    #: SMTP reply code, enhanced status ("5.1.1") and text, where there was an answer.
    code: int | None = None
    status: str | None = None
    text: str = ""
    #: The server's own id of the message, read from its 250.
    provider_id: str | None = None
    ended_at: datetime | None = None


#: The wait before the second, third … try: greylisting servers want some minutes, full queues some hours.
RETRY_AFTER = tuple(timedelta(minutes=minutes) for minutes in (5, 10, 20, 40, 80, 160, 240))

#: Enhanced status codes (RFC 3463) that say: nobody is there. Others, such as 5.7.1 (policy), are about this mail only.
_NOBODY_THERE = ("5.1.0", "5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1")


@dataclass(frozen=True, slots=True)
class Consequence:
    """What one attempt means for the delivery and the enrollment."""

    state: DeliveryState
    #: The step ran: the sequence goes on.
    is_done: bool = False
    #: Try again after this time.
    retry_after: timedelta | None = None
    ending: Ending | None = None
    #: The code of the refusal that explains it; None where nothing went wrong: the try does not count.
    reason: str | None = None

    @property
    def is_hard_bounce(self) -> bool:
        """Whether the address is never written to again."""
        return self.ending is Ending.BOUNCED


def consequence(attempt: Attempt, tries: int, max_tries: int) -> Consequence | None:
    """What follows from an attempt that was the ``tries``-th of its step; None: nothing is known yet.

    Silence stays in flight until recovery asks the witness; a lost claim belongs to somebody else.
    """
    match attempt.result:
        case AttemptResult.ACCEPTED:
            return Consequence(DeliveryState.SENT, is_done=True)
        case AttemptResult.DEFERRED if tries < max_tries:
            return Consequence(
                DeliveryState.DEFERRED,
                retry_after=RETRY_AFTER[min(tries, len(RETRY_AFTER)) - 1],
                reason="SEND_TRANSIENT",
            )
        case AttemptResult.DEFERRED:
            return Consequence(DeliveryState.DEFERRED, ending=Ending.FAILED, reason="SEND_TRANSIENT")
        case AttemptResult.NOT_TRIED:
            return Consequence(DeliveryState.DEFERRED, retry_after=timedelta())
        case AttemptResult.REJECTED if is_nobody_there(attempt.code, attempt.status):
            return Consequence(DeliveryState.REJECTED, ending=Ending.BOUNCED, reason="HARD_BOUNCED")
        case AttemptResult.REJECTED:
            return Consequence(DeliveryState.REJECTED, ending=Ending.FAILED, reason="SEND_PERMANENT")
    return None


def is_nobody_there(code: int | None, status: str | None) -> bool:
    """Whether a refusal says that the address does not exist (RFC 3463; 550, 551 and 553 where no status is given)."""
    return status in _NOBODY_THERE if status else code in (550, 551, 553)
