"""By what is a mail recognised as an answer to one of ours?"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from cadenza.domain.incoming import Incoming, IncomingKind


class Hint(StrEnum):
    """What connects a mail with an enrollment, the surest first: the first that finds one decides."""

    #: A signed token of an unsubscribe address.
    TOKEN = "token"  # noqa: S105
    #: The Message-ID of a mail of ours: guessed by nobody.
    MESSAGE = "message"
    #: The part of our Message-ID before the @, where somebody on the way changed the rest; also an envelope id.
    OWN_ID = "own_id"
    #: What the server of the mailbox called our mail: some providers put it in the place of the Message-ID.
    PROVIDER = "provider"
    #: The address that a report without any Message-ID says could not be reached.
    RECIPIENT = "recipient"
    #: An address of the contact as the author: anybody can write it there.
    ADDRESS = "address"
    #: The subject of a mail that answers, but does not say what.
    SUBJECT = "subject"


#: Hints that only somebody can give who has seen the mail that they name.
PROVEN: Final = frozenset({Hint.TOKEN, Hint.MESSAGE, Hint.OWN_ID, Hint.PROVIDER})

_REPORTS: Final = (IncomingKind.BOUNCE, IncomingKind.COMPLAINT)
#: ``cadenza.mail.letters``: enrollment, position, and sixteen digits that nobody can guess.
_OWN_ID: Final = re.compile(r"(\d{1,18})\.(\d{1,4})\.[0-9a-f]{16}")
#: Shorter names of servers, such as the numbers of their queues, may come up twice.
_LEAST_PROVIDER_ID: Final = 16
_ANSWER: Final = re.compile(r"^\s*(?:(?:re|aw|antw|sv|vs|rif|r|odp|res|ynt)(?:\[\d+\])?\s*[:：]\s*)+", re.IGNORECASE)
#: A mail that names more is not from a mail program.
_MOST_IDS: Final = 50


@dataclass(frozen=True, slots=True)
class Key:
    """One thing to look for in the name of one mail."""

    #: Of the mail, among those that were read together.
    number: int
    hint: Hint
    #: Among keys of one hint, the nearest first.
    rank: int
    value: str
    #: When the mail came in: a contact who wrote before the enrollment has not answered it.
    arrived_at: datetime
    #: Of an own id: what it says. Of a subject: the domain of the author.
    enrollment_id: int | None = None
    position: int | None = None
    domain: str = ""


@dataclass(frozen=True, slots=True)
class Match:
    """An enrollment that a mail is about."""

    number: int
    hint: Hint
    enrollment_id: int
    contact_id: int
    #: The mail of ours that it answers, where it says so.
    delivery_id: int | None
    #: Where our mails of the enrollment go.
    to_address: str
    is_running: bool

    @property
    def is_proven(self) -> bool:
        """Whether the author has seen a mail of the enrollment; else the match speaks for the contact alone."""
        return self.hint in PROVEN


def keys_of(
    number: int, incoming: Incoming, arrived_at: datetime, token_enrollment: int | None = None
) -> Iterator[Key]:
    """What to look for, for one mail; ``token_enrollment`` is the enrollment whose unsubscribe token it carries."""
    if incoming.kind is IncomingKind.OTHER:
        return
    if token_enrollment is not None:
        yield Key(number, Hint.TOKEN, 0, "", arrived_at, enrollment_id=token_enrollment)
    is_report = incoming.kind in _REPORTS or bool(incoming.originals)
    # The copy that comes back with a report names our mail by its Message-ID; a report that is sent as a reply, too.
    named = tuple(dict.fromkeys(_storable((*incoming.originals, *incoming.answers))))[:_MOST_IDS]
    for rank, message_id in enumerate(named):
        yield Key(number, Hint.MESSAGE, rank, message_id, arrived_at)
        yield from _other_names(number, rank, message_id.strip("<>"), arrived_at)
    for envelope_id in _storable([incoming.envelope_id or ""]):
        yield Key(number, Hint.MESSAGE, len(named), f"<{envelope_id.strip('<>')}>", arrived_at)
        yield from _other_names(number, len(named), envelope_id.strip("<>"), arrived_at)
    if is_report:
        # One that names another mail is about that one, whomever it went to.
        if not incoming.originals:
            addresses = _storable(recipient.address or "" for recipient in incoming.recipients)
            yield from (
                Key(number, Hint.RECIPIENT, rank, address, arrived_at) for rank, address in enumerate(addresses)
            )
        return
    for address in _storable([incoming.from_address or ""]):
        yield Key(number, Hint.ADDRESS, 0, address, arrived_at)
        if not incoming.answers and _ANSWER.match(incoming.subject):
            for subject in _storable([bare_subject(incoming.subject)]):
                yield Key(number, Hint.SUBJECT, 0, subject, arrived_at, domain=address.rpartition("@")[2])


def bare_subject(subject: str) -> str:
    """A subject without the signs of an answer, with single spaces."""
    return " ".join(_ANSWER.sub("", subject).split())


def _other_names(number: int, rank: int, name: str, arrived_at: datetime) -> Iterator[Key]:
    left = name.partition("@")[0]
    own = _OWN_ID.fullmatch(left)
    if own:
        enrollment_id, position = int(own.group(1)), int(own.group(2))
        yield Key(number, Hint.OWN_ID, rank, f"<{left}@", arrived_at, enrollment_id, position)
        return
    for value in dict.fromkeys((name, left)):
        if len(value) >= _LEAST_PROVIDER_ID:
            yield Key(number, Hint.PROVIDER, rank, value, arrived_at)


def _storable(values: Iterable[str]) -> Iterator[str]:
    """The values that can be in a database at all: hostile headers may hold NUL and broken characters."""
    for value in values:
        if value and "\0" not in value and len(value) <= 998 and value.isprintable():
            yield value
