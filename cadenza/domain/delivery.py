"""What happens to the hand-over of one message?"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class DeliveryState(StrEnum):
    """Where a delivery stands: claimed, in_flight, then one of the rest (DESIGN: protocol of a send)."""

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
