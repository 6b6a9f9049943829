"""How often may somebody ask?"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class Buckets:
    """A bucket of tokens for each name: full at first, filled again steadily. For one thread."""

    per_minute: int
    #: So many names are remembered; who has asked least recently is forgotten first.
    most_names: int = 10_000
    clock: Callable[[], float] = time.monotonic
    _levels: OrderedDict[str, tuple[float, float]] = field(default_factory=OrderedDict)

    def take(self, name: str) -> float:
        """Take a token; returns the seconds to wait if there is none, and 0 if there was."""
        wait = self.wait(name)
        level = self._level(name)
        self._keep(name, level if wait else level - 1)
        return wait

    def wait(self, name: str) -> float:
        """The seconds until there is a token again; 0 if there is one."""
        level = self._level(name)
        return 0.0 if level >= 1 else (1 - level) * 60 / self.per_minute

    def charge(self, name: str, tokens: float) -> None:
        """Take tokens for something already done; the bucket may owe as many as it holds."""
        self._keep(name, max(self._level(name) - tokens, -self.per_minute))

    def _level(self, name: str) -> float:
        level, then = self._levels.get(name, (float(self.per_minute), self.clock()))
        return min(level + (self.clock() - then) * self.per_minute / 60, self.per_minute)

    def _keep(self, name: str, level: float) -> None:
        self._levels[name] = (level, self.clock())
        self._levels.move_to_end(name)
        if len(self._levels) > self.most_names:
            self._levels.popitem(last=False)
