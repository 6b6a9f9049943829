"""Does a mailbox work? Log in, ask what it may, and leave without a trace: no mail is sent, nothing is filed."""

from __future__ import annotations

import re
import smtplib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from cadenza.errors import CadenzaError, MailboxRefused, MailServerUnavailable, SettingsInvalid
from cadenza.mail.account import SmtpSettings, checked
from cadenza.mail.folders import folders_of, sent_folder
from cadenza.mail.imap import opened
from cadenza.mail.transports import Transports
from cadenza.mail.transports.server import Greeted, open_smtp

#: A date as RFC 5322 writes it: Exchange, Exim and sendmail greet with the time.
_DATE = re.compile(rb"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d{1,2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} [+-]\d{4}")
_ENHANCED = re.compile(rb"^5\.\d{1,3}\.\d{1,3}")


@dataclass(frozen=True, slots=True)
class Probe:
    """What a look at a mailbox found."""

    #: What is wrong, in words for people; None: nothing.
    trouble: str | None = None
    #: The account does not let us in: a person has to mend it. Otherwise waiting may help.
    is_refused: bool = False
    #: The largest mail that the server takes, in bytes, as far as it says.
    size_limit: int | None = None
    #: Addresses that the server does not let this account send as, with its codes.
    refused_senders: Mapping[str, str] | None = None
    sent_folder: str | None = None
    #: How far the server's clock is ahead of this machine's; None: it does not tell the time.
    clock_skew_seconds: float | None = None


def probe(
    mailbox_id: int,
    address: str,
    aliases: Sequence[str],
    transport: Mapping[str, Any],
    imap: Mapping[str, Any] | None,
    transports: Transports,
) -> Probe:
    """Log in for sending and for reading, and look what the mailbox may. Trouble is a finding, never an error."""
    if transport.get("kind") == "sink":
        return Probe(transports.of(mailbox_id, transport).check())
    found: dict[str, Any] = {}
    try:
        chosen = checked(SmtpSettings, transport, f"The transport of mailbox {mailbox_id}")
        found |= _sending(open_smtp(transports.smtp_server(chosen)), address, aliases)
        if imap is not None:
            with opened(transports.imap_server(mailbox_id, imap, transport)) as client:
                found["sent_folder"] = sent_folder(folders_of(client))
    except (MailboxRefused, SettingsInvalid) as error:
        return Probe(str(error), is_refused=True, **found)
    except CadenzaError as error:
        return Probe(str(error), **found)
    if refusal := (found["refused_senders"] or {}).get(address):
        trouble = f"{chosen.host} does not let {chosen.username} send as {address} ({refusal}): allow it there."
        return Probe(trouble, is_refused=True, **found)
    return Probe(**found)


def _sending(smtp: Greeted, address: str, aliases: Sequence[str]) -> dict[str, Any]:
    try:
        said = _DATE.search(smtp.greeting)
        size = smtp.esmtp_features.get("size", "")
        refused = {sender: code for sender in (address, *aliases) if (code := _refusal(smtp, sender, address))}
        return {
            "size_limit": int(size) if size.isdigit() and int(size) else None,
            "refused_senders": refused or None,
            "clock_skew_seconds": _skew(said[0].decode()) if said else None,
        }
    except (OSError, smtplib.SMTPException) as error:
        raise MailServerUnavailable(f"The mail server broke off a probe ({type(error).__name__}).") from error
    finally:
        with suppress(OSError, smtplib.SMTPException):
            smtp.quit()
        smtp.close()


def _refusal(smtp: Greeted, sender: str, recipient: str) -> str | None:
    """What the server says against a sender in an envelope that is taken back; None: nothing."""
    options = () if (sender + recipient).isascii() else ("SMTPUTF8",)
    if options and not smtp.has_extn("smtputf8"):
        return "553 5.6.7"
    code, words = smtp.mail(sender, options)
    is_about_sender = True
    if code // 100 == 2:
        # Postfix says at RCPT what it has against the sender: a policy (5.7), or one address that another owns.
        code, words = smtp.rcpt(recipient)
        is_about_sender = words.startswith(b"5.7.") or b"sender" in words.lower()
    smtp.rset()
    if code // 100 != 5 or not is_about_sender:
        return None
    status = _ENHANCED.match(words)
    return f"{code} {status[0].decode()}" if status else str(code)


def _skew(said: str) -> float:
    """How far a server's time is ahead of this machine's clock, to the second."""
    return round((parsedate_to_datetime(said) - datetime.now(UTC)).total_seconds())
