"""What was decided about a batch before any contact was looked at?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from cadenza.domain.batch import Batch
from cadenza.domain.enrollment import EnrollmentOptions


@dataclass(frozen=True, slots=True)
class Policy:
    """What an installation, or a person for one batch, may decide about the rules."""

    over_daily_limit: Literal["hold", "refuse"] = "hold"
    role_addresses: Literal["allow", "warn", "refuse"] = "warn"
    cooldown_days: int = 0
    batch_limit: int = 1_000_000

    def with_options(self, options: EnrollmentOptions) -> Policy:
        """This policy, where the options of a batch say nothing else."""
        return Policy(
            options.over_daily_limit or self.over_daily_limit,
            options.role_addresses or self.role_addresses,
            self.cooldown_days if options.cooldown_days is None else options.cooldown_days,
            self.batch_limit if options.batch_limit is None else options.batch_limit,
        )


@dataclass(frozen=True, slots=True)
class EnrollmentContext:
    """What the rules need to know beside the candidates."""

    batch: Batch
    policy: Policy = Policy()
    #: Places of each mailbox's day that earlier chunks took without being stored: a preflight carries them on.
    taken: Mapping[int, int] = field(default_factory=dict)

    @property
    def now(self) -> datetime:
        """The instant at which everybody in the batch is judged."""
        return self.batch.started_at
