"""Which enhanced status, and hard or soft, does a report come to for one recipient?

Hard: nobody is there and nobody will be, so that the address is worth no further mail. Soft: everything else, it may be
refused for good or not: this mail, this sender, this hour. An enhanced status (RFC 3463) that says something counts
as it stands; one that says nothing ("5.0.0"), or none, is replaced by what the words mean.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from cadenza.domain.incoming import BounceKind
from cadenza.mail.incoming.meanings import Meaning, meaning_of

_ENHANCED: Final = re.compile(r"(?<![\d.])([245])\.([0-7])\.(\d{1,3})(?![\d]|\.\d)")
#: Behind a reply code, a "#" or a bracket, where no version of a program stands.
_PLACED: Final = re.compile(
    r"(?:\b[45]\d\d[ \-:]{1,2}[#(\[]?|#|\(|\[|status:? {0,2})([45]\.[0-7]\.\d{1,3})(?!\d|\.\d)", re.IGNORECASE
)
#: A reply code that is followed, or introduced, as servers do it: "550 5.1.1", "550-", "said: 550", "(#550)".
_REPLY: Final = re.compile(
    r"(?:^|[\n:;(\"'#>\]]|\bcode|\berror|\bsaid|\breply|\bresponse|\bsmtp)[\s#(\"'=]{0,4}([45][0-57]\d)"
    r"(?=[\s:\-#)(]{1,3}\S)|\b([45][0-57]\d)[ \-]#?[245]\.\d\.\d",
    re.IGNORECASE,
)
_LONGEST_SENTENCE: Final = 600
_LONGEST_FIELD: Final = 200
_MOST: Final = 20
_EVERYTHING: Final = 2
#: Statuses by which nobody is there: RFC 3463 X.1.1 to X.1.6, null MX, disabled, no route to the domain.
_HARD: Final = frozenset({"1.0", "1.1", "1.2", "1.3", "1.4", "1.5", "1.6", "1.9", "1.10", "2.1", "4.4"})
#: What a reply code alone (RFC 5321, 4.2.3) says.
_OF_REPLY: Final = {
    "421": "4.3.2", "450": "4.2.0", "451": "4.3.0", "452": "4.3.1", "455": "4.5.4",
    "500": "5.5.2", "501": "5.5.4", "502": "5.5.1", "503": "5.5.1", "504": "5.5.4",
    "521": "5.3.2", "523": "5.3.4", "530": "5.7.0", "535": "5.7.8", "541": "5.7.1", "556": "5.1.10",
    "550": "5.0.0", "551": "5.1.6", "552": "5.2.2", "553": "5.1.3", "554": "5.0.0", "555": "5.5.4",
}  # fmt: skip


class Words:
    """Some words of a report, read once."""

    def __init__(self, text: str) -> None:
        self.text = text

    @cached_property
    def reply(self) -> str | None:
        """The first reply code of a server."""
        found = _REPLY.search(self.text)
        return found[1] or found[2] if found else None

    @cached_property
    def status(self) -> str | None:
        """The first of the statuses that say most; first those that stand where servers put them."""
        placed = [found[1] for found in _PLACED.finditer(self.text)]
        found = placed or [found[0] for found in _ENHANCED.finditer(self.text) if found[1] != "2"]
        return max(found[:_MOST], key=_says, default=None)

    @cached_property
    def meanings(self) -> list[Meaning]:
        """What the remote server's own sentence means, behind its reply code, and what all of the words mean."""
        found = _REPLY.search(self.text)
        sentence = self.text[found.start() : found.start() + _LONGEST_SENTENCE].split("\n\n")[0] if found else ""
        return [meaning for words in (sentence, self.text) if words.strip() and (meaning := meaning_of(words))]


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a report comes to for one recipient."""

    kind: BounceKind
    status: str
    #: Why, in words that hold nothing of the mail.
    because: str


def judge(field: str, said: Sequence[Words], *, is_delay: bool) -> Judgement:
    """Weigh a status field and the words of a report, the nearest to the recipient first."""
    said = [words for words in said if words.text.strip()]
    reported = _first_enhanced(field)
    nearest = said[0].status if said else None
    exact = max((code for code in (reported, nearest) if code), key=_says, default=None)
    reply = next((words.reply for words in said if words.reply), None)
    # An exact status is doubted for the words about this recipient only.
    meaning = _meaning(said[:1] if exact and _says(exact) == _EVERYTHING else said)
    if not exact or _says(exact) == 0:
        by_words = _derived(meaning, exact, reply, is_delay=is_delay)
        status = by_words or exact or ("4.0.0" if is_delay else "5.0.0")
        because = f"the words say: {meaning.name}" if meaning and by_words else "no exact status, no telling words"
    else:
        status = exact
        because = f"status {status} {'reported' if exact == reported else 'in the words'}"
        if meaning and not meaning.is_vague:
            because += f"; the words say: {meaning.name}"
    if is_delay and status[0] == "5":
        status = f"4{status[1:]}"
    kind = BounceKind.HARD if not is_delay and _is_hard(status, exact, meaning) else BounceKind.SOFT
    return Judgement(kind, status, because)


def _is_hard(status: str, exact: str | None, meaning: Meaning | None) -> bool:
    if status[0] != "5":
        return False
    if meaning and meaning.is_vague and exact and _says(exact):
        return status[2:] in _HARD or (meaning.is_hard and status[2] in "1345")
    return meaning.is_hard if meaning else status[2:] in _HARD


def _meaning(said: Sequence[Words]) -> Meaning | None:
    """What the nearest words mean; vague ones count only where none farther off are better."""
    found = [meaning for words in said for meaning in words.meanings]
    return next((meaning for meaning in found if not meaning.is_vague), found[0] if found else None)


def _derived(meaning: Meaning | None, exact: str | None, reply: str | None, *, is_delay: bool) -> str | None:
    """A status from the words, else from the reply code."""
    of_reply = _OF_REPLY.get(reply) if reply else None
    if meaning is None or (meaning.is_vague and reply and reply[0] == "4"):
        return of_reply if of_reply and _says(of_reply) else None
    first = exact[0] if exact else reply[0] if reply else "4" if is_delay else str(meaning.usual_class)
    return f"{first}.{meaning.detail}"


def _says(code: str) -> int:
    """How much a status says: 0 nothing but its class, 1 its subject, 2 everything."""
    _, subject, detail = code.split(".")
    return 0 if subject == "0" else 1 if detail == "0" else _EVERYTHING


def _first_enhanced(text: str) -> str | None:
    found = _ENHANCED.search(text[:_LONGEST_FIELD])
    return found[0] if found and found[1] != "2" else None
