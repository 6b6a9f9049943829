"""What holds for one contact of an enrollment, when its own options are laid over those of all?"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Passage:
    """One contact's passage as it was chosen."""

    start_position: int
    is_mail_first: bool
    #: None: as for all.
    time_zone: str | None = None
    send_at: datetime | None = None
    mailbox_id: int | None = None
    from_alias: str | None = None
    #: The tokens that contact or company must have a value for; None: those of the batch.
    needed: frozenset[str] | None = None
    #: As enrollments keep them.
    overrides: str | None = None
    token_values: str | None = None
    #: The refusal code and what is wrong, where the options make no sense.
    code: str | None = None
    problem: str = ""
