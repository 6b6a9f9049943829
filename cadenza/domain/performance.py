"""How well do sequences, steps and variants do? Numbers of what happened, and what they are shares of."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Final, Literal

from cadenza.domain.enrollment import EnrollmentStatus

#: By what enrollments are grouped.
GroupedBy = Literal["sequence", "sender", "company", "folder"]
GROUPED_BY: Final[tuple[GroupedBy, ...]] = ("sequence", "sender", "company", "folder")


@dataclass(frozen=True, slots=True)
class Scope:
    """Which enrollments are counted; None: whichever."""

    sequence: str | None = None
    folder: str | None = None
    #: A user's handle.
    sender: str | None = None
    company: str | None = None
    status: EnrollmentStatus | None = None
    #: When they were enrolled: from the first instant on, before the second.
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Performance:
    """What became of some enrollments. Ending or erasing one later changes none of it."""

    name: str
    enrolled: int
    #: Different people among them: who was enrolled twice is one.
    contacts: int
    #: Enrollments of which a mail left, and those mails.
    mailed: int
    sent: int
    #: Enrollments in which this happened at least once.
    replied: int
    bounced: int
    opted_out: int
    complained: int
    meetings: int
    finished: int
    running: int
    #: Only where it is noted; by people, as far as it shows.
    opened: int
    clicked: int
    #: Pictures that only machines fetched: privacy proxies and scanners.
    opened_by_machines: int

    @property
    def over(self) -> int:
        """Enrollments that run no more."""
        return self.enrolled - self.running

    @property
    def reply_rate(self) -> float | None:
        """The share of those who got a mail that answered."""
        return _share(self.replied, self.mailed)

    @property
    def meeting_rate(self) -> float | None:
        """The share of those who got a mail that booked a meeting."""
        return _share(self.meetings, self.mailed)

    @property
    def opt_out_rate(self) -> float | None:
        """The share of those who got a mail that opted out."""
        return _share(self.opted_out, self.mailed)

    @property
    def bounce_rate(self) -> float | None:
        """The share of those who got a mail to whom it came back."""
        return _share(self.bounced, self.mailed)

    @property
    def finish_rate(self) -> float | None:
        """The share of those whose sequence is over that came to its end."""
        return _share(self.finished, self.over)

    @property
    def open_rate(self) -> float | None:
        """The share of those who got a mail that opened one, as far as mail programs tell."""
        return _share(self.opened, self.mailed)

    @property
    def click_rate(self) -> float | None:
        """The share of those who got a mail that followed a link."""
        return _share(self.clicked, self.mailed)


@dataclass(frozen=True, slots=True)
class StepPerformance:
    """What became of the mails, or the to-dos, of one step; of an email with variants, of one variant."""

    sequence: str
    position: int
    kind: str
    #: "": the step has one text only.
    variant: str
    #: Mails that left or were refused, or to-dos; of these, those that were taken, or done.
    ran: int
    done: int
    #: Mails that were answered; an answer that names no mail counts for the last one before it.
    replied: int
    bounced: int
    opted_out: int
    meetings: int
    opened: int
    clicked: int
    #: Whether everybody gets this variant now.
    is_winner: bool = False

    @property
    def reply_rate(self) -> float | None:
        """The share of the mails that was answered."""
        return _share(self.replied, self.ran) if self.kind == "email" else None


#: The shares by name.
RATES: Final = tuple(
    name for name, value in vars(Performance).items() if name.endswith("_rate") and isinstance(value, property)
)
#: By what lines can be ranked.
RANKS: Final = (*(field.name for field in fields(Performance) if field.name != "name"), *RATES)


def ranked(lines: Iterable[Performance], by: str) -> list[Performance]:
    """The lines with the largest number, or the largest rate, first; those without one last."""

    def key(line: Performance) -> tuple[float, str]:
        value = getattr(line, by)
        return (1.0 if value is None else -float(value)), line.name

    return sorted(lines, key=key)


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
