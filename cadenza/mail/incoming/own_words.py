"""Which words of a mail did the person write now, above the quoted mail with our own unsubscribe link?"""

from __future__ import annotations

import re
from typing import Final

from cadenza.mail.incoming.html_text import QUOTATION
from cadenza.mail.incoming.phrases import Phrases, plain

_MOST_LINES: Final = 300
_LONGEST: Final = 6_000

#: Lines after which only quoted mail stands.
_BEGINS_QUOTE: Final = Phrases(
    r"""
[-_=*>\s]{2,}(original|ursprüngliche|originale|oorspronkelijk|oryginalna|urspr|opprinnelig|oprindelig|alkuperainen|
    исходное) ?-?(message|nachricht|appointment|mail|bericht|wiadomosc|meddelelse|meddelande|viesti|сообщение)
[-_=*>\s]{2,}(message|mensaje|mensagem|messaggio|courriel|e-mail|email) (d'origine|original|originale|initial|
    transfere|transmis|reenviado|encaminhada|inoltrato|precedent)
[-_=*>\s]{2,}(forwarded|weitergeleitete|doorgestuurd|przekazana)
[-_=*>\s]{2,}(reply|antwort|reponse) (message|above|oberhalb)
begin forwarded message
anfang der weitergeleiteten
debut du (message|mail) (reexpedie|transfere)
(on|am|le|el|il|op|em|w dniu|dnia|den|vk|a) .{0,80}[0-9@].{0,120}(wrote|schrieb|a ecrit|escribio|ha scritto|schreef|
    escreveu|pisze|napisal[^ ]*|skrev|kirjoitti|geschreven) ?:?$
(on|am|le|el|il|op|em|w dniu|dnia|den) .{0,80}[0-9@].{0,80}(wrote|schrieb|escribio|schreef|escreveu|pisze|
    napisal[^ ]*|skrev) .{0,120}:$
.{0,120}[ >)](wrote|schrieb|a ecrit|escribio|ha scritto|schreef|escreveu|napisal[^ ]*|skrev) ?:$
(wrote|schrieb|a ecrit|escribio|ha scritto|schreef|escreveu) ?:$
[0-9]{1,4}[-./][0-9]{1,2}[-./][0-9]{1,4}.{0,60}<[^>]+@[^>]+>[^ ]{0,4}:?$
[*_]*(from|von|de|da|van|od|fra|fran|от|lahettaja)[*_]*\s?:[*_]* .{0,120}(@|<|\[mailto)
_{20,}$
-{20,}$
={20,}$
> ?\[quotation\]
"""
)
#: Fields of the block that Outlook puts above a quoted mail.
_FIELD: Final = Phrases(
    r"""
[*_]*(from|sent|date|to|subject|cc)[*_]*\s?:
[*_]*(von|gesendet|datum|an|betreff)[*_]*\s?:
[*_]*(de|envoye|date|a|objet|enviado|fecha|para|asunto|assunto|data)[*_]*\s?:
[*_]*(da|inviato|oggetto|van|verzonden|aan|onderwerp)[*_]*\s?:
[*_]*(od|wyslano|wyslane|do|temat|data)[*_]*\s?:
"""
)
_OPENS_FIELDS: Final = re.compile(r"[*_>\s]*(?:from|von|de|da|van|od|fra|från)[*_]*\s?:", re.I)
_SIGNATURE: Final = re.compile(
    r"--\s?$|__+$|sent from my |gesendet (?:von|mit) |envoyé (?:de|depuis) |enviado desde |inviato da ", re.I
)


def own_words(text: str) -> str:
    """The words above the quoted mail, without quoted lines and without what stands below a signature's dashes."""
    lines = text[: 4 * _LONGEST].split("\n")[:_MOST_LINES]
    own: list[str] = []
    for number, line in enumerate(lines):
        bare = line.strip()
        if bare.startswith((">", "|")) and bare != QUOTATION.strip():
            continue
        if bare and (_begins_quote(bare, lines[number + 1 : number + 2]) or _is_fields(lines[number : number + 5])):
            break
        if _SIGNATURE.match(bare) and own:
            break
        own.append(bare)
    return "\n".join(own).strip()[:_LONGEST]


def _begins_quote(line: str, following: list[str]) -> bool:
    """Whether a quotation begins here; "On … wrote:" may be broken over two lines."""
    words = plain(line[:300])
    return _BEGINS_QUOTE.starts(words) or (
        bool(following) and _BEGINS_QUOTE.starts(plain(f"{line[:200]} {following[0][:100]}")) and words[:2] in _OPENERS
    )


#: The first letters of "On Monday, … wrote:" in several languages.
_OPENERS: Final = frozenset({"on", "am", "le", "el", "il", "op", "em", "w ", "dn", "de"})


def _is_fields(lines: list[str]) -> bool:
    if not _OPENS_FIELDS.match(lines[0]):
        return False
    return sum(1 for line in lines if _FIELD.starts(plain(line.strip()[:120]))) >= 3
