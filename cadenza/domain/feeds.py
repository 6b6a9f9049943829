"""What comes in from another system, and how far is it?"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

#: Fewer rows say nothing about the source they come from: a single changed contact may well have no address.
LEAST_TO_JUDGE: Final = 100


@dataclass(frozen=True, slots=True)
class Feed:
    """All contacts of a connector, or one of its lists, that come onto a static list here: one pass after another."""

    connector: str
    list_name: str
    #: The list over there; None: all contacts.
    remote_list: str | None
    #: This pass reads everything, so whoever does not come is not there any more.
    is_whole: bool
    #: Behind what was imported last; None: at the beginning.
    cursor: str | None
    began_at: datetime
    #: None: the pass is under way.
    ended_at: datetime | None = None
    #: What the pass did: rows, imported, merged, rejected, barred, removed.
    counts: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Stretch:
    """From where to where some rows of a feed are."""

    feed: Feed
    begins: str | None
    ends: str | None
    #: Its rows are the first of all: they tell whether the right columns were chosen.
    is_first: bool


@dataclass(frozen=True, slots=True)
class Owner:
    """A user of the other system whose contacts come in."""

    email: str
    name: str


@dataclass(frozen=True, slots=True)
class SyncReport:
    """What a sync did: with each feed, and with the owners that were asked for."""

    feeds: tuple[Feed, ...]
    new_users: tuple[str, ...] = ()


def handles_for(owners: Iterable[Owner], taken: Iterable[str]) -> dict[str, Owner]:
    """A handle for each owner: the address's local part, with the domain where somebody has that one already."""
    used, handles = set(taken), dict[str, Owner]()
    for owner in owners:
        local, _, domain = owner.email.lower().partition("@")
        for candidate in (_slug(local), _slug(f"{local}.{domain}")):
            if candidate and candidate not in used:
                used.add(candidate)
                handles[candidate] = owner
                break
    return handles


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9._-]+", "-", text).strip("._-")
