"""How often may one client ask?"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class Buckets:
    """A bucket of tokens for each client: full at first, filled again steadily. For one thread."""

    per_minute: int
    #: So many clients are remembered; who has asked least recently is forgotten first.
    most_clients: int = 10_000
    clock: Callable[[], float] = time.monotonic
    _levels: OrderedDict[str, tuple[float, float]] = field(default_factory=OrderedDict)

    def take(self, client: str) -> float:
        """Take a token; returns the seconds to wait if there is none, and 0 if there was."""
        level = self._level(client)
        self._keep(client, level - 1 if level >= 1 else level)
        return 0.0 if level >= 1 else (1 - level) * 60 / self.per_minute

    def charge(self, client: str, tokens: float) -> None:
        """Take tokens for something already done; the bucket may owe as many as it holds."""
        self._keep(client, max(self._level(client) - tokens, -self.per_minute))

    def _level(self, client: str) -> float:
        level, then = self._levels.get(client, (float(self.per_minute), self.clock()))
        return min(level + (self.clock() - then) * self.per_minute / 60, self.per_minute)

    def _keep(self, client: str, level: float) -> None:
        self._levels[client] = (level, self.clock())
        self._levels.move_to_end(client)
        if len(self._levels) > self.most_clients:
            self._levels.popitem(last=False)
