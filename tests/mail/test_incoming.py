"""What a mail that came in is taken for: complaints, opt-outs, meetings, people, and everything else."""

from __future__ import annotations

import email
import email.policy
from collections import Counter
from datetime import UTC, date, datetime
from textwrap import dedent
from urllib.parse import unquote, urlsplit

import pytest
from mail_samples import ANA, OUR_ID, non_report_samples

from cadenza.domain.incoming import BounceKind, IncomingKind
from cadenza.domain.sequence import Delay, Sequence, Step, StepKind
from cadenza.mail.incoming import classify
from cadenza.mail.links import read_unsubscribe_token, unsubscribe_token
from cadenza.mail.message import Letter, SenderIdentity, StepComposer


def mail(body: str = "hello", **fields: str) -> bytes:
    """A mail of Kim's to Ana; fields are headers, with "_" for "-"."""
    given = {"From": "Kim Doe <kim@customer.example>", "To": f"Ana <{ANA}>", "Subject": "Re: Following up"}
    given |= {name.replace("_", "-"): value for name, value in fields.items()}
    head = "".join(f"{name}: {value}\n" for name, value in given.items() if value)
    return f"{head}\n{dedent(body).strip()}\n".encode()


def multipart(kind: str, *parts: str, **fields: str) -> bytes:
    """A mail of several parts, each with its own headers."""
    body = "".join(f"--x\n{dedent(part).strip()}\n\n" for part in parts)
    return mail(f"{body}--x--", Content_Type=f'{kind}; boundary="x"', **fields)


def test_made_up_mails_are_taken_for_what_they_are():
    taken = Counter()
    wrong = []
    for sample in non_report_samples(seed=7, copies=1):
        incoming = classify(sample.raw, [ANA])
        taken[incoming.kind] += 1
        if (incoming.kind, incoming.back_on, incoming.method) != (sample.kind, sample.back_on, sample.method):
            wrong.append((sample.name, incoming))
    assert not wrong
    assert {kind for kind, number in taken.items() if number} == set(IncomingKind) - {"bounce", "complaint"}


def test_the_fields_are_read():
    incoming = classify(
        mail(
            From='"ana@northwind.example" <KIM@Customer.Example>',
            To="Ana <Ana@northwind.example>, info@bücher.example",
            Cc='"Doe, Jo" <jo@customer.example>',
            Subject="=?utf-8?q?Gr=C3=BC=C3=9Fe?=\n =?iso-8859-1?b?IGF1cyBL9mxu?=",
            Date="Mon, 3 Aug 2026 09:30:00 +0200",
            Message_ID="<own@customer.example>",
            In_Reply_To="<2@northwind.example>",
            References="<1@northwind.example>\n <2@northwind.example>",
        )
    )
    assert incoming.from_address == "kim@customer.example"
    assert incoming.to_addresses == ("ana@northwind.example", "info@xn--bcher-kva.example", "jo@customer.example")
    assert incoming.subject == "Grüße aus Köln"
    assert incoming.sent_at == datetime(2026, 8, 3, 7, 30, tzinfo=UTC)
    assert incoming.message_id == "<own@customer.example>"
    assert incoming.answers == ("<2@northwind.example>", "<1@northwind.example>")


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param({"From": f"Ana <{ANA.upper()}>"}, "other", id="from an address of our own"),
        pytest.param({"List_Id": "<fair.list.example>", "To": "fair@list.example"}, "other", id="of a list"),
        pytest.param({"List_Id": "<sales.example>", "In_Reply_To": OUR_ID}, "reply", id="an answer by way of our list"),
        pytest.param({"List_Unsubscribe": "<https://x.example>"}, "other", id="a newsletter"),
        pytest.param(
            {"List_Unsubscribe": "<https://x.example>", "In_Reply_To": OUR_ID}, "reply", id="an answer by a sales tool"
        ),
        pytest.param({"Auto_Submitted": "no"}, "reply", id="a person, says the field"),
        pytest.param({"Auto_Submitted": "auto-replied"}, "auto_reply", id="a machine, says the field"),
        pytest.param({"Subject": "Re: hi", "From": ""}, "reply", id="from nobody"),
    ],
)
def test_mails_that_concern_no_enrollment_are_told_from_answers(fields, expected):
    assert classify(mail(**fields), [ANA]).kind == expected


