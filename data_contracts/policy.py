"""What was decided about a batch before any contact was looked at?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from typing import Any, Literal, Protocol

from cadenza.domain.batch import Batch
from cadenza.domain.enrollment import EnrollmentOptions


@dataclass(frozen=True, slots=True)
class Policy:
    """What an installation, or a person for one batch, may decide about the rules."""

    over_daily_limit: Literal["hold", "refuse"] = "hold"
    role_addresses: Literal["allow", "warn", "refuse"] = "warn"
    cooldown_days: int = 0
    batch_limit: int = 1_000_000


class Defaults(Protocol):
    """The installation's own policy: its settings."""

    over_daily_limit: Literal["hold", "refuse"]
    role_addresses: Literal["allow", "warn", "refuse"]
    cooldown_days: int
    batch_limit: int


def policy_of(settings: Defaults, options: EnrollmentOptions | Mapping[str, Any]) -> Policy:
    """The policy of a batch: what its options say, else the installation's settings."""
    chosen = options if isinstance(options, Mapping) else asdict(options)
    names = [one.name for one in fields(Policy)]
    return Policy(**{name: getattr(settings, name) if chosen.get(name) is None else chosen[name] for name in names})


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
