"""How many mails may a mailbox send, and when is the next one free?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Limit:
    """At most ``count`` in any ``seconds``: a rolling window, not a calendar one."""

    count: int
    seconds: int


def free_slot(limits: Sequence[Limit], taken: Sequence[datetime], earliest: datetime) -> datetime:
    """The first instant from ``earliest`` on at which one more mail keeps every limit.

    ``taken`` are the instants of mails before it, sorted; none is later than the slot that is looked for.
    """
    slot = earliest
    for limit in limits:
        if len(taken) >= limit.count:
            slot = max(slot, taken[-limit.count] + timedelta(seconds=limit.seconds))
    return slot


def admit(limits: Sequence[Limit], taken: Iterable[float], due: Iterable[float]) -> list[float]:
    """When each of many mails is let go, in the order of their due instants (seconds, sorted).

    Exact and greedy: each goes at its due instant, or as soon as every limit and the order allow. ``taken`` are the
    instants of mails before them, sorted.
    """
    slots = list(taken)
    before = len(slots)
    rules = [(limit.count, float(limit.seconds)) for limit in limits]
    last = slots[-1] if slots else float("-inf")
    for slot in due:
        if slot < last:
            slot = last
        filled = len(slots)
        for count, seconds in rules:
            if filled >= count:
                free = slots[filled - count] + seconds
                if free > slot:
                    slot = free
        slots.append(slot)
        last = slot
    return slots[before:]
