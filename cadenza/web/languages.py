"""In which language is a page?"""

from __future__ import annotations

from collections.abc import Iterable

#: What is said of languages beyond this many characters is not read.
LONGEST_HEADER = 300


def preferred(accept_language: str, available: Iterable[str], otherwise: str) -> str:
    """The language that a browser asks for most, among those we have; ``otherwise`` if it asks for none of them."""
    wishes: dict[str, float] = {}
    for wish in accept_language[:LONGEST_HEADER].split(","):
        name, _, parameters = wish.partition(";")
        language = name.strip().lower().partition("-")[0]
        if language in available:
            wishes[language] = max(_quality(parameters), wishes.get(language, 0.0))
    best = max(wishes, key=wishes.__getitem__, default=otherwise)
    return best if wishes.get(best) else otherwise


def _quality(parameters: str) -> float:
    """What stands behind ``q=``, from 0 to 1; nonsense counts as unwanted."""
    name, _, value = parameters.strip().partition("=")
    try:
        quality = float(value) if name.strip() == "q" else 1.0
    except ValueError:
        return 0.0
    return quality if 0 <= quality <= 1 else 0.0
