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

    ``taken`` are the instants of the mails before it, sorted: no mail overtakes another.
    """
    slot = max(earliest, taken[-1]) if taken else earliest
    for limit in limits:
        if len(taken) >= limit.count:
            slot = max(slot, taken[-limit.count] + timedelta(seconds=limit.seconds))
    return slot


def admit(limits: Sequence[Limit], taken: Iterable[int], due: Iterable[int]) -> list[int]:
    """When each of many mails is let go, in the order of their due instants: microseconds, sorted.

    Exact and greedy: each goes at its due instant, or as soon as every limit allows. ``taken`` are the instants of
    mails before them, sorted.
    """
    slots = list(taken)
    before = len(slots)
    rules = [(limit.count, limit.seconds * 1_000_000) for limit in limits]
    for earliest in due:
        slot = max(earliest, slots[-1]) if slots else earliest
        for count, span in rules:
            if len(slots) >= count:
                slot = max(slot, slots[-count] + span)
        slots.append(slot)
    return slots[before:]
