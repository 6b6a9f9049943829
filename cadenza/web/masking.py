"""How are people named to somebody who may be somebody else?"""

from __future__ import annotations

import unicodedata

DOTS = "•••"
LONGEST_NAME = 60


def masked(address: str) -> str:
    """An address that its owner knows again and nobody else learns: ``k•••@c•••.example``."""
    local, _, domain = plain(address).rpartition("@")
    host, dot, top = domain.rpartition(".")
    return f"{local[:1]}{DOTS}@{(host or top)[:1]}{DOTS}{dot}{top if host else ''}"


def plain(name: str) -> str:
    """A name in one line of ordinary length, without characters that act instead of being seen."""
    seen = "".join(
        " " if character.isspace() else character
        for character in name
        if character.isspace() or unicodedata.category(character)[0] != "C"
    )
    words = " ".join(seen.split())
    return words if len(words) <= LONGEST_NAME else f"{words[: LONGEST_NAME - 1]}…"
