"""Whom does a mail enroll that a person filed or sent to do so, and which conversation does it belong to?"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterable
from typing import Final

from cadenza.domain.filing import FiledMail, sequence_of
from cadenza.mail.incoming import headers
from cadenza.mail.incoming.mime import Mail
from cadenza.mail.incoming.opening import open_mail

#: Of a long conversation its first mail and the latest ones are named (RFC 5322, 3.6.4, leaves that open).
_MOST_REFERENCES: Final = 20
_LONGEST_ID: Final = 250
_LONGEST: Final = 500
_NAMED: Final = re.compile(r'(?:"((?:[^"\\]|\\.){0,200})"|([^",<>]{0,200}))\s*<\s*([^<>\s]{1,320})\s*>')


def read_filed(raw: bytes, mailbox_id: int, sequence: str, own: Collection[str]) -> FiledMail:
    """What such a mail asks for: the other party is whom an own mail went to, and who wrote any other one.

    Args:
        own: normalized addresses of everybody who sends from here.
    """
    mail = open_mail(raw)
    senders, recipients = mail.all_of("from"), [*mail.all_of("to"), *mail.all_of("cc")]
    sender = next(iter(headers.addresses(senders)), None)
    is_own = sender is None or sender in own
    others = headers.addresses(recipients) if is_own else (sender,)
    address = next((one for one in others if one and one not in own and not sequence_of(one, own)), None)
    first_name, last_name = _names(recipients if is_own else senders, address)
    message = headers.message_id(mail)
    return FiledMail(
        f"filed:{mailbox_id}:{sequence}:{hashlib.sha256(message.encode() if message else raw).hexdigest()[:32]}",
        sequence,
        address,
        first_name,
        last_name,
        _printable(mail.header("subject")),
        _conversation(mail, message),
    )


def sequences_of(raw: bytes, own: Collection[str]) -> tuple[str, ...]:
    """The sequences whose addresses a sent mail names.

    Who answers everybody takes over what somebody else wrote into To and Cc, and so does a machine that answers: an
    answer names a sequence in Bcc, or in none of its fields.

    Args:
        own: normalized addresses of the mailbox in which it lies, and from one of which it is.
    """
    mail = open_mail(raw)
    senders = headers.addresses(mail.all_of("from"))
    if len(senders) != 1 or senders[0] not in own:
        return ()
    fields = ("bcc",) if headers.answered(mail) or mail.header("auto-submitted") else ("bcc", "to", "cc")
    named = (sequence_of(one, own) for field in fields for one in headers.addresses(mail.all_of(field)))
    return tuple(dict.fromkeys(sequence for sequence in named if sequence))


def _conversation(mail: Mail, message: str | None) -> tuple[str, ...]:
    """Of a mail without an id nothing: it cannot be answered in its conversation."""
    if not message or not _is_fit(message):
        return ()
    earlier = [one for one in reversed(headers.answered(mail)) if _is_fit(one) and one != message]
    return (*earlier[:1], *earlier[1:][-_MOST_REFERENCES:], message)


def _is_fit(message: str) -> bool:
    """Whether an id can stand in a header of ours as it is."""
    return len(message) <= _LONGEST_ID and message.isascii() and message.isprintable()


def _names(fields: Iterable[str], address: str | None) -> tuple[str, str]:
    """First and last name beside an address; empty where there are none."""
    for quoted, plain, found in (hit for field in fields for hit in _NAMED.findall(field)):
        name = _printable(quoted or plain)
        if headers.normalized(found) == address and name and "@" not in name:
            last, comma, first = name.partition(",")
            if not comma:
                first, _, last = name.partition(" ")
            return first.strip(), last.strip()
    return "", ""


def _printable(words: str) -> str:
    """One line that every database keeps."""
    return "".join(sign if sign.isprintable() else " " for sign in words).strip()[:_LONGEST]
