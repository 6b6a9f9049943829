"""Who wrote to whom, when, and in answer to what?"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

from cadenza.mail.incoming.mime import Mail

_MOST: Final = 50
_NAME: Final = re.compile(r'"(?:[^"\\]|\\.){0,200}"')
_ANGLE: Final = re.compile(r"<\s*([^<>\s]{1,250}@[^<>\s]{1,250})\s*>")
_LOCAL: Final = r"[\w.!#$%&'*+/=?^`{|}~-]{1,64}"
_DOMAIN: Final = r"(?:[\w-]{1,63}\.){0,8}[\w-]{1,63}"
#: An address among other words, which may follow without a space: so its domain is plain.
ADDRESS: Final = re.compile(
    r"(?<![a-zA-Z0-9.!#$%&*+/=?^_`{|}~-])[a-zA-Z0-9_.!#$%&'*+/=?^`{|}~-]{1,64}"
    r"@(?:[a-zA-Z0-9-]{1,63}\.){0,8}[a-zA-Z0-9-]{1,63}(?![a-zA-Z0-9\u00c0-\u024f-])"
)
_WHOLE: Final = re.compile(rf"(?:{_LOCAL}|\"[^\"\s]{{1,62}}\")@{_DOMAIN}")
_MESSAGE_ID: Final = re.compile(r"<[^<>\s]{1,400}>")
_PREFIX: Final = re.compile(r"(?i)^(?:rfc822|smtp|mailto|x400|unknown)\s*[;:=]\s*")


def normalized(address: str) -> str | None:
    """An address as contacts are compared by it: lower case, NFC, the domain in ASCII; None: it is none."""
    address = unicodedata.normalize("NFC", _PREFIX.sub("", address.strip()).strip("<>'\" \t")).lower()
    if not _WHOLE.fullmatch(address):
        return None
    local, _, domain = address.rpartition("@")
    if not domain.isascii():
        try:
            domain = domain.encode("idna").decode()
        except UnicodeError:
            return None
    return f"{local}@{domain}"


def addresses(headers: Iterable[str]) -> tuple[str, ...]:
    """The normalized addresses in some header fields, each once; names that look like addresses are names."""
    found: dict[str, None] = {}
    for value in headers:
        for entry in _NAME.sub("", value).split(","):
            hit = _ANGLE.search(entry)
            bare = ADDRESS.search(entry)
            address = normalized(hit[1] if hit else entry) or (normalized(bare[0]) if bare and not hit else None)
            if address:
                found[address] = None
            if len(found) >= _MOST:
                return tuple(found)
    return tuple(found)


def message_ids(value: str) -> list[str]:
    """The Message-IDs in a field or in words."""
    return _MESSAGE_ID.findall(value[:20_000])


def message_id(mail: Mail) -> str | None:
    """The mail's own Message-ID."""
    return next(iter(message_ids(mail.header("message-id"))), None)


def answered(mail: Mail) -> tuple[str, ...]:
    """The Message-IDs that the mail answers, the nearest first."""
    references = message_ids(" ".join(str(value) for value in mail.headers.get_all("references", [])[:3]))
    return tuple(dict.fromkeys([*message_ids(mail.header("in-reply-to")), *reversed(references)]))[:_MOST]


def sent_at(mail: Mail) -> datetime | None:
    """The Date, aware; None where it makes no sense."""
    try:
        date = parsedate_to_datetime(mail.header("date")[:100])
        date = date if date.tzinfo else date.replace(tzinfo=UTC)
        return date if 1990 <= date.astimezone(UTC).year < 2200 else None
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
