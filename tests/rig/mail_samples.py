"""Mails that are no reports, made from a seed: what people, absent people, calendars, lists and shops write.

Every mail is made from a few words in one of eight languages and one of many shapes, so that rules cannot learn single
mails. What each must be taken for stands beside it.
"""

from __future__ import annotations

import random
from base64 import encodebytes
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from email.header import Header
from email.utils import format_datetime
from pathlib import Path
from quopri import encodestring
from typing import Any
from zoneinfo import ZoneInfo

import yaml

ANA = "ana@northwind.example"
TODAY = datetime(2026, 8, 3, 9, 30, tzinfo=ZoneInfo("Europe/Berlin"))
OUR_ID = "<17.1.0123456789abcdef@northwind.example>"
TOKEN = "q83vEjRWeJq83vEjRWeJq83vEjRWeJq8"


@dataclass(frozen=True)
class Sample:
    """A mail and what it is."""

    name: str
    raw: bytes
    kind: str
    back_on: date | None = None
    method: str | None = None


_OURS = f"""\
Dear Kim,

it was good to meet you at the trade fair. Our delivery times are short: shall we talk about how your orders could be
delivered sooner, with no failures and no returned parcels?

Best regards
Ana Petersen

Northwind GmbH, Kaistraße 14, 20457 Hamburg
If you do not want to receive these mails any more: unsubscribe https://cadenza.example/unsubscribe/{TOKEN}
Please remove me from your list: https://cadenza.example/unsubscribe/{TOKEN}
"""
_BOUNCED = """\
This is the mail system at host mx.northwind.example.

I'm sorry to have to inform you that your message could not
be delivered to one or more recipients. It's attached below.

<jo@customer.example>: host mx.customer.example[192.0.2.1] said: 550 5.1.1
    <jo@customer.example>: Recipient address rejected: User unknown (in reply to RCPT TO command)
"""

_WORDS: dict[str, Any] = yaml.safe_load(Path(__file__).with_name("mail_words.yaml").read_text())


def non_report_samples(seed: int = 1, copies: int = 3) -> Iterator[Sample]:
    """Mails that are no reports of mail servers; the same seed makes the same mails."""
    make = _Maker(random.Random(seed))
    for number in range(copies):
        for language, texts in _WORDS["people"].items():
            for text in texts:
                yield make.reply(f"person {language} {number}: {text[:40]}", language, text, "reply")
        for language, texts in _WORDS["opt_outs"].items():
            for text in texts:
                yield make.reply(f"opt-out {language} {number}: {text[:40]}", language, text, "opt_out")
        for language, away in _WORDS["away"].items():
            for text, says in ((each["text"], each["says"]) for each in away["texts"]):
                yield make.away(f"away {language} {number}: {text[:40]}", language, away["subjects"], text, says)
        for sender, subject, text in (each.values() for each in _WORDS["shops"]):
            yield make.shop(f"shop {number}: {subject[:40]}", sender, subject, text)
        yield from make.about_reports(number)
        yield from make.machines(number)
        yield from make.calendars(number)


_BOUNDARY = 'boundary="x"'


def _parts(*parts: tuple[str, str]) -> str:
    """The body of a multipart."""
    return "".join(f"--x\nContent-Type: {kind}\n\n{content}\n\n" for kind, content in parts) + "--x--\n"


