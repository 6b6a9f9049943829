"""What came of an enrollment, or would come of it, and which errors were there?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from cadenza.domain.enrollment import Outcome
from cadenza.domain.refusals import CATALOGUE


@dataclass(frozen=True, slots=True)
class RefusalCount:
    """One code of a report, with how many contacts it concerns."""

    code: str
    #: What it led to; ``ENROLLED``: a warning.
    outcome: Outcome
    #: Contacts of which it is the reason: over all codes of an outcome these add up.
    count: int
    #: Contacts that break the rule, for some of which another rule is the reason.
    mentions: int

    @property
    def cause(self) -> str:
        """What is the case."""
        return CATALOGUE[self.code].cause

    @property
    def remedy(self) -> str:
        """What to do about it."""
        return CATALOGUE[self.code].remedy

    @property
    def is_error(self) -> bool:
        """False: nothing went wrong, there was just nothing to do."""
        return CATALOGUE[self.code].is_error

    def as_row(self) -> dict[str, str | int]:
        """The code as a line of a table for people."""
        return {
            "code": self.code,
            "outcome": self.outcome.value,
            "contacts": self.count,
            "also broken by": self.mentions - self.count,
            "cause": self.cause,
            "remedy": self.remedy,
        }


@dataclass(frozen=True, slots=True)
class ContactOutcome:
    """What became of one contact that somebody chose."""

    #: None: it was only foreseen.
    batch_id: int | None
    #: 0: a record that has no contact.
    contact_id: int
    outcome: Outcome
    #: Why it is held or was refused; of an enrolled contact: a warning. None: nothing is to be said.
    code: str | None
    #: The cause in this case; no address.
    detail: str
    #: None: it was refused.
    enrollment_id: int | None
    time_zone: str | None
    #: When the first step is due, and when the limits of its mailbox let it go.
    due_at: datetime | None
    expected_at: datetime | None

    @property
    def cause(self) -> str:
        """What is the case; empty where nothing is."""
        return CATALOGUE[self.code].cause if self.code else ""

    @property
    def remedy(self) -> str:
        """What to do about it."""
        return CATALOGUE[self.code].remedy if self.code else ""


@dataclass(frozen=True, slots=True)
class Tally:
    """How the candidates of an enrollment were judged: counts, no addresses."""

    sequence: str
    #: The list's name, the filter, or how many chosen contacts.
    segment: str
    sender: str
    enrolled: int
    held: int
    refused: int
    #: The most frequent reason first.
    by_code: tuple[RefusalCount, ...]

    @property
    def candidates(self) -> int:
        """Everybody who was looked at: each is exactly one of enrolled, held and refused."""
        return self.enrolled + self.held + self.refused


@dataclass(frozen=True, slots=True)
class Report(Tally):
    """The enrollment-error report of one batch, and where to read more."""

    batch_id: int
    #: The same for two enrollments that looked at the same contacts.
    fingerprint: str
    #: One line a contact with an error or a warning; the only file with addresses.
    errors: Path
    #: A page for the browser, readable without a network.
    data_docs: Path
    #: Refusals by code as a picture; None: there are none.
    plot: Path | None


@dataclass(frozen=True, slots=True)
class ZoneForecast:
    """The first steps of one time zone."""

    time_zone: str
    contacts: int
    #: When the first and the last of them run; None: their mailboxes are not connected, nobody can tell.
    first_at: datetime | None
    last_at: datetime | None


@dataclass(frozen=True, slots=True)
class Forecast(Tally):
    """What an enrollment would do: nothing of it is stored."""

    #: The zones that would start first come first.
    zones: tuple[ZoneForecast, ...]
    #: First steps by day (UTC).
    days: tuple[tuple[date, int], ...]
    #: One line a candidate: outcome, reason, and when the first step would run; the only file with addresses.
    plan: Path
    #: First steps by day as a picture; None: nobody would be enrolled.
    plot: Path | None
    #: Tokens that have no value, with how many contacts lack it, and the matrix of all; None: no token is missing.
    missing_tokens: tuple[tuple[str, int], ...] = ()
    matrix: Path | None = None
    #: Steps whose mails take files along: position, and in words what the step is.
    attachments: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Choice(Tally):
    """What would become of contacts in one of the sequences that they may be enrolled into."""

    title: str
    folder: str
    #: The cause in the first case of each code, by code; no address.
    details: Mapping[str, str]
