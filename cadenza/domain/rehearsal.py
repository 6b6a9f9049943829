"""What do people do in a rehearsal, and what came of it?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from random import Random

from cadenza.domain.answers import Change, Effect
from cadenza.domain.cadence import next_due
from cadenza.domain.matching import Hint, Match
from cadenza.domain.report import Tally
from cadenza.domain.sequence import Delay, FollowUpPolicy
from cadenza.domain.throttle import Limit

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


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a rehearsal is."""

    at: datetime
    #: If nobody left early.
    steps_ahead: int
    mails: int = 0
    todos: int = 0
    replies: int = 0
    bounces: int = 0

    @property
    def percent(self) -> float:
        """At least so much of it is over: whoever leaves early shortens it."""
        return round(min(100.0, 100 * (self.mails + self.todos) / max(1, self.steps_ahead)), 1)


@dataclass(frozen=True, slots=True)
class SentMail:
    """A mail of the timeline."""

    at: datetime
    time_zone: str
    mailbox_id: int
    position: int


@dataclass(frozen=True, slots=True)
class StepLine:
    """What happened at one step, and how many contacts got no further."""

    position: int
    #: In words: what it does, and how long after the step before.
    what: str
    mails: int = 0
    todos: int = 0
    todos_done: int = 0
    #: Left after this step: after a reply, a bounce, for another reason, or at the end of the sequence.
    replied: int = 0
    bounced: int = 0
    stopped: int = 0
    finished: int = 0
    #: Never came further: nobody does their to-do, or something holds them.
    waiting: int = 0


@dataclass(frozen=True, slots=True)
class ZoneLine:
    """The mails of one time zone."""

    time_zone: str
    contacts: int
    mails: int
    first_at: datetime | None
    last_at: datetime | None


@dataclass(frozen=True, slots=True)
class MailboxLine:
    """The mails of one mailbox."""

    mailbox_id: int
    #: Handle of its user.
    user: str
    mails: int
    #: Each limit with the most mails in any window of its length, those sent before the rehearsal included.
    busiest: tuple[tuple[Limit, int], ...]


@dataclass(frozen=True, slots=True)
class Pause:
    """The guard stopped something, and nobody let it go on."""

    at: datetime
    #: "mailbox" or "sequence".
    what: str
    id: int
    reason: str


@dataclass(frozen=True, slots=True)
class Rehearsal(Tally):
    """What came of a rehearsal: counts and instants, no contact."""

    assumptions: Assumptions
    started_at: datetime
    #: When the last contact left the sequence; None: nobody was enrolled.
    ended_at: datetime | None
    #: Every mail in the order in which they left.
    timeline: tuple[SentMail, ...]
    steps: tuple[StepLine, ...]
    #: The zones with most mails first.
    zones: tuple[ZoneLine, ...]
    mailboxes: tuple[MailboxLine, ...]
    #: Mailboxes and sequences that the guard paused, and why.
    pauses: tuple[Pause, ...]
    #: Why contacts wait for ever, by refusal code; None: nobody does their to-do.
    held_by: tuple[tuple[str | None, int], ...]
    plot: Path | None = None

    @property
    def waiting(self) -> int:
        """Contacts that nothing moves any more."""
        return sum(step.waiting for step in self.steps)


def busiest(instants: Sequence[datetime], seconds: int) -> int:
    """The most of some sorted instants in any window of so many seconds, its end excluded."""
    window = timedelta(seconds=seconds)
    first = most = 0
    for number, at in enumerate(instants, start=1):
        while at - instants[first] >= window:
            first += 1
        most = max(most, number - first)
    return most
