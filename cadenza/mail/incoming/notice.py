"""Of a report in plain words: where does the report end and the returned mail begin, and whom does it name?"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

import re2

from cadenza.mail.incoming.headers import ADDRESS, normalized
from cadenza.mail.incoming.phrases import Phrases, plain

_LONGEST_NOTICE: Final = 16_000
_MOST_LINES: Final = 400
_MOST_RECIPIENTS: Final = 50

#: Lines after which the returned mail stands.
_RETURNED: Final = Phrases(
    r"""
[-=_*\s]*(below|under) (this|the next) line is a copy
[-=_*\s]*(this is |here is |included is |attached is |a )?(a |the )?(copy|header|headers|text|summary|beginning|
    first [0-9]+ lines|part) of (your|the|this) (original |undelivered |returned |source |failed )?(message|mail|
    e-mail)
[-=_*\s]*(the |your )?(original|returned|undelivered|unsent|source|rejected|bounced|failed|old|
    undeliverable) (message|mail|e-mail)( header| headers| text)?s?( as received)?( is| are)?( as)?( follow|:|
     below| is enclosed| enclosed| attached)
[-=_*]{2,}\s*(the |your )?(original|returned|undelivered|unsent|source|rejected|bounced|failed|old|
    undeliverable) (message|mail|e-mail)( header| headers| text)?s?[-=_ ]*$
[-=_*\s]*start of (the )?(original|returned)
[-=_*\s]*(message|mail)( header| text| headers| body| contents?)? follow
[-=_*\s]*(the )?(first|part) .* of (your|the) .*(message|mail) follow
[-=_*\s]*(your|the) (message|mail) (reads|began|begins|was as follows)
[-=_*\s]*(header|headers) of the (source|original)
[-=_*\s]*forwarded message[-=_ ]*$
[-=_*\s]*(here is your )?returned (mail|message)
[-=_*\s]*(message|original|full|complete) headers?:?[-=_ ]*$
[-=_*\s]*(ursprüngliche|originale?|originalnachricht|ihre|unzustellbare) ?(nachricht|mail|e-mail)?( folgt|:|
    [-=_ ]+$)
