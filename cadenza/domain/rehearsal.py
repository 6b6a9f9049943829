"""What came of a rehearsal?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cadenza.domain.assumptions import Assumptions
from cadenza.domain.report import Tally
from cadenza.domain.throttle import Limit


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
