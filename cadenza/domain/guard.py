"""Do so many mails come back, or annoy, that sending should stop?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class GuardPolicy:
    """How much an installation lets pass."""

    #: Looked back so many days.
    days: int
    #: Fewer mails than this say nothing, and so do fewer bounces or complaints than that.
    least_mails: int
    least_count: int
    #: More than this share of the mails is too much.
    bounce_percent: float
    complaint_percent: float


@dataclass(frozen=True, slots=True)
class Tally:
    """What became of the mails of a mailbox or a sequence."""

    what: Literal["mailbox", "sequence"]
    id: int
    #: Mails that were taken or refused; those that were refused or came back for good; those that were reported.
    mails: int
    bounces: int
    complaints: int


def why_pause(tally: Tally, policy: GuardPolicy) -> str | None:
    """Why sending should stop, in words; None: it may go on."""
    if tally.mails < policy.least_mails:
        return None
    for count, percent, happened in (
        (tally.complaints, policy.complaint_percent, "were reported as spam"),
        (tally.bounces, policy.bounce_percent, "came back"),
    ):
        share = 100 * count / tally.mails
        if count >= policy.least_count and share > percent:
            return (
                f"Guard: {count} of {tally.mails} mails of the last {policy.days} days {happened} "
                f"({share:.1f} %, at most {percent:g} %)."
            )
    return None
