"""Does a text say one of some phrases? Found in linear time, whoever wrote the text."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import Final

import re2

_MARKS: Final = re.compile(r"[\u0300-\u036f]")
#: An umlaut, which some write as "ue".
_UMLAUT: Final = re.compile(r"([aou])\u0308")
_APOSTROPHES: Final = re.compile("[’‘`´]")
_QUOTES: Final = re.compile("[“”„]")
#: Signs that are escaped or in a class.
_NO_BRACKETS: Final = re.compile(r"\\.|\[\^?.[^\]]*\]")
#: The rest of a word, and at most six words.
_SOME_WORDS: Final = "[^ ]* (?:[^ ]+ ){0,6}?"


def plain(text: str) -> str:
    """Words to compare: lower case, no accents, straight quotes, single spaces."""
    text = text.lower()
    if not text.isascii():
        text = _bare(_QUOTES.sub('"', _APOSTROPHES.sub("'", text)).replace("–", "-"))
    return " ".join(text.split())


def _bare(text: str) -> str:
    return _MARKS.sub("", unicodedata.normalize("NFKD", text.replace("ß", "ss").replace("ł", "l").replace("ø", "o")))


_OPTIONS: Final = re2.Options()
# It says so on the standard error when a mean text makes it slower.
_OPTIONS.log_errors = False


class Phrases:
    """Phrases, one a line, in lower case: ``mailbox … (full|over)``; a line goes on while a bracket is open.

    ``…`` stands for at most six words, ``(a|b)`` and the other signs are RE2's. A phrase begins where a word begins;
    at its end and before ``…`` a word may go on: ``exceed`` fits "exceeded", ``full\\b`` does not fit "fully".
    """

    def __init__(self, lines: str) -> None:
        self._pattern = re2.compile("|".join(map(_pattern, _joined(lines))), _OPTIONS)

    def first(self, words: str) -> str | None:
        """The first of them in plain words, as it stands there."""
        found = self._pattern.search(words)
        return str(found[0]) if found else None

    def starts(self, words: str) -> bool:
        """Whether plain words begin with one of them."""
        return self._pattern.match(words) is not None

    def places(self, words: str) -> Iterator[tuple[int, int]]:
        """Where they stand in plain words."""
        return (found.span() for found in self._pattern.finditer(words))


def _joined(lines: str) -> Iterator[str]:
    phrase = ""
    for line in lines.split("\n"):
        phrase += line.removeprefix("    ").rstrip()
        brackets = _NO_BRACKETS.sub("", phrase)
        if phrase and brackets.count("(") == brackets.count(")"):
            yield phrase
            phrase = ""
    if phrase:
        raise ValueError(f"a bracket is open in {phrase!r}")


def _pattern(line: str) -> str:
    phrase = _bare(_UMLAUT.sub(r"\1e?", unicodedata.normalize("NFD", line)))
    if phrase.count("...") != phrase.count(" ... "):
        raise ValueError(f"a space belongs on both sides of … in {line!r}")
    phrase = re.sub(r"(?<!\\)\((?!\?)", "(?:", phrase.replace(" ... ", _SOME_WORDS))
    begins_word = r"\b" if re.match(r"[a-z0-9]|\(\?:[a-z0-9]", phrase) else ""
    return f"{begins_word}(?:{phrase})"
