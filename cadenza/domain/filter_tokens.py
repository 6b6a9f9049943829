"""Which words and signs make up a filter?"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from cadenza.errors import FilterInvalid

#: What may stand between a field and its value, as messages say it.
OPERATORS: Final = "=, !=, <, <=, >, >=, contains, starts with, in (…), is empty, is not empty"
_TOKEN: Final = re.compile(
    r"""\s*(?:
      (?P<quoted>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    | (?P<symbol><=|>=|!=|<>|[=<>(),])
    | (?P<number>[-+]?\d+(?:\.\d+)?(?![\w.@:+-]))
    | (?P<word>[\w.@:+-]+)
    )""",
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Token:
    """A part of a filter: its kind, its text (without quotes), and where it starts, from 0."""

    kind: str
    text: str
    at: int


def tokens(expression: str) -> list[Token]:
    """The parts of an expression, and an ``end``.

    Raises:
        FilterInvalid: names the position of what is no part of a filter.
    """
    found_tokens, at = [], 0
    end = len(expression.rstrip())
    while at < end:
        match = _TOKEN.match(expression, at)
        if not match or match.lastgroup is None:
            at += len(expression[at:]) - len(expression[at:].lstrip())
            raise FilterInvalid(
                f"The filter is not understood at character {at + 1}: '{expression[at]}' is not part of a filter. "
                f"Put texts in quotes and close them; the operators are {OPERATORS}."
            )
        kind, found = match.lastgroup, match.group(match.lastgroup)
        if kind == "quoted":
            found = re.sub(r"\\(.)", r"\1", found[1:-1], flags=re.DOTALL)
        _check_characters(found, match.start(match.lastgroup))
        found_tokens.append(Token(kind, found, match.start(match.lastgroup)))
        at = match.end()
    found_tokens.append(Token("end", "", len(expression)))
    return found_tokens


def _check_characters(found: str, at: int) -> None:
    """Refuse what no database text can hold."""
    if "\x00" in found or any("\ud800" <= character <= "\udfff" for character in found):
        raise FilterInvalid(f"The filter has a character at {at + 1} that no text can hold: remove it.")
