"""What came of an enrollment, and which errors were there?"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cadenza.domain.enrollment import Outcome


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
    cause: str
    remedy: str
    #: False: nothing went wrong, there was just nothing to do.
    is_error: bool = True


@dataclass(frozen=True, slots=True)
class Report:
    """The enrollment-error report of one batch: counts and where to read more, no addresses."""

    batch_id: int
    sequence: str
    #: The list's name, the filter, or how many chosen contacts.
    segment: str
    sender: str
    enrolled: int
    held: int
    refused: int
    #: The most frequent reason first.
    by_code: tuple[RefusalCount, ...]
    #: One line a contact with an error or a warning; the only file with addresses.
    errors: Path
    #: A page for the browser, readable without a network.
    data_docs: Path
    #: Refusals by code as a picture; None: there are none.
    plot: Path | None

    @property
    def candidates(self) -> int:
        """Everybody who was looked at: each is exactly one of enrolled, held and refused."""
        return self.enrolled + self.held + self.refused