def test_a_mail_that_went_round_too_often_is_a_loop():
    raw = b"Received: from a by b; Mon, 3 Aug 2026 09:00:00 +0200\n" * 60 + mail()
    assert classify(raw, [ANA]).kind is IncomingKind.OTHER


class TestComplaints:
    #: After the example of RFC 5965, B.1.
    FEEDBACK = """
        Content-Type: message/feedback-report

        Feedback-Type: {}
        User-Agent: SomeGenerator/1.0
        Version: 1
        Original-Mail-From: <ana@northwind.example>
        Original-Rcpt-To: <Kim@customer.example>
        """
    ORIGINAL = f"""
        Content-Type: message/rfc822

        From: Ana <{ANA}>
        To: <kim@customer.example>
        Message-ID: {OUR_ID}
        Subject: hello

        Spam Spam Spam
        """

    def report(self, kind: str) -> bytes:
        words = "Content-Type: text/plain\n\nThis is an email abuse report."
        return multipart(
            "multipart/report; report-type=feedback-report",
            words,
            dedent(self.FEEDBACK).format(kind),
            self.ORIGINAL,
            From="<abusedesk@provider.example>",
            Subject="FW: hello",
        )

    @pytest.mark.parametrize("kind", ["abuse", "fraud", "other"])
    def test_a_feedback_report_is_a_complaint(self, kind):
        incoming = classify(self.report(kind), [ANA])
        assert incoming.kind is IncomingKind.COMPLAINT
        assert [recipient.address for recipient in incoming.recipients] == ["kim@customer.example"]
        assert incoming.recipients[0].kind is BounceKind.HARD
        assert incoming.originals[0] == OUR_ID

    @pytest.mark.parametrize(
        ("kind", "expected"), [("opt-out", "opt_out"), ("not-spam", "other"), ("auth-failure", "other")]
    )
    def test_other_feedback_is_no_complaint(self, kind, expected):
        assert classify(self.report(kind), [ANA]).kind == expected

    def test_a_mail_servers_own_account_may_complain(self):
        raw = self.report("abuse").replace(b"abusedesk@", b"mailer-daemon@").replace(b"FW: hello", b"Undelivered mail")
        assert classify(raw, [ANA]).kind is IncomingKind.COMPLAINT

    def test_a_desk_that_forwards_our_mail_complains_too(self):
        original = self.ORIGINAL.replace("Subject: hello", "X-HmXmrOriginalRecipient: kim@outlook.example")
        incoming = classify(
            multipart(
                "multipart/mixed",
                original,
                From="<staff@hotmail.com>",
                Subject="complaint about message from 192.0.2.7",
            )
        )
        assert incoming.kind is IncomingKind.COMPLAINT
        assert incoming.recipients[0].address == "kim@outlook.example"
        assert incoming.originals[0] == OUR_ID

    def test_a_person_who_forwards_our_mail_does_not(self):
        raw = multipart(
            "multipart/mixed", "Content-Type: text/plain\n\nSee below.", self.ORIGINAL, Subject="Fwd: hello"
        )
        assert classify(raw, [ANA]).kind is IncomingKind.REPLY


