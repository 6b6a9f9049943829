"""Is there anything to do for the rules of sequences? One process at a time looks after them."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cadenza.errors import DatabaseUnavailable
from cadenza.runtime import Runtime, current
from cadenza.store import database, firings, signals

logger = logging.getLogger(__name__)

#: The pause between two looks at what came in, and between two looks for what nobody tells: lists, properties, events.
ROUND_SECONDS = 1.0
LOOK_SECONDS = 15.0

#: Looks for signals that nobody sends; told the instant, and whether everything is to be compared.
Look = Callable[[datetime, bool], int]


@dataclass(frozen=True, slots=True)
class Automated:
    """What one run of automate did."""

    signals: int = 0
    enrolled: int = 0
    refused: int = 0
    unenrolled: int = 0

    def __add__(self, other: Automated) -> Automated:
        return Automated(
            self.signals + other.signals,
            self.enrolled + other.enrolled,
            self.refused + other.refused,
            self.unenrolled + other.unenrolled,
        )


@dataclass
class Shift:
    """A time in which this process looks after the rules, unless another one does."""

    runtime: Runtime
    seconds: float
    total: Automated = field(default_factory=Automated)
    until: float = 0.0
    looked_at: float | None = None

    def rounds(self, *looks: Look) -> Iterator[datetime]:
        """The instant of each round in which something waits, until the time is over and nothing is left to do.

        Ends at once if no rule is on and nothing came in.
        """
        self.until = time.monotonic() + self.seconds
        while True:
            with firings.alone(self.runtime.engine) as is_alone:
                while is_alone and self._is_needed():
                    before = self.total
                    if self._waits(looks):
                        yield self.runtime.clock.now()
                    if self.total == before:
                        if self._is_over():
                            return
                        time.sleep(ROUND_SECONDS)
            if self._is_over() or is_alone:
                return
            time.sleep(ROUND_SECONDS)

    def add(self, done: Automated) -> None:
        """Count what a round did."""
        self.total += done

    def _is_over(self) -> bool:
        return time.monotonic() >= self.until

    def _is_needed(self) -> bool:
        with database.transaction(self.runtime.engine) as connection:
            return firings.is_any_rule_on(connection) or signals.anything_new(connection)

    def _waits(self, looks: tuple[Look, ...]) -> bool:
        now = self.runtime.clock.now()
        try:
            if self.looked_at is None or time.monotonic() - self.looked_at >= LOOK_SECONDS:
                for look in looks:
                    look(now, self.looked_at is None)
                self.looked_at = time.monotonic()
            with database.transaction(self.runtime.engine) as connection:
                return signals.anything_new(connection) or firings.anything_due(connection, now)
        except DatabaseUnavailable:
            logger.warning("the database is away: automation goes on when it is back")
            return False


def begin_shift(seconds: float | None) -> Shift:
    """A shift of so many seconds; None: as long as the settings say."""
    runtime = current()
    with database.transaction(runtime.engine) as connection:
        kept_since = runtime.clock.now() - timedelta(days=runtime.settings.events_kept_days)
        signals.forget_signals(connection, kept_since)
    return Shift(runtime, runtime.settings.automate_seconds if seconds is None else seconds)


def finish_shift(shift: Shift) -> Automated:
    """Say what the shift brought."""
    done = shift.total
    logger.info(
        "%d signals: %d contacts enrolled, %d refused, %d unenrolled",
        done.signals, done.enrolled, done.refused, done.unenrolled,
    )  # fmt: skip
    return done
