"""What was asked for in one enrollment?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from cadenza.domain.enrollment import EnrollmentOptions, Segment
from cadenza.domain.overrides import Overrides
from cadenza.domain.sequence import Sequence, StepKind


@dataclass(frozen=True, slots=True)
class Batch:
    """One enrollment: what holds for all of its candidates."""

    #: None: a preflight, of which nothing is stored.
    id: int | None
    segment: Segment
    #: A user's handle, or ``CONTACT_OWNER``.
    sender: str
    options: EnrollmentOptions
    sequence_id: int
    sequence_version_id: int
    #: As the options change it for everybody.
    sequence: Sequence
    is_sequence_active: bool
    #: Candidates of the segment when the batch began, over all chunks.
    size: int
    started_at: datetime
    #: What is different for single contacts, by id: wins over the options, field by field.
    contact_overrides: Mapping[int, Overrides] = field(default_factory=dict)

    @property
    def start_position(self) -> int:
        """The step where contacts start that have none of their own."""
        return self.options.for_all.start_position or 1

    @property
    def step_count(self) -> int:
        """How many steps the sequence has."""
        return len(self.sequence.steps)

    @property
    def has_start(self) -> bool:
        """Whether the sequence has the step to start at."""
        return 1 <= self.start_position <= self.step_count

    @property
    def is_mail_first(self) -> bool:
        """Whether the contacts start with an email."""
        return self.has_start and self.sequence.step(self.start_position).kind is StepKind.EMAIL

    @property
    def segment_words(self) -> str:
        """Whom the batch is about, in words: a list's name, a filter, records, or how many chosen contacts."""
        if self.segment.records:
            return self.segment.records.words
        chosen = len(self.segment.contact_ids)
        return self.segment.name or self.segment.filter or f"{chosen:,} chosen contact{'' if chosen == 1 else 's'}"
