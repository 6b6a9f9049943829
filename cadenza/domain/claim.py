"""What does a claim reserve, and what keeps a due step from running?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cadenza.domain.enrollment import Ending

#: What holds an enrollment until it is repaired; every other broken rule ends it.
HELD_BY = frozenset({"SENDER_INACTIVE", "SEND_AS_DENIED", "TOKEN_MISSING", "TEMPLATE_ERROR", "ATTACHMENT_TOO_LARGE"})

_ENDINGS: Mapping[str, Ending] = {
    "HARD_BOUNCED": Ending.BOUNCED,
    "SPAM_COMPLAINT": Ending.UNSUBSCRIBED,
    "OPTED_OUT_ALL": Ending.UNSUBSCRIBED,
    "OPTED_OUT_SENDER": Ending.UNSUBSCRIBED,
}


def ending_of(code: str) -> Ending:
    """How an enrollment ends whose step was refused with a code."""
    return _ENDINGS.get(code, Ending.REMOVED)


@dataclass(frozen=True, slots=True)
class DueStep:
    """A due step with everything that its mail or to-do says."""

    enrollment_id: int
    contact_id: int
    version_id: int
    mailbox_id: int
    user_id: int
    to_address: str
    position: int
    attempts: int
    time_zone: str
    country: str | None
    #: A refusal code of a rule that was broken since the enrollment.
    refusal: str | None
    contact: dict[str, str]
    properties: dict[str, str]
    company: dict[str, str]
    company_properties: dict[str, str]
    token_values: dict[str, str]
    #: What is different for this contact, as stored (``own_sequence`` reads it), and the part about days and window.
    overrides: str | None
    follow_ups: str | None
    #: Earlier mails of this enrollment that went out, oldest first.
    sent_positions: list[int]
    sent_message_ids: list[str]
    sent_subjects: list[str]
    #: Whether no step of the enrollment ran before.
    is_first: bool = True
    #: The conversation that the first email answers: subject, and references, oldest first.
    thread: dict[str, Any] | None = None
    #: Whether the contact wants neither opens nor clicks to be noted.
    is_untracked: bool = False


@dataclass(frozen=True, slots=True)
class Refused:
    """A due step that may not run."""

    enrollment_id: int
    code: str

    @property
    def is_held(self) -> bool:
        """Whether it waits for a repair instead of ending its enrollment."""
        return self.code in HELD_BY


@dataclass(frozen=True, slots=True)
class Reservation:
    """A rendered mail about to be claimed."""

    enrollment_id: int
    position: int
    mailbox_id: int
    to_address: str
    from_address: str
    message_id: str
    subject: str
    message: bytes
    #: Of a step with several texts: which one it is.
    variant: str | None = None


@dataclass(frozen=True, slots=True)
class OpenTodo:
    """A to-do step that runs now, and where its enrollment goes."""

    enrollment_id: int
    position: int
    user_id: int
    contact_id: int
    kind: str
    title: str
    notes: str
    priority: str
    is_blocking: bool
    #: The step after it and its due instant, where it does not block; both None at the end.
    next_kind: str | None
    next_due_at: datetime | None


@dataclass(frozen=True, slots=True)
class Claim:
    """The due steps that one transaction reserved."""

    #: Deliveries to hand over, in due order.
    delivery_ids: tuple[int, ...] = ()
    #: To-do steps that ran: each has a to-do now.
    todos: int = 0
    #: Steps put off and enrollments ended by a rule that was broken since the enrollment.
    held: int = 0
    ended: int = 0
    #: Steps that are due and wait for a free slot of their mailbox.
    waiting: int = 0
    #: When the next step that is due already may go; None: nothing is due.
    next_at: datetime | None = None
