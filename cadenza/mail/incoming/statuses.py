"""Which enhanced status, and hard or soft, does a report come to for one recipient?

Hard: nobody is there and nobody will be, so that the address is worth no further mail. Soft: everything else, it may be
refused for good or not: this mail, this sender, this hour. An enhanced status (RFC 3463) that says something counts
as it stands; one that says nothing ("5.0.0"), or none, is replaced by what the words mean.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
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
#: Statuses by which nobody is there: RFC 3463 X.1.1 to X.1.6, null MX, disabled, no route to the domain.
_HARD: Final = frozenset({"1.0", "1.1", "1.2", "1.3", "1.4", "1.5", "1.6", "1.9", "1.10", "2.1", "4.4"})
#: What a reply code alone (RFC 5321, 4.2.3) says.
_OF_REPLY: Final = {
    "421": "4.3.2", "450": "4.2.0", "451": "4.3.0", "452": "4.3.1", "455": "4.5.4",
    "500": "5.5.2", "501": "5.5.4", "502": "5.5.1", "503": "5.5.1", "504": "5.5.4",
    "521": "5.3.2", "523": "5.3.4", "530": "5.7.0", "535": "5.7.8", "541": "5.7.1", "556": "5.1.10",
    "550": "5.0.0", "551": "5.1.6", "552": "5.2.2", "553": "5.1.3", "554": "5.0.0", "555": "5.5.4",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a report comes to for one recipient."""

    kind: BounceKind
    status: str
    #: Why, in words that hold nothing of the mail.
    because: str


def judge(field: str, diagnostic: str, context: str = "", *, is_delay: bool = False) -> Judgement:
    """Weigh a status field, the server's words about the recipient, and the words around them."""
    reported = _first_enhanced(field)
    said = _best_enhanced(diagnostic) or (_best_enhanced(context) if not diagnostic.strip() else None)
    reply = _reply(diagnostic) or _reply(context)
    exact = max((code for code in (reported, said) if code), key=_says, default=None)
    meaning = _meaning(diagnostic, "" if exact and _says(exact) == 2 and diagnostic.strip() else context)
    if not exact or _says(exact) == 0:
        by_words = _derived(meaning, exact, reply, is_delay=is_delay)
        status = by_words or exact or ("4.0.0" if is_delay else "5.0.0")
        source = f"the words say: {meaning.name}" if meaning and by_words else "no exact status, no telling words"
    else:
        status = exact
        source = f"status {status} {'reported' if exact == reported else 'in the words'}"
        if meaning and not meaning.is_vague:
            source += f"; the words say: {meaning.name}"
    if is_delay and status[0] == "5":
        status = f"4{status[1:]}"
    kind = BounceKind.HARD if not is_delay and _is_hard(status, exact, meaning) else BounceKind.SOFT
    return Judgement(kind, status, source)


def _is_hard(status: str, exact: str | None, meaning: Meaning | None) -> bool:
    if status[0] != "5":
        return False
    if meaning and meaning.is_vague and exact and _says(exact):
        return status[2:] in _HARD or (meaning.is_hard and status[2] in "1345")
    return meaning.is_hard if meaning else status[2:] in _HARD


def _meaning(diagnostic: str, context: str) -> Meaning | None:
    """What the nearest words mean: the server's own, those about the recipient, those around.

    Vague ones count only where none farther off are better.
    """
    vague = None
    for words in (_server_words(diagnostic), diagnostic, _server_words(context), context):
        meaning = meaning_of(words) if words.strip() else None
        if meaning and not meaning.is_vague:
            return meaning
        vague = vague or meaning
    return vague


def _server_words(text: str) -> str:
    """What follows the first reply code in some words, which is the remote server's own sentence."""
    found = _REPLY.search(text)
    return text[found.start() : found.start() + _LONGEST_SENTENCE].split("\n\n")[0] if found else ""


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
    return 0 if subject == "0" else 1 if detail == "0" else 2


def _first_enhanced(text: str) -> str | None:
    found = _ENHANCED.search(text[:200])
    return found[0] if found and found[1] != "2" else None


def _best_enhanced(text: str) -> str | None:
    """The first of the statuses in some words that say most; first those that stand where servers put them."""
    placed = [found[1] for found in _PLACED.finditer(text)][:20]
    return max(
        placed or [found[0] for found in _ENHANCED.finditer(text) if found[1] != "2"][:20], key=_says, default=None
    )


def _reply(text: str) -> str | None:
    found = _REPLY.search(text)
    return found[1] or found[2] if found else None
