"""Reports as mail servers of many kinds and languages word them: the words are in ``report_samples.yaml``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

KIM = "kim@customer.example"
ORIGINAL_ID = "<17.1.0123456789abcdef@northwind.example>"


@dataclass(frozen=True)
class Sample:
    """A report and what it says."""

    name: str
    raw: bytes
    hard_or_soft: str
    status: str
    is_delay: bool
    #: Whether it carries the returned mail, or names it.
    names_original: bool


_RETURNED = f"""\
Received: from mail.northwind.example (mail.northwind.example [192.0.2.7]) by mx.relay.example; Mon, 3 Aug 2026 09:00:00
From: Ana Petersen <ana@northwind.example>
To: Kim Doe <{KIM}>
Subject: Following up on the trade fair
Date: Mon, 3 Aug 2026 09:00:00 +0200
Message-ID: {ORIGINAL_ID}
List-Unsubscribe: <https://cadenza.example/unsubscribe/abc>
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8

Dear Kim,

shall we talk next week? Our delivery times are short. Unsubscribe below.
"""
_POSTFIX = """\
This is the mail system at host mx.relay.example.

I'm sorry to have to inform you that your message could not
be delivered to one or more recipients. It's attached below.

For further assistance, please send mail to postmaster.

If you do so, please include this problem report. You can
delete your own text from the attached returned message.

                   The mail system

"""
_EXIM = """\
This message was created automatically by mail delivery software.

A message that you sent could not be delivered to one or more of its
recipients. This is a permanent error. The following address(es) failed:

"""
_QMAIL = """\
Hi. This is the qmail-send program at relay.example.
I'm afraid I wasn't able to deliver your message to the following addresses.
This is a permanent error; I've given up. Sorry it didn't work out.

"""


def report_samples() -> list[Sample]:
    """All of them."""
    entries = yaml.safe_load(Path(__file__).with_name("report_samples.yaml").read_text().replace("{KIM}", KIM))
    return [_sample(entry) for entry in entries]


def _sample(entry: dict[str, Any]) -> Sample:
    shape = {"postfix": _postfix, "exim": _exim, "qmail": _qmail, "words": _words, "report": _report}[entry["shape"]]
    raw = shape(entry)
    hard_or_soft, status, *rest = entry["is"]
    is_delay = rest == ["delay"] or entry.get("action") == "delayed"
    return Sample(entry["name"], raw, hard_or_soft, status, is_delay, ORIGINAL_ID.encode() in raw)


def _postfix(entry: dict[str, Any]) -> bytes:
    said = entry["said"]
    return _report(
        {
            "from": "Mail Delivery System <MAILER-DAEMON@mx.relay.example>",
            "subject": "Undelivered Mail Returned to Sender",
            "headers": "Auto-Submitted: auto-replied\nReturn-Path: <>\n",
            "words": f"{_POSTFIX}<{KIM}>: {said}\n",
            "fields": f"Final-Recipient: rfc822; {KIM}\nAction: {entry.get('action', 'failed')}\n"
            f"Status: {entry['status']}\nDiagnostic-Code: smtp; {said}\n",
        }
    )


def _exim(entry: dict[str, Any]) -> bytes:
    said = entry["said"].rstrip().replace("\n", "\n    ")
    return _words(
        {
            "from": "Mail Delivery System <Mailer-Daemon@relay.example>",
            "subject": "Mail delivery failed: returning message to sender",
            "headers": f"X-Failed-Recipients: {KIM}\nAuto-Submitted: auto-replied\n",
            "words": f"{_EXIM}  {KIM}\n    {said}\n",
            "returned": "------ This is a copy of the message, including all the headers. ------",
        }
    )


def _qmail(entry: dict[str, Any]) -> bytes:
    return _words(
        {
            "from": "MAILER-DAEMON@relay.example",
            "subject": "failure notice",
            "words": f"{_QMAIL}<{KIM}>:\n{entry['said']}\n",
            "returned": "--- Below this line is a copy of the message.",
        }
    )


def _words(entry: dict[str, Any]) -> bytes:
    """A report in words only; ``returned`` is the line that opens the returned mail."""
    returned = f"\n{entry['returned']}\n\n{_RETURNED}" if "returned" in entry else ""
    return _mail(entry, "text/plain; charset=utf-8", f"{entry['words']}{returned}")


def _report(entry: dict[str, Any]) -> bytes:
    """A report of three parts (RFC 3462)."""
    original = entry.get("original", "message/rfc822")
    returned = _RETURNED if original == "message/rfc822" else f"{_RETURNED.partition('Dear')[0].rstrip()}\n"
    parts = (
        f"Content-Type: text/{'html' if 'html' in entry else 'plain'}; charset=utf-8\n\n"
        f"{entry.get('html', entry.get('words'))}\n",
        f"Content-Type: message/delivery-status\n\nReporting-MTA: dns; mx.relay.example\n\n{entry['fields']}\n",
        f"Content-Type: {original}\n\n{returned}",
    )
    body = "".join(f"--=_b1\n{part}\n" for part in parts)
    return _mail(entry, 'multipart/report; report-type=delivery-status; boundary="=_b1"', f"{body}--=_b1--\n")


def _mail(entry: dict[str, Any], content_type: str, body: str) -> bytes:
    headers = entry.get("headers", "").rstrip() + "\n" if entry.get("headers") else ""
    return (
        f"From: {entry['from']}\nTo: ana@northwind.example\nSubject: {entry['subject']}\n"
        f"Date: Mon, 3 Aug 2026 09:00:10 +0200\nMessage-ID: <report@relay.example>\n{headers}MIME-Version: 1.0\n"
        f"Content-Type: {content_type}\nContent-Transfer-Encoding: 8bit\n\n{body}\n"
    ).encode()
