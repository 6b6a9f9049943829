"""What do the words of a report mean for the recipient?

One entry a meaning, asked in this order: the words that leave least doubt come first, vague ones last.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from cadenza.mail.incoming import meaning_words as words
from cadenza.mail.incoming.headers import ADDRESS
from cadenza.mail.incoming.phrases import Phrases, plain

#: Stands for any address in the phrases.
_AN_ADDRESS: Final = "x@x"


@dataclass(frozen=True, slots=True)
class Meaning:
    """One thing that words can mean."""

    name: str
    #: Subject and detail of the enhanced status (RFC 3463 and the registry of RFC 5248), without the class.
    detail: str
    #: Nobody is there and nobody will be; False: it is about this mail, this sender or this hour.
    is_hard: bool
    phrases: Phrases
    #: The class where neither a reply code nor the kind of report says one.
    usual_class: int = 5
    #: Words so vague that an exact status says more.
    is_vague: bool = False


def meaning_of(text: str) -> Meaning | None:
    """The first meaning that some words have, whatever addresses among them are called."""
    said = plain(ADDRESS.sub(_AN_ADDRESS, text))
    return next((meaning for meaning in MEANINGS if meaning.phrases.first(said)), None)


_VAGUE: Final = (words.POLICY, words.NO_USER_PERHAPS, words.SYSTEM, words.RULES)

MEANINGS: Final = tuple(
    Meaning(name, detail, hard, Phrases(phrases), usual_class, phrases in _VAGUE)
    for name, detail, hard, phrases, usual_class in (
        ("the domain takes no mail", "1.10", True, words.NULL_MX, 5),
        ("the mailbox is full", "2.2", False, words.FULL, 5),
        ("the mail is too large", "3.4", False, words.TOO_LARGE, 5),
        ("the mail goes round in a loop", "4.6", False, words.LOOP, 5),
        ("the mailbox is shut for the moment", "2.1", False, words.PAUSED_MAILBOX, 4),
        ("the mailbox is busy", "2.0", False, words.BUSY_MAILBOX, 4),
        ("greylisted", "7.1", False, words.GREYLISTED, 4),
        ("the sender is not known to exist", "1.8", False, words.SENDER_UNKNOWN, 5),
        ("the sender's SPF fails", "7.23", False, words.SPF, 5),
        ("the sender's DKIM or DMARC fails", "7.26", False, words.UNAUTHENTICATED, 5),
        ("the sender's host has no name", "7.25", False, words.NO_REVERSE_NAME, 5),
        ("too much at once", "7.0", False, words.TOO_FAST, 4),
        ("their system is busy", "4.5", False, words.CONGESTED, 4),
        ("their system is full", "3.1", False, words.SYSTEM_FULL, 4),
        ("relaying is denied", "7.1", False, words.RELAYING, 5),
        ("the mailbox is disabled", "2.1", True, words.DISABLED, 5),
        ("the sender is blocked", "7.1", False, words.BLOCKED, 5),
        ("it looks like spam or harmful", "7.1", False, words.SPAM, 5),
        ("the recipient has moved", "1.6", True, words.MOVED, 5),
        ("the address makes no sense", "1.3", True, words.BAD_SYNTAX, 5),
        ("their nameserver does not answer", "4.3", False, words.NAMESERVER, 4),
        ("there is no such domain", "1.2", True, words.NO_DOMAIN, 5),
        ("there is no way to their server", "4.4", False, words.NO_ROUTE, 4),
        ("there is no such user", "1.1", True, words.NO_USER, 5),
        ("their delivery program failed", "3.0", False, words.MAILER, 5),
        ("the connection broke", "4.2", False, words.LOST, 4),
        ("their host does not answer", "4.1", False, words.NO_ANSWER, 4),
        ("given up after a time", "4.7", False, words.EXPIRED, 4),
        ("too many recipients", "5.3", False, words.TOO_MANY_RECIPIENTS, 5),
        ("their system takes no mail now", "3.2", False, words.NOT_ACCEPTING, 4),
        ("a login or encryption is required", "7.0", False, words.LOGIN, 5),
        ("the mail's format is not accepted", "6.0", False, words.FORMAT, 5),
        ("a parameter was not understood", "5.4", False, words.PARAMETERS, 5),
        ("the syntax was not understood", "5.2", False, words.SYNTAX, 5),
        ("a command was not understood", "5.1", False, words.COMMAND, 5),
        ("the servers did not understand each other", "5.0", False, words.PROTOCOL, 5),
        ("a policy refuses it", "7.1", False, words.POLICY, 5),
        ("there is no such user", "1.1", True, words.NO_USER_PERHAPS, 5),
        ("their system has a problem", "3.0", False, words.SYSTEM, 4),
        ("their rules refuse it", "7.1", False, words.RULES, 5),
    )
)
