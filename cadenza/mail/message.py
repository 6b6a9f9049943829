"""What does the mail of one step to one contact look like on the wire?"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from functools import lru_cache
from typing import Any, Final

from cadenza.domain.sequence import UNTRACKED, Sequence, Step, Tracking
from cadenza.mail.attachments import OPENING
from cadenza.mail.bodies import compiled_bodies
from cadenza.mail.encoding import mailbox, one_line, unstructured
from cadenza.mail.links import MailLinks
from cadenza.mail.templates import compile_template

_UNFIT: Final = re.compile(r"[^\w!#$%&'*+/=?^`{|}~.@:\"\[\]-]")
_LEFT: Final = re.compile(r"[\w-]+(\.[\w-]+)*", re.ASCII)


@dataclass(frozen=True, slots=True)
class SenderIdentity:
    """From whom a mail is; ``values`` are the sender's tokens."""

    address: str
    display_name: str
    postal_address: str
    values: Mapping[str, str]
    #: Other addresses that it may send from.
    aliases: tuple[str, ...] = ()
    #: The largest mail that its server takes, in bytes; None: nobody knows.
    largest_mail: int | None = None


@dataclass(frozen=True, slots=True)
class Letter:
    """What differs from one mail of a step to the next."""

    to_address: str
    to_name: str
    message_id: str
    date: datetime
    #: Plain dictionaries by root: contact, company, sequence.
    values: Mapping[str, Any]
    unsubscribe_url: str
    #: Subject of the first mail of the thread that this one answers, and its Message-IDs, oldest first.
    thread_subject: str | None = None
    references: tuple[str, ...] = ()
    #: Of a step whose opens or clicks are noted.
    links: MailLinks | None = None


@dataclass(frozen=True, slots=True)
class Composed:
    """A mail ready to be sent: its subject as people read it, and its bytes with CRLF, up to its attachments."""

    subject: str
    message: bytes


class StepComposer:
    """Writes the mails of one step from one sender; what they have in common is prepared once.

    Raises:
        TemplateInvalid: a template of the step has something that templates may not have.
    """

    def __init__(self, step: Step, sequence: Sequence, sender: SenderIdentity, tracking: Tracking = UNTRACKED) -> None:
        self.bodies, self._body = compiled_bodies(
            step.html, step.text, sequence.language, sender.postal_address, tracking
        )
        self.subject = compile_template(_subject_of(step, sequence), is_html=False)
        self.address = _address(sender.address)
        self._sender = dict(sender.values)
        domain = self.address.rpartition("@")[2]
        label = _dot_atom(sequence.name)
        self._from = f"From: {mailbox(one_line(sender.display_name), self.address)}\r\n"
        self._rest = (
            "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
            f"List-Id: <{label}.sequences.{domain}>\r\n"
            f"Feedback-ID: {label}:{step.position}:sequence:cadenza\r\n"
            "MIME-Version: 1.0\r\n"
            f"{OPENING if step.attachments else ''}"
        )

    def compose(self, letter: Letter) -> Composed:
        """The mail for one contact.

        Raises:
            TokenMissing: names the token that has no value.
        """
        values = {**letter.values, "sender": self._sender, "unsubscribe_url": letter.unsubscribe_url}
        if letter.links:
            values |= {"open_url": letter.links.open_url, "track_link": letter.links.click_url}
        if letter.thread_subject:
            first = one_line(letter.thread_subject)
            subject = first if first[:3].lower() == "re:" else f"Re: {first}"
        else:
            subject = one_line(self.subject.render(values))
        url = _UNFIT.sub("", letter.unsubscribe_url)
        message = (
            f"{self._from}To: {mailbox(one_line(letter.to_name), _address(letter.to_address))}\r\n"
            f"Subject: {unstructured(subject, 7)}\r\n"
            f"Date: {_date(letter.date)}\r\n"
            f"Message-ID: {letter.message_id}\r\n"
            f"{_thread(letter.references)}"
            f"List-Unsubscribe: <{url}>,\r\n"
            f" <mailto:{self.address}?subject=unsubscribe%20{url.rpartition('/')[2]}>\r\n"
            f"{self._rest}{self._body.render(values)}"
        )
        return Composed(subject, message.encode())


def message_id(domain: str, unique: str) -> str:
    """A Message-ID shorter than 78 characters, so that nobody on its way folds it apart."""
    left = unique if len(unique) <= 40 and _LEFT.fullmatch(unique) else hashlib.sha256(unique.encode()).hexdigest()[:32]
    right = domain if domain.isascii() else domain.encode("idna").decode()
    if len(left) + len(right) > 74:
        right = f"{hashlib.sha256(right.encode()).hexdigest()[:16]}.invalid"
    return f"<{left}@{right}>"


def _subject_of(step: Step, sequence: Sequence) -> str:
    """The subject of a step; one that answers an earlier step and has none takes that one's."""
    while not step.subject and step.reply_to_position is not None:
        step = sequence.step(step.reply_to_position)
    return step.subject


def _address(address: str) -> str:
    """An address without anything that could end it, or its header, early."""
    return _UNFIT.sub("", address)


def _dot_atom(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]+", "-", name).strip("-") or "sequence"


def _thread(references: tuple[str, ...]) -> str:
    """In-Reply-To and References, one id on a line: folded inside an id, or encoded, they would break the thread."""
    if not references:
        return ""
    chain = "\r\n ".join(references)
    return f"In-Reply-To: {references[-1]}\r\nReferences: {chain}\r\n"


@lru_cache(maxsize=64)
def _date(instant: datetime) -> str:
    return format_datetime(instant)
