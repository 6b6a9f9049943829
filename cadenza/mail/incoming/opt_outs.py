"""Does a person ask to be written to no more?"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from cadenza.mail.incoming import opt_out_words
from cadenza.mail.incoming.mime import Mail
from cadenza.mail.incoming.phrases import plain

_SHORT: Final = 60
_LONGEST: Final = 1_500

#: The mail that a List-Unsubscribe address of ours asks for; behind a space, signs belong to the token.
_WITH_TOKEN: Final = re.compile(r"\s*unsubscribe(?:\s+|\s*[:+_-]+\s*)([\w-]{16,128})\s*", re.I)
_PREFIX: Final = re.compile(r"(?:(?:re|aw|antw|sv|rv|r|odp|res)\s*:\s*)+", re.I)


@dataclass(frozen=True, slots=True)
class OptOut:
    """A wish to be written to no more."""

    token: str | None
    because: str


def asked_by_link(mail: Mail) -> OptOut | None:
    """The opt-out by the mail that our List-Unsubscribe header asks for."""
    found = _WITH_TOKEN.fullmatch(mail.header("subject")[:300])
    return OptOut(found[1], "the subject of a List-Unsubscribe address") if found else None


def asked_in_words(mail: Mail, own: str) -> OptOut | None:
    """The opt-out in a person's own new words, or in a subject that says nothing else."""
    subject = plain(_PREFIX.sub("", mail.header("subject")[:200]))
    words = plain(own[:_LONGEST])
    if opt_out_words.BARE.fullmatch(subject) and len(words) < _SHORT and subject.strip(".! ") != "stop":
        return OptOut(None, "the subject asks for it")
    if opt_out_words.NOT_ASKS.first(words):
        return None
    if any(
        opt_out_words.BARE.fullmatch(plain(line)) for line in own[:_LONGEST].split("\n")[:8] if 0 < len(line) < _SHORT
    ):
        return OptOut(None, "a line says nothing else")
    if opt_out_words.ASKS.first(words):
        return OptOut(None, "own words ask for it")
    return None
