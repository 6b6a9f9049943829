"""What do the simulated people of a rehearsal do?"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from random import Random

from cadenza.domain.answers import Change, Effect
from cadenza.domain.cadence import next_due
from cadenza.domain.matching import Hint, Match
from cadenza.domain.sequence import Delay, FollowUpPolicy

#: Mailboxes are looked at so often: an answer is noticed at the next look.
LOOKS_EVERY = timedelta(minutes=5)


class AnswerKind(StrEnum):
    """What a mail may lead to."""

    REPLY = "reply"
    BOUNCE = "bounce"


#: The shortest and the longest time from a mail to its answer; of the times between, short ones are the likelier.
_DELAYS = {
    AnswerKind.REPLY: (timedelta(minutes=20), timedelta(days=5)),
    AnswerKind.BOUNCE: (timedelta(minutes=1), timedelta(days=1)),
}


@dataclass(frozen=True, slots=True)
class MailOut:
    """A mail that just left."""

    delivery_id: int
    enrollment_id: int
    contact_id: int
    position: int
    to_address: str
    sent_at: datetime


@dataclass(frozen=True, slots=True)
class Answer:
    """What comes back to a mail."""

    kind: AnswerKind
    mail: MailOut
    #: When it is noticed.
    at: datetime

    @property
    def effect(self) -> Effect:
        """What it changes: the same as if it had been read in a mailbox."""
        mail = self.mail
        change = Change.REPLY if self.kind is AnswerKind.REPLY else Change.HARD_BOUNCE
        match = Match(0, Hint.MESSAGE, mail.enrollment_id, mail.contact_id, mail.delivery_id, mail.to_address, True)
        source_id = f"rehearsal/{mail.delivery_id}"
        return Effect(change, source_id, self.kind.value, self.at, match, None, {"change": change.value})


@dataclass(frozen=True, slots=True)
class Assumptions:
    """What the simulated people of a rehearsal do."""

    #: Of all mails, the shares that are replied to and that come back: 0 to 1, together no more than 1.
    replies: float = 0.0
    bounces: float = 0.0
    #: A to-do is done so many days after it was opened, on a weekday; None: never.
    todo_days: int | None = 1
    #: Another seed, other people answer; the same one, the same people to the minute.
    seed: int = 1

    def answer_to(self, mail: MailOut) -> Answer | None:
        """What comes back to a mail; None: nothing.

        Drawn for its contact and step alone: a higher share adds answers and changes none.
        """
        draw = Random(f"{self.seed}/{mail.contact_id}/{mail.position}")  # noqa: S311 - dice, not secrets
        luck = draw.random()
        if luck < self.bounces:
            kind = AnswerKind.BOUNCE
        elif luck >= 1 - self.replies:
            kind = AnswerKind.REPLY
        else:
            return None
        shortest, longest = _DELAYS[kind]
        return Answer(kind, mail, _next_look(mail.sent_at + shortest * (longest / shortest) ** draw.random()))

    def done_at(self, opened_at: datetime, time_zone: str) -> datetime | None:
        """When a to-do is done by somebody who lives in a zone; None: never."""
        if self.todo_days is None:
            return None
        return next_due(opened_at, Delay(self.todo_days), time_zone, FollowUpPolicy(), None)


def _next_look(at: datetime) -> datetime:
    since = at - datetime(2000, 1, 1, tzinfo=UTC)
    return at + -since % LOOKS_EVERY
