"""How many mails may a mailbox send, and when is the next one free?"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limit:
    """At most ``count`` in any ``seconds``: a rolling window, not a calendar one."""

    count: int
    seconds: int
