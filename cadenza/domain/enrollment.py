"""What is one contact's passage through a sequence?"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal

from cadenza.domain.overrides import NOTHING, Overrides
from cadenza.domain.records import Records


class EnrollmentStatus(StrEnum):
    """Where an enrollment stands."""

    ACTIVE = "active"
    PAUSED = "paused"
    FINISHED = "finished"
    ENDED = "ended"


class Ending(StrEnum):
    """Why an enrollment stopped early."""

    REPLIED = "replied"
    BOUNCED = "bounced"
    UNSUBSCRIBED = "unsubscribed"
    MEETING_BOOKED = "meeting_booked"
    REMOVED = "removed"
    FAILED = "failed"


class Outcome(StrEnum):
    """How a candidate left an enrollment: exactly one of these."""

    ENROLLED = "enrolled"
    HELD = "held"
    REFUSED = "refused"


#: As a sender: each contact's owner instead of one user.
CONTACT_OWNER = "@owner"


@dataclass(frozen=True, slots=True)
class Thread:
    """A conversation with a contact that the first email answers."""

    contact_id: int
    subject: str
    #: Message-IDs of its mails, oldest first; the last one is answered.
    references: tuple[str, ...]

    @property
    def as_json(self) -> str:
        """The same as an enrollment keeps it."""
        return json.dumps({"subject": self.subject, "references": self.references})


@dataclass(frozen=True, slots=True)
class EnrollmentOptions:
    """What a person may choose for one batch."""

    #: The step where contacts start; earlier steps are skipped.
    start_position: int = 1
    #: One zone for the whole batch; None: each contact's own.
    time_zone: str | None = None
    #: Local date and time of the first step, naive: read in each contact's zone; None: as soon as possible.
    send_at: datetime | None = None
    #: Id of the mailbox to send from; None: the sender's own.
    mailbox_id: int | None = None
    #: Handle of the user who asked; None: the sender.
    enrolled_by: str | None = None
    #: What else is different for everybody: delays, texts, tokens, days and window …
    overrides: Overrides = NOTHING
    #: Whether columns of the list say what is different for a contact (``cadenza_start_step``, ``step_2_subject`` …).
    from_columns: bool = False
    #: Of a list only those contacts whom no enrollment of this sequence from it has judged before.
    new_only: bool = False
    #: None: as the settings say.
    over_daily_limit: Literal["hold", "refuse"] | None = None
    role_addresses: Literal["allow", "warn", "refuse"] | None = None
    cooldown_days: int | None = None
    batch_limit: int | None = None
    #: Conversations with contacts of the batch, at most one a contact.
    threads: tuple[Thread, ...] = ()

    @property
    def for_all(self) -> Overrides:
        """Everything that is different for everybody, in one."""
        return Overrides(
            start_position=self.start_position if self.start_position != 1 else None,
            time_zone=self.time_zone,
            send_at=self.send_at,
            mailbox_id=self.mailbox_id,
        ).over(self.overrides)


@dataclass(frozen=True, slots=True)
class Segment:
    """Which contacts: exactly one of a list or segment by name, a filter expression, chosen contact ids, or records."""

    name: str | None = None
    filter: str | None = None
    contact_ids: tuple[int, ...] = ()
    #: Those that are associated with records.
    records: Records | None = None
    #: Of the list only whom no enrollment of the sequence of this name from it has judged before.
    new_to: str | None = None