class TestOptOuts:
    def test_the_address_that_our_mails_carry_leads_back_to_the_enrollment(self):
        step = Step(1, StepKind.EMAIL, Delay(0), subject="Hello", text="hello\n")
        sequence = Sequence("hello", "Hello", (step,))
        composer = StepComposer(step, sequence, SenderIdentity(ANA, "Ana", "Kaistraße 1", {}))
        token = unsubscribe_token(b"key", 4711)
        letter = Letter(
            "kim@customer.example",
            "Kim",
            OUR_ID,
            datetime(2026, 8, 3, tzinfo=UTC),
            {"contact": {}},
            f"https://cadenza.example/unsubscribe/{token}",
        )
        sent = email.message_from_bytes(composer.compose(letter).message, policy=email.policy.default)
        link = next(part for part in sent["List-Unsubscribe"].split(",") if "mailto:" in part).strip().strip("<>")
        subject = unquote(urlsplit(link).query.removeprefix("subject="))
        automatic = "This message was automatically generated by Gmail."
        incoming = classify(mail(automatic, Subject=subject, Auto_Submitted="auto-generated"), [ANA])
        assert incoming.kind is IncomingKind.OPT_OUT
        assert read_unsubscribe_token(b"key", incoming.unsubscribe_token) == 4711

    @pytest.mark.parametrize(
        "body",
        [
            "Please remove me from your list.",
            "Hi Ana,\n\nplease don't email me again.\n\nKim",
            "UNSUBSCRIBE!",
            "Bitte loeschen Sie meine Adresse aus Ihrem Verteiler.",
            "merci de ne plus me contacter",
        ],
    )
    def test_plain_words_are_enough(self, body):
        assert classify(mail(body), [ANA]).kind is IncomingKind.OPT_OUT

    @pytest.mark.parametrize(
        "body",
        [
            pytest.param("Sounds good.\n\n> Please remove me from your list: https://x.example", id="quoted"),
            pytest.param("Yes.\n\nOn 3 Aug 2026, Ana <a@x> wrote:\nunsubscribe\nremove me", id="below a quote's head"),
            pytest.param("Yes.\n\nVon: Ana\nGesendet: Montag\nAn: Kim\nBetreff: hi\n\nAbmelden", id="below Outlook's"),
            pytest.param("Yes.\n-- \nKim\nTo unsubscribe from my mails: unsubscribe me", id="in a signature"),
            pytest.param("Please don't hesitate to email me again.", id="the opposite"),
            pytest.param("I don't want to unsubscribe, I want to buy.", id="denied"),
            pytest.param("Stop by our booth before you send the offer.", id="stop by"),
            pytest.param("Please remove me from the thread, Jo takes over.", id="from a thread"),
        ],
    )
    def test_other_mentions_are_not(self, body):
        assert classify(mail(body), [ANA]).kind is IncomingKind.REPLY


class TestMeetings:
    def calendar(self, method: str, attendance: str, **fields: str) -> bytes:
        event = f"""
            Content-Type: text/calendar; charset=utf-8; method={method}

            BEGIN:VCALENDAR
            METHOD:{method}
            BEGIN:VEVENT
            ATTENDEE;CN="Kim; the \
             one";PARTSTAT={attendance}:mailto:kim@customer.example
            END:VEVENT
            END:VCALENDAR
            """
        return multipart("multipart/alternative", "Content-Type: text/plain\n\nunsubscribe", event, **fields)

    @pytest.mark.parametrize("attendance", ["ACCEPTED", "DECLINED", "TENTATIVE"])
    def test_an_answer_says_whether_somebody_comes(self, attendance):
        incoming = classify(self.calendar("REPLY", attendance, Auto_Submitted="auto-generated"), [ANA])
        assert (incoming.kind, incoming.method, incoming.attendance) == (IncomingKind.MEETING, "REPLY", attendance)

    @pytest.mark.parametrize(
        ("method", "expected"), [("REQUEST", "REQUEST"), ("CANCEL", "CANCEL"), ("COUNTER", "REPLY")]
    )
    def test_invitations_and_cancellations_are_meetings(self, method, expected):
        incoming = classify(self.calendar(method, "NEEDS-ACTION"), [ANA])
        assert (incoming.kind, incoming.method, incoming.attendance) == (IncomingKind.MEETING, expected, None)

    def test_a_calendar_that_is_handed_on_is_no_meeting(self):
        assert classify(self.calendar("PUBLISH", "ACCEPTED"), [ANA]).kind is IncomingKind.OPT_OUT

    def test_an_absence_that_comes_with_a_calendar_stays_an_absence(self):
        raw = self.calendar(
            "REPLY", "DECLINED", Subject="Automatic reply: away until 14 August", Date="3 Aug 2026 09:00"
        )
        incoming = classify(raw, [ANA])
        assert (incoming.kind, incoming.back_on) == (IncomingKind.AUTO_REPLY, date(2026, 8, 15))


def test_every_mail_says_why_without_its_words():
    for sample in non_report_samples(copies=1):
        incoming = classify(sample.raw, [ANA])
        assert incoming.evidence
        said = " ".join(incoming.evidence).lower()
        assert "kim" not in said
        assert "@" not in said
