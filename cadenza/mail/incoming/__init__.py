"""What did a mail that came in turn out to be, and what does it say?

The questions are asked in this order, and the first that is answered decides:

1. a bounce: a report of a mail server (before "out of office": Postfix marks its reports ``Auto-Submitted``);
2. a complaint;
3. an opt-out by the address in our List-Unsubscribe header (mail programs write that mail, some mark it automatic);
4. our own mail, a loop, or a mailing list;
5. a meeting, unless its subject says that somebody is away;
6. an automatic answer;
7. an opt-out in a person's own words;
8. else a person wrote.
"""

from __future__ import annotations

import logging
from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Final

from cadenza.domain.incoming import BouncedRecipient, BounceKind, Incoming, IncomingKind
from cadenza.mail.incoming import away_words, headers
from cadenza.mail.incoming.auto_replies import read_auto_reply
from cadenza.mail.incoming.bounces import read_bounce
from cadenza.mail.incoming.complaints import read_complaint
from cadenza.mail.incoming.meetings import read_meeting
from cadenza.mail.incoming.mime import Mail
from cadenza.mail.incoming.opening import open_mail
from cadenza.mail.incoming.opt_outs import asked_by_link, asked_in_words
from cadenza.mail.incoming.others import is_other
from cadenza.mail.incoming.own_words import own_words
from cadenza.mail.incoming.phrases import plain

_log = logging.getLogger(__name__)
_LONGEST_SUBJECT: Final = 500


def classify(raw: bytes, own_addresses: Collection[str] = (), today: date | None = None) -> Incoming:
    """What a mail is, whatever its bytes are; it never raises, and looks at a bounded amount.

    Args:
        own_addresses: normalized addresses of the mailbox; a mail from one of them is our own.
        today: from when days without a year and weekdays count if the mail has no date; the current day by default.
    """
    try:
        return judge(open_mail(raw), raw, own_addresses, today)
    except Exception:
        # One mail must not keep those behind it from being read. The tests look for mails that come here.
        _log.exception("A mail of %d bytes could not be read; it is taken for something else.", len(raw))
        return Incoming(IncomingKind.OTHER, None, None, (), "", None, evidence=("could not be read",))


def judge(mail: Mail, raw: bytes, own_addresses: Collection[str], today: date | None) -> Incoming:
    """What an opened mail is. See ``classify``."""
    known = _known(mail)
    if bounce := read_bounce(mail, raw):
        return replace(
            known,
            kind=IncomingKind.AUTO_REPLY if bounce.is_good_news else IncomingKind.BOUNCE,
            originals=bounce.originals,
            envelope_id=bounce.envelope_id,
            recipients=bounce.recipients,
            is_delay=bounce.is_delay,
            evidence=bounce.because,
        )
    if complaint := read_complaint(mail):
        reason = complaint.feedback_type or "complaint"
        kind = IncomingKind.OPT_OUT if complaint.is_opt_out else IncomingKind.COMPLAINT
        return replace(
            known,
            kind=IncomingKind.OTHER if complaint.is_other else kind,
            originals=complaint.originals,
            envelope_id=complaint.envelope_id,
            recipients=tuple(
                BouncedRecipient(address, BounceKind.HARD, None, reason) for address in complaint.recipients
            ),
            evidence=complaint.because,
        )
    if link := asked_by_link(mail):
        return replace(known, kind=IncomingKind.OPT_OUT, unsubscribe_token=link.token, evidence=(link.because,))
    if why := is_other(mail, known, own_addresses):
        return replace(known, kind=IncomingKind.OTHER, evidence=(why,))
    return _from_people(mail, known, today)


def _from_people(mail: Mail, known: Incoming, today: date | None) -> Incoming:
    """A meeting, an automatic answer, an opt-out, or what a person wrote."""
    meeting = read_meeting(mail)
    if meeting and not away_words.SUBJECT.starts(plain(known.subject)):
        return replace(
            known,
            kind=IncomingKind.MEETING,
            method=meeting.method,
            attendance=meeting.attendance,
            evidence=(f"a calendar's {meeting.method}",),
        )
    own = own_words(mail.text)
    written_on = known.sent_at.date() if known.sent_at else today or datetime.now(UTC).date()
    if reply := read_auto_reply(mail, own, written_on):
        return replace(
            known,
            kind=IncomingKind.AUTO_REPLY,
            is_absence=reply.is_absence,
            back_on=reply.back_on,
            evidence=reply.because,
        )
    if opt_out := asked_in_words(mail, own):
        return replace(known, kind=IncomingKind.OPT_OUT, evidence=(opt_out.because,))
    return replace(known, evidence=("nothing shows a machine",))


def _known(mail: Mail) -> Incoming:
    """What the header fields say of any mail; a reply until something else shows."""
    from_address = next(iter(headers.addresses([mail.header("from")])), None)
    to = headers.addresses([*mail.all_of("to"), *mail.all_of("cc"), *mail.all_of("delivered-to")])
    return Incoming(
        IncomingKind.REPLY,
        headers.message_id(mail),
        from_address,
        to,
        mail.header("subject")[:_LONGEST_SUBJECT],
        headers.sent_at(mail),
        headers.answered(mail),
    )


__all__ = ["classify"]