[-=_*\s]*(es folgt|kopie der|kopie ihrer|nachfolgend|im folgenden) .*(nachricht|mail)
[-=_*\s]*(message|courriel) (d'origine|original)
[-=_*\s]*(copie|en-tetes?) (du|de votre|de ce) (message|courriel)
[-=_*\s]*(mensaje|correo) original
[-=_*\s]*(mensagem|e-mail) original
[-=_*\s]*messaggio original
[-=_*\s]*(oorspronkelijk|origineel) bericht
[-=_*\s]*(oryginalna|pierwotna) wiadomosc
[-=_*\s]*(исходное|оригинал|копия) .*(сообщени|письм)
[^ ]*(原メール|元のメッセージ|原邮件|原信件|原始邮件|原始郵件|原郵件|信件的原文)
"""
)
_HEADER_LINE: Final = re.compile(r"[>\s|]*(?:return-path|received|delivered-to|x-envelope-from|mime-version): ", re.I)
#: Lines whose addresses are not the recipient's.
_OTHERS: Final = Phrases(
    r"""
[>\s*]*(from|sender|reply-to|reply to|message-?id|in-reply-to|references|date|cc|subject|von|de|van|da)\s*[:=]
[^@]*mail from\s*[:=]
.*(contact|please (e-?mail|write|mail|send|call)|help|support|assistance|postmaster|administrator|abuse|questions?|
    problems? to)[^@]*@
.*(forward|original sender|sent by|message sent from|from sender|on behalf)[^@]*@
"""
)
_NOBODY: Final = re.compile(r"(?:postmaster|mailer-daemon|abuse|mail-daemon|majordomo|listserv|noc|hostmaster)@")
#: The returned mail's own recipients, which need not be those that failed.
_TO: Final = re.compile(r"[>\s*]*to\s*:", re.I)
_FROM: Final = re.compile(r"(?:\bfrom|\bvon|\bsender|\bby)\W{1,4}$", re.I)
#: A line that names a recipient and hardly anything else. By RE2: what may stand before and behind overlaps.
_NAMED_ALONE: Final = re2.compile(
    r"[\s*>•\-\"'<(\[]*[^\s<>\"'()]+@[^\s<>\"'()]+[\s>\"')\].:;,]*(?:\([^)]*\))?[\s:.,;]*"
)
_INTRODUCED: Final = Phrases(
    r"""
[^@]*(rcpt to|recipient|recipients|addressee|address|undeliver[^ ]*|deliver[^ ]*|failed|fail|user|mailbox|error-for|
    to|for|an|a|para|per|aan|empfänger|destinataire|destinatario|pour|do|odbiorca|адрес[^ ]*|получател[^ ]*|account|
    unknown)\b[^@]{0,30}@
[^@]{0,6}[^ ]+@[^ ]+ (on |- |was|is|does|has|not|:|;|,|could|cannot|unknown)
[^@]*[45][0-9][0-9][ -][^@]{0,40}@
"""
)


@dataclass(frozen=True, slots=True)
class Notice:
    """A report in words, without the returned mail."""

    text: str
    returned: str
    has_returned: bool

    @property
    def lines(self) -> list[str]:
        """Its lines."""
        return self.text.split("\n")


@dataclass(frozen=True, slots=True)
class Named:
    """A recipient that words name, and the words that follow."""

    address: str
    words: str
    #: Whether it is named as servers do, alone on a line or before a colon, rather than among other words.
    is_sure: bool = False


def read_notice(text: str) -> Notice:
    """Part a report from the mail that it returns."""
    lines = text.split("\n")
    for number, line in enumerate(lines[:_MOST_LINES]):
        short = line[:200]
        if short.strip() and any(map(str.strip, lines[:number])) and _begins_returned(short):
            return Notice("\n".join(lines[:number])[:_LONGEST_NOTICE], "\n".join(lines[number:]), True)
    return Notice("\n".join(lines[:_MOST_LINES])[:_LONGEST_NOTICE], "\n".join(lines[_MOST_LINES:]), False)


def _begins_returned(line: str) -> bool:
    return bool(_HEADER_LINE.match(line)) or _RETURNED.starts(plain(line))


def named_recipients(notice: Notice, besides: Collection[str | None]) -> list[Named]:
    """The recipients that a report names, surest first found; ``besides`` are addresses that are none."""
    alone: dict[str, int] = {}
    introduced: dict[str, int] = {}
    elsewhere: dict[str, int] = {}
    lines = notice.lines
    for number, line in enumerate(lines):
        if "@" not in line:
            continue
        words = plain(line[:500])
        if _OTHERS.starts(words):
            continue
        for hit in list(ADDRESS.finditer(line[:1000]))[:20]:
            address = normalized(hit[0].strip("."))
            if address is None or address in besides or _NOBODY.match(address) or "." not in address.rpartition("@")[2]:
                continue
            if _FROM.search(line[max(0, hit.start() - 20) : hit.start()]):
                continue
            if _TO.match(line):
                elsewhere.setdefault(address, number)
                continue
            sure = (
                alone if _NAMED_ALONE.fullmatch(line[:500]) or line[hit.end() : hit.end() + 2] in (">:", ":") else None
            )
            if sure is None:
                sure = introduced if _INTRODUCED.starts(words) else elsewhere
            sure.setdefault(address, number)
    chosen = alone or introduced or dict(list(elsewhere.items())[:1])
    if not chosen:
        return []
    places = sorted((place, address) for address, place in chosen.items())[:_MOST_RECIPIENTS]
    ends = [place for place, _ in places[1:]] + [len(lines)]
    return [
        Named(address, "\n".join(lines[place : max(end, place + 1)]), address in alone)
        for (place, address), end in zip(places, ends, strict=True)
    ]
