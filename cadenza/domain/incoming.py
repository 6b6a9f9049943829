"""What did a mail that came in turn out to be?"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum


class IncomingKind(StrEnum):
    """What a mail in a sender's mailbox is about, in the order in which they are asked."""

    #: A non-delivery or delay report, with or without an RFC 3464 part.
    BOUNCE = "bounce"
    #: A report of abuse (ARF, RFC 5965).
    COMPLAINT = "complaint"
    #: Out of office and other answers of machines.
    AUTO_REPLY = "auto_reply"
    #: A calendar's answer or invitation (RFC 5546).
    MEETING = "meeting"
    #: Asks to be written to no more.
    OPT_OUT = "opt_out"
    #: A person wrote.
    REPLY = "reply"
    #: Nothing that concerns an enrollment: our own mail, a copy, a mailing list.
    OTHER = "other"


class BounceKind(StrEnum):
    """Whether trying again can help."""

    HARD = "hard"
    SOFT = "soft"


@dataclass(frozen=True, slots=True)
class BouncedRecipient:
    """One recipient that a report speaks of."""

    #: Normalized; None: the report does not say.
    address: str | None
    kind: BounceKind
    #: Enhanced status (RFC 3463), "5.1.1"; derived from the words where the report gives none.
    status: str | None
    #: The words of the report, one line, shortened.
    reason: str


@dataclass(frozen=True, slots=True)
class Incoming:
    """A mail as far as it matters: never its body."""

    kind: IncomingKind
    #: Its own Message-ID with brackets; None: it has none.
    message_id: str | None
    #: Normalized address of who wrote; None: it does not say.
    from_address: str | None
    #: Normalized addresses it went to (To, Cc, Delivered-To).
    to_addresses: tuple[str, ...]
    subject: str
    #: As the mail says, aware; None: it does not say or makes no sense.
    sent_at: datetime | None
    #: Message-IDs it answers, the nearest first: In-Reply-To, then References from the end.
    answers: tuple[str, ...] = ()
    #: Of a report: Message-IDs of the mail it is about (the returned original, quoted headers), and its envelope id.
    originals: tuple[str, ...] = ()
    envelope_id: str | None = None
    #: Of a report: one entry a recipient.
    recipients: tuple[BouncedRecipient, ...] = ()
    #: Of a delay report: nothing has failed for good yet.
    is_delay: bool = False
    #: Of an auto-reply: whether somebody is away, rather than a receipt or a ticket.
    is_absence: bool = False
    #: Of an auto-reply: the first day somebody reads mails again, where the text says so.
    back_on: date | None = None
    #: Of a meeting: "REPLY", "REQUEST" or "CANCEL".
    method: str | None = None
    #: Of a meeting's REPLY: "ACCEPTED", "DECLINED" or "TENTATIVE"; None: it does not say.
    attendance: str | None = None
    #: Of an opt-out by mail: the signed token of a List-Unsubscribe address, as the subject carries it.
    unsubscribe_token: str | None = None
    #: Why it was taken for what it is: the signs, in words that hold nothing of the mail.
    evidence: tuple[str, ...] = ()
