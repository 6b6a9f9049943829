"""Did somebody report a mail of ours as spam?"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from cadenza.mail.incoming.delivery_status import field_values
from cadenza.mail.incoming.headers import addresses, normalized
from cadenza.mail.incoming.mime import Mail
from cadenza.mail.incoming.originals import original_ids, original_recipients
from cadenza.mail.incoming.phrases import Phrases, plain

#: Types of feedback (RFC 5965, 6430, 6591) by which a person does not want our mail.
_COMPLAINTS: Final = frozenset({"abuse", "fraud", "virus", "other", "complaint", "miscategorized", ""})
_RECIPIENT: Final = ("original-rcpt-to", "removal-recipient", "original-recipient", "x-hmxmroriginalrecipient")
#: Desks of providers that report complaints without the RFC's parts.
_DESK: Final = re.compile(
    r"(?:.*(?:complaint|feedback|fbl|scomp|abuse[-_.]?report|jmrp|spam[-_.]?report)[^@]*@|staff@(?:hotmail|outlook)\.com$|"
    r"[^@]*@(?:reports\.|bounces\.)?spamcop\.net$|.*@(?:fbl|feedback|complaints?)\.)"
)
_SUBJECT: Final = Phrases(
    r"""
(abuse|spam|complaint|feedback|fbl|junk) (report|complaint|notification|loop|about|feedback)
e-?mail (feedback|abuse|complaint|spam) report
complaint about
\[spamcop
(user|customer|subscriber|recipient) complaint
"""
)
_ORIGINAL_HEADERS: Final = ("x-hmxmroriginalrecipient", "x-original-to", "x-rcpt-to")


@dataclass(frozen=True, slots=True)
class Complaint:
    """A report of abuse."""

    feedback_type: str
    recipients: tuple[str, ...]
    originals: tuple[str, ...]
    envelope_id: str | None
    because: tuple[str, ...]
    #: Somebody asked, by way of the provider, to be written to no more.
    is_opt_out: bool = False
    #: No complaint: "not-spam", or a report on authentication.
    is_other: bool = False


def read_complaint(mail: Mail) -> Complaint | None:
    """The report of abuse that a mail is; None: it is none."""
    part = next(mail.own("message/feedback-report"), None)
    if part is None and mail.report_type != "feedback-report":
        return _by_desk(mail)
    fields = field_values(part.text) if part else {}
    kind = fields.get("feedback-type", "").strip().lower()
    named = [normalized(fields[name]) for name in _RECIPIENT if name in fields]
    to = tuple(address for address in dict.fromkeys(named) if address) or original_recipients(mail, mail.text)
    return Complaint(
        kind,
        to,
        original_ids(mail, mail.text, fields.get("original-message-id", "")),
        fields.get("original-envelope-id", "").strip() or None,
        ("a feedback-report part" if part else "a feedback report by its type", f"of type {kind or 'unknown'}"),
        is_opt_out=kind.startswith("opt-out"),
        is_other=kind not in _COMPLAINTS and not kind.startswith("opt-out"),
    )


def _by_desk(mail: Mail) -> Complaint | None:
    """A complaint as some providers' desks forward it: their address, their subject, and our mail enclosed."""
    sender = next(iter(addresses([mail.header("from")])), "")
    if not mail.originals or not _DESK.match(sender) or not _SUBJECT.first(plain(mail.header("subject")[:300])):
        return None
    hidden = addresses(str(headers.get(name, "")) for headers in mail.originals for name in _ORIGINAL_HEADERS)
    return Complaint(
        "abuse",
        hidden or original_recipients(mail, mail.text),
        original_ids(mail, mail.text, ""),
        None,
        ("from a provider's desk for complaints", "subject of a complaint", "returns a mail"),
    )