class _Maker:
    """Puts words into mails of many shapes."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self._count = 0

    def reply(self, name: str, language: str, text: str, kind: str) -> Sample:
        """A person's answer to our mail, which is quoted below in one of several ways."""
        greeting = self.chance.choice(["", "Hi Ana,\n\n", "Hallo,\n\n", "Ana,\n\n"]) if len(text) > 25 else ""
        signature = self.chance.choice(
            ["", "\n\nKim", "\n\nBest,\nKim Doe\n", "\n\n-- \nKim Doe\nCustomer Ltd\nDelivery Department"]
        )
        own = f"{greeting}{text}{signature}"
        subject = f"{_WORDS['reply_marks'][language]}: Following up on the trade fair"
        headers = f"In-Reply-To: {OUR_ID}\nReferences: {OUR_ID}\n"
        if self.chance.random() < 0.3:
            return Sample(name, self._html(subject, own, language, headers), kind)
        return Sample(
            name,
            self._mail("Kim Doe <kim@customer.example>", subject, f"{own}\n\n{self._quoted(language)}", headers),
            kind,
        )

    def away(self, name: str, language: str, subjects: list[str], text: str, says: str | None) -> Sample:
        """An absent person's automatic answer, marked by fields, by its subject, or by both."""
        first = (TODAY + timedelta(days=self.chance.randint(-2, 1))).date()
        last = (TODAY + timedelta(days=self.chance.randint(4, 25))).date()
        back = last + timedelta(days=3)
        shape = self.chance.choice(
            [*_WORDS["written"][language], *_WORDS["figures"].get(language, ("{d:02}/{m:02}/{y}", "{d:02}/{m:02}"))]
        )
        days = {key: self._day(shape, language, day) for key, day in (("first", first), ("last", last), ("back", back))}
        expected = {"last": last + timedelta(days=1), "back": back, None: None}[says]
        marks = [
            "Auto-Submitted: auto-replied\n",
            "X-Autoreply: yes\nPrecedence: auto_reply\n",
            "Auto-Submitted: auto-generated\nX-Auto-Response-Suppress: All\n",
            "",
        ]
        mark = self.chance.choice(marks)
        subject = self.chance.choice(subjects).format("Following up on the trade fair")
        if mark and self.chance.random() < 0.3:
            subject = "Re: Following up on the trade fair"
        headers = f"{mark}In-Reply-To: {OUR_ID}\nReturn-Path: <>\n"
        body = text.format(**days) + self.chance.choice(["", "\n\nKim Doe", f"\n\n{self._quoted(language)}"])
        return Sample(
            name, self._mail("Kim Doe <kim@customer.example>", subject, body, headers), "auto_reply", expected
        )

    def shop(self, name: str, sender: str, subject: str, text: str) -> Sample:
        """A mail of a shop, a service, a newsletter."""
        mark = self.chance.choice(
            [
                "List-Unsubscribe: <https://shop.example/u>\nPrecedence: bulk\n",
                "List-Id: <news.shop.example>\nList-Unsubscribe: <https://shop.example/u>\n",
                "Auto-Submitted: auto-generated\nFeedback-ID: 1:shop\n",
            ]
        )
        footer = "\n\nYou receive this mail because you signed up. Unsubscribe: https://shop.example/u"
        return Sample(
            name, self._mail(sender, subject, text + footer, mark + "Return-Path: <bounces@shop.example>\n"), "other"
        )

    def about_reports(self, number: int) -> Iterator[Sample]:
        """People who forward, quote or ask about reports."""
        kim = "Kim Doe <kim@customer.example>"
        subject = "Undelivered Mail Returned to Sender"
        ask = "Hi Ana,\n\nI got this when I wrote to Jo. Do you have another address?\n\n"
        quoted = "".join(f"> {line}\n" for line in _BOUNCED.split("\n"))
        forwarded = f"---------- Forwarded message ---------\nFrom: MAILER-DAEMON@mx.northwind.example\n\n{_BOUNCED}"
        inner = f"From: MAILER-DAEMON@mx.northwind.example\nSubject: {subject}\n\n{_BOUNCED}"
        attached = _parts(("text/plain", ask), ("message/rfc822", inner))
        lost = (
            "Hello,\n\nmy mail to sales@northwind.example could not be delivered, it came back with user unknown.\n"
            "Could you give me the right address?\n\nKim"
        )
        ours = "Hi,\n\nyour mails reach us now. I have removed the block on your address.\n\nJo"
        mails = {
            "quotes a report": self._mail(kim, f"Re: {subject}", ask + quoted, f"In-Reply-To: {OUR_ID}\n"),
            "forwards a report": self._mail(kim, f"Fwd: {subject}", ask + forwarded, ""),
            "pastes a report": self._mail(kim, "my mail to you", ask + _BOUNCED, ""),
            "attaches a report": self._mail(kim, f"WG: {subject}", attached, "", kind=f"multipart/mixed; {_BOUNDARY}"),
            "lost a mail": self._mail(kim, "Mail delivery problem", lost, ""),
            "a postmaster": self._mail("Jo Smith <postmaster@customer.example>", "Re: our mail servers", ours, ""),
        }
        return (Sample(f"{name} {number}", raw, "reply") for name, raw in mails.items())

    def machines(self, number: int) -> Iterator[Sample]:
        """Receipts, tickets, lists, our own mails, opt-outs that a mail program wrote."""
        kim = "Kim Doe <kim@customer.example>"
        read = (
            "Final-Recipient: rfc822; kim@customer.example\n"
            f"Original-Message-ID: {OUR_ID}\nDisposition: manual-action/MDN-sent-manually; displayed\n"
        )
        receipt = _parts(("text/plain", "Your message was read."), ("message/disposition-notification", read))
        arrived = (
            "Reporting-MTA: dns; mx.customer.example\n\n"
            "Final-Recipient: rfc822; kim@customer.example\nAction: delivered\nStatus: 2.0.0\n"
        )
        success = "Your message was successfully delivered to kim@customer.example."
        delivered = _parts(("text/plain", success), ("message/delivery-status", arrived))
        ticket = "Thank you for contacting us. Your ticket is #4711. This is an automatically generated message."
        gone = (
            "Thank you for your email. I have left Customer Ltd. and this mailbox is no longer monitored.\n"
            "Please contact jo@customer.example."
        )
        listed = (
            "List-Id: <fair.list.example>\nList-Post: <mailto:fair@list.example>\nPrecedence: list\n"
            "In-Reply-To: <x@list.example>\n"
        )
        by_gmail = "This message was automatically generated by Gmail."
        report = f"multipart/report; {_BOUNDARY}; report-type="
        automatic = "Auto-Submitted: auto-replied\nReturn-Path: <>\n"
        daemon = "Mail Delivery System <MAILER-DAEMON@mx.customer.example>"
        support = "Support <support@customer.example>"
        question = "Has anybody seen this? 550 5.1.1 user unknown"
        at_list = "fair@list.example"
        mails = (
            ("receipt", "auto_reply", self._mail(kim, "Read: hello", receipt, "", f"{report}disposition-notification")),
            ("delivered", "auto_reply", self._mail(daemon, "Successful", delivered, "", f"{report}delivery-status")),
            ("ticket", "auto_reply", self._mail(support, "[#4711] Your request", ticket, automatic)),
            ("left", "auto_reply", self._mail(kim, "Automatic reply: Following up", gone, automatic)),
            ("link opt-out", "opt_out", self._mail(kim, f"unsubscribe {TOKEN}", by_gmail, "")),
            ("subject opt-out", "opt_out", self._mail(kim, "Unsubscribe", "", "")),
            (
                "list",
                "other",
                self._mail("Jo <jo@x.example>", "[fair] Undelivered mails", question, listed, to=at_list),
            ),
            ("own", "other", self._mail(f"Ana Petersen <{ANA}>", "Following up on the trade fair", _OURS, "")),
        )
        return (Sample(f"{name} {number}", raw, kind) for name, kind, raw in mails)

    def calendars(self, number: int) -> Iterator[Sample]:
        """Invitations, answers and cancellations."""
        subjects = {"REPLY": "Accepted: Call", "REQUEST": "Invitation: Call @ Thu 6 Aug", "CANCEL": "Canceled: Call"}
        for method, subject in subjects.items():
            event = (
                f"BEGIN:VCALENDAR\nVERSION:2.0\nMETHOD:{method}\nBEGIN:VEVENT\nUID:1@customer.example\n"
                "DTSTART:20260806T080000Z\nORGANIZER:mailto:ana@northwind.example\n"
                "ATTENDEE;CN=Kim;PARTSTAT=ACCEPTED:mailto:kim@customer.example\nEND:VEVENT\nEND:VCALENDAR\n"
            )
            calendar = f"text/calendar; charset=utf-8; method={method}\nContent-Transfer-Encoding: base64"
            words = f"Kim Doe: {subject}. To stop receiving these mails, unsubscribe."
            body = _parts(("text/plain", words), (calendar, encodebytes(event.encode()).decode()))
            mark = self.chance.choice(["", "Auto-Submitted: auto-generated\n", f"In-Reply-To: {OUR_ID}\n"])
            kim = "Kim Doe <kim@customer.example>"
            raw = self._mail(kim, subject, body, mark, kind=f"multipart/alternative; {_BOUNDARY}")
            yield Sample(f"calendar {method} {number}", raw, "meeting", method=method)

    def _day(self, shape: str, language: str, day: date) -> str:
        nth = {1: "st", 2: "nd", 3: "rd", 21: "st", 22: "nd", 23: "rd", 31: "st"}.get(day.day, "th")
        return shape.format(
            d=day.day, m=day.month, y=day.year, month=_WORDS["months"][language].split()[day.month - 1], nth=nth
        )

    def _quoted(self, language: str) -> str:
        """Our mail as programs quote it."""
        lines = _OURS.split("\n")
        way = self.chance.randrange(4)
        if way == 0:
            return f"{_WORDS['quotes'][language]}\n" + "".join(f"> {line}\n" for line in lines)
        if way == 1:
            return f"{_WORDS['quotes'][language]}\n\n" + "\n".join(lines)
        if way == 2:
            names = _WORDS["outlook"][language]
            values = (
                "Ana Petersen <ana@northwind.example>",
                "3. 8. 2026 09:00",
                "Kim Doe",
                "Following up on the trade fair",
            )
            fields = "\n".join(f"{name}: {value}" for name, value in zip(names, values, strict=True))
            return f"{fields}\n\n" + "\n".join(lines)
        return ""

    def _mail(
        self, sender: str, subject: str, body: str, headers: str, kind: str = "", to: str = f"Ana Petersen <{ANA}>"
    ) -> bytes:
        """A mail in one of several encodings."""
        encoding = "8bit"
        data = body.encode()
        charset = "utf-8"
        if not kind:
            charset = self.chance.choice(["utf-8", "utf-8", "iso-8859-1", "windows-1252"])
            try:
                data = body.encode(charset)
            except UnicodeEncodeError:
                charset = "utf-8"
            kind = f"text/plain; charset={charset}"
            encoding = self.chance.choice(["8bit", "quoted-printable", "base64"])
            if encoding == "quoted-printable":
                data = encodestring(data)
            elif encoding == "base64":
                data = encodebytes(data)
        raw = self._head(sender, subject, headers, kind, encoding, to) + data
        return raw.replace(b"\n", b"\r\n") if self.chance.random() < 0.5 else raw

    def _html(self, subject: str, own: str, language: str, headers: str) -> bytes:
        """An answer in HTML only, our mail quoted as Gmail or Outlook do."""
        ours = "".join(f"<p>{line}</p>" for line in _OURS.split("\n"))
        said = own.replace("\n", "<br>")
        intro, fields = _WORDS["quotes"][language], _WORDS["outlook"][language]
        gmail = f'<div class="gmail_quote"><div>{intro}<br></div><blockquote>{ours}</blockquote></div>'
        outlook = f'<div id="appendonsend"></div><hr><div id="divRplyFwdMsg"><b>{fields[0]}:</b> Ana</div>{ours}'
        quote = self.chance.choice([gmail, outlook])
        body = f"<html><head><style>p {{margin:0}}</style></head><body><div>{said}</div>{quote}</body></html>"
        return (
            self._head("Kim Doe <kim@customer.example>", subject, headers, "text/html; charset=utf-8") + body.encode()
        )

    def _head(
        self, sender: str, subject: str, headers: str, kind: str, encoding: str = "8bit", to: str = f"Ana <{ANA}>"
    ) -> bytes:
        self._count += 1
        words = subject if subject.isascii() else Header(subject, "utf-8").encode()
        return (
            f"{headers}From: {sender}\nTo: {to}\nSubject: {words}\nDate: {format_datetime(TODAY)}\n"
            f"Message-ID: <in-{self._count}@customer.example>\nMIME-Version: 1.0\nContent-Type: {kind}\n"
            f"Content-Transfer-Encoding: {encoding}\n\n"
        ).encode()
