"""The mail on the wire, compared with what the standard library makes of the same words."""

from __future__ import annotations

import email
import email.policy
import re
from dataclasses import replace
from datetime import UTC, datetime
from email.header import decode_header, make_header
from email.message import EmailMessage

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cadenza.domain.sequence import Sequence, Step, StepKind
from cadenza.errors import TokenMissing
from cadenza.mail.message import Letter, SenderIdentity, StepComposer, message_id

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
STEP = Step(
    1,
    StepKind.EMAIL,
    subject="{{ contact.company | default('You') }}: {{ contact.first_name }}",
    text="Hello {{ contact.first_name }},\n\n{% if contact.city %}\nhow is {{ contact.city }}?\n{% endif %}\n\n"
    "= {{ sender.name }}\n",
    html="<p>Hello {{ contact.first_name }}</p>"
    "{% if contact.city %}<p title='{{ contact.city }}'>how is {{ contact.city }}?</p>{% else %}<p>{</p>{% endif %}"
    "<p><a href='{{ sender.calendar }}'>meet</a></p>",
)
SEQUENCE = Sequence("post_event", "After the fair", (STEP,))
SENDER = SenderIdentity(
    "ana@northwind.example",
    "Ana Petersen",
    "Northwind GmbH\nKaistraße 14 {Hamburg}",
    {"name": "Ana Petersen", "calendar": "https://northwind.example/meet/ana"},
)
LETTER = Letter(
    "kim@customer.example",
    "Kim Doe",
    "<1.1.0af3@northwind.example>",
    NOW,
    {"contact": {"first_name": "Kim", "city": "Köln"}, "company": {}},
    "https://cadenza.example/unsubscribe/t0k-en_",
)


def composed(step=STEP, sequence=SEQUENCE, sender=SENDER, **letter):
    return StepComposer(step, sequence, sender).compose(replace(LETTER, **letter))


def parsed(message: bytes):
    return email.message_from_bytes(message, policy=email.policy.default)


def bodies(message: bytes) -> tuple[str, str]:
    mail = parsed(message)
    plain, html = (mail.get_body((kind,)).get_content().replace("\r\n", "\n") for kind in ("plain", "html"))
    return plain, html


def read(message: bytes, name: str) -> list[str]:
    """The words of a header as RFC 2047 has them read (3.11's newer parser puts spaces between encoded words)."""
    return str(make_header(decode_header(email.message_from_bytes(message)[name]))).split()


def slowly(composer: StepComposer, letter: Letter) -> bytes:
    """The same mail, made by the standard library."""
    values = {**letter.values, "sender": dict(SENDER.values), "unsubscribe_url": letter.unsubscribe_url}
    mail = EmailMessage(policy=email.policy.SMTP.clone(max_line_length=998))
    one_line = " ".join("".join(c if c.isprintable() else " " for c in composer.subject.render(values)).split())
    name = " ".join("".join(c if c.isprintable() else " " for c in letter.to_name).split())
    mail["From"] = email.headerregistry.Address(SENDER.display_name, addr_spec=SENDER.address)
    mail["To"] = email.headerregistry.Address(name, addr_spec=letter.to_address)
    mail["Subject"] = one_line
    mail["Date"] = letter.date
    mail["Message-ID"] = letter.message_id
    if letter.references:
        mail["In-Reply-To"] = letter.references[-1]
        mail["References"] = " ".join(letter.references)
    mail["List-Unsubscribe"] = (
        f"<{letter.unsubscribe_url}>, <mailto:{SENDER.address}?subject=unsubscribe%20"
        f"{letter.unsubscribe_url.rpartition('/')[2]}>"
    )
    mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    mail["List-Id"] = "<post_event.sequences.northwind.example>"
    mail["Feedback-ID"] = "post_event:1:sequence:cadenza"
    mail.set_content(composer.bodies.text.render(values), cte="quoted-printable")
    mail.add_alternative(composer.bodies.html.render(values), subtype="html", cte="quoted-printable")
    return mail.as_bytes()


COMPOSER = StepComposer(STEP, SEQUENCE, SENDER)
#: Anything that a list may contain; the standard library mistakes "=?" for an encoded word, of which a test of its own.
WORDS = st.text(st.characters(exclude_categories=("Cs",)), max_size=200).filter(lambda words: "=?" not in words)


@settings(max_examples=300, deadline=None)
@given(first_name=WORDS, city=WORDS, company=WORDS, to_name=WORDS, answers=st.integers(0, 5))
@example("x" * 90, "a=b", "x" * 300, '"Kim" <x@y>', 1)
@example("a\r\nBcc: victim@x.example", "\r\n.\r\nMAIL", "\x00\x1b[0m\u2028", "\n", 0)
@example("Jörg " * 30, "日本" * 60, "trailing ", "\t", 3)
@example(".", "..\n.", " = ", "a, b; c", 2)
def test_it_reads_exactly_as_the_standard_librarys(first_name, city, company, to_name, answers):
    letter = replace(
        LETTER,
        to_name=to_name,
        values={"contact": {"first_name": first_name, "city": city, "company": company}},
        references=tuple(f"<{n}.1.{'f' * 20}@northwind.example>" for n in range(answers)),
    )
    try:
        quick = COMPOSER.compose(letter)
    except TokenMissing:
        assert not first_name.strip()
        return
    ours, theirs = parsed(quick.message), parsed(slowly(COMPOSER, letter))
    assert ours["Subject"] == quick.subject
    assert sorted(ours.keys()) == sorted(theirs.keys())
    for name in set(ours.keys()) - {"Content-Type"}:
        assert read(quick.message, name) == read(slowly(COMPOSER, letter), name)
    assert bodies(quick.message) == bodies(slowly(COMPOSER, letter))
    lines = quick.message.split(b"\r\n")
    assert not any(b"\n" in line or b"\r" in line for line in lines)
    assert max(map(len, lines)) <= 998
    body = lines[lines.index(b"") :]
    assert max(map(len, body)) <= 76
    assert quick.message.isascii()


def test_words_that_look_encoded_stay_as_they_are():
    letter = composed(to_name="=?utf-8?q?x?=", values={"contact": {"first_name": "=?utf-8?b?eA==?="}})
    mail = parsed(letter.message)
    assert mail["Subject"] == letter.subject == "You: =?utf-8?b?eA==?="
    assert mail["To"].addresses[0].display_name == "=?utf-8?q?x?="


def test_half_a_character_does_no_harm():
    assert "�" in bodies(composed(values={"contact": {"first_name": "a\ud800"}}).message)[0].replace("?", "�")


def test_a_mail_carries_everything_that_mailbox_providers_ask_for():
    mail = parsed(composed(references=("<a@northwind.example>", "<b@northwind.example>")).message)
    assert dict(mail.items()) == {
        "From": "Ana Petersen <ana@northwind.example>",
        "To": "Kim Doe <kim@customer.example>",
        "Subject": "You: Kim",
        "Date": "Mon, 02 Mar 2026 09:00:00 +0000",
        "Message-ID": "<1.1.0af3@northwind.example>",
        "In-Reply-To": "<b@northwind.example>",
        "References": "<a@northwind.example> <b@northwind.example>",
        "List-Unsubscribe": "<https://cadenza.example/unsubscribe/t0k-en_>, "
        "<mailto:ana@northwind.example?subject=unsubscribe%20t0k-en_>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        "List-Id": "<post_event.sequences.northwind.example>",
        "Feedback-ID": "post_event:1:sequence:cadenza",
        "MIME-Version": "1.0",
        "Content-Type": 'multipart/alternative; boundary="=_cadenza_alternative"',
    }


def test_postal_address_and_a_visible_link_end_both_bodies():
    text, html = bodies(composed().message)
    assert text.endswith(
        "Northwind GmbH\nKaistraße 14 {Hamburg}\n"
        "If you would rather not hear from me again: https://cadenza.example/unsubscribe/t0k-en_\n"
    )
    assert "Kaistraße 14 &#123;Hamburg}" in html
    assert '<a href="https://cadenza.example/unsubscribe/t0k-en_">unsubscribe</a>' in html


def test_a_template_with_its_own_link_gets_no_second_one():
    step = replace(STEP, text="bye: {{ unsubscribe_url }}", html="<a href='{{ unsubscribe_url }}'>out</a>")
    text, html = bodies(composed(step).message)
    assert text.count("/unsubscribe/") == html.count("/unsubscribe/") == 1


def test_the_footer_speaks_the_language_of_the_sequence():
    text, html = bodies(composed(sequence=replace(SEQUENCE, language="de-AT")).message)
    assert "keine weiteren E-Mails" in text
    assert '<html lang="de-AT">' in html
    assert ">abmelden</a>" in html


@pytest.mark.parametrize(
    ("first", "subject"), [("Hello", "Re: Hello"), ("Re: Hello", "Re: Hello"), ("a\r\nb", "Re: a b")]
)
def test_an_answer_has_the_subject_of_its_thread(first, subject):
    mail = composed(replace(STEP, subject=""), thread_subject=first, references=("<a@x.example>",))
    assert (mail.subject, parsed(mail.message)["Subject"]) == (subject, subject)


def test_an_answer_whose_thread_was_never_sent_has_the_subject_it_would_have_had():
    answer = replace(STEP, position=2, subject="", reply_to_position=1)
    assert composed(answer, replace(SEQUENCE, steps=(STEP, answer))).subject == "You: Kim"


def test_a_missing_token_is_named():
    with pytest.raises(TokenMissing, match=r"contact\.first_name"):
        composed(values={"contact": {"first_name": " "}})


def test_text_alone_makes_a_mail_with_html_and_the_other_way_round():
    plain = replace(STEP, html="", text="Dear {{ contact.first_name }},\n\nsee https://x.example/a?b=1&c.\n")
    text, html = bodies(composed(plain).message)
    assert text.startswith("Dear Kim,\n\nsee https://x.example/a?b=1&c.\n")
    assert (
        '<p>Dear Kim,</p>\n<p>see <a href="https://x.example/a?b=1&amp;c">https://x.example/a?b=1&amp;c</a>.</p>'
        in html
    )
    text, _ = bodies(composed(replace(STEP, text="")).message)
    assert text.startswith("Hello Kim\n\nhow is Köln?\n\nmeet (https://northwind.example/meet/ana)\n")


def test_a_paragraph_that_is_left_out_leaves_no_gap():
    text, _ = bodies(composed(values={"contact": {"first_name": "Kim"}}).message)
    assert text.startswith("Hello Kim,\n\n= Ana Petersen\n")


def test_styles_are_inlined_and_nothing_is_fetched():
    step = replace(
        STEP, html='<style>@import "http://x.example/a.css"; p { color: red; position: fixed }</style><p>Hi</p>'
    )
    _, html = bodies(composed(step).message)
    assert '<p style="color:red">Hi</p>' in html
    assert "x.example" not in html


def test_an_address_beyond_ascii_stays_readable():
    message = composed(to_address="jörg@customer.example", to_name="Jörg Müller").message
    assert "<jörg@customer.example>".encode() in message
    assert parsed(message)["To"].addresses[0].display_name == "Jörg Müller"


def test_an_address_cannot_add_a_header():
    mail = parsed(composed(to_address="kim@x.example>\r\nBcc: <victim@x.example", message_id="<1@x>").message)
    assert mail["Bcc"] is None


@pytest.mark.parametrize("domain", ["northwind.example", "x" * 60 + ".example", "münchen.example"])
@pytest.mark.parametrize("unique", ["12.1.abcdef", "ü" * 100, "a b>\r\nBcc: x", "1." * 40])
def test_a_message_id_is_short_and_plain(domain, unique):
    made = message_id(domain, unique)
    assert re.fullmatch(r"<[\w.-]+@[\w.-]+>", made, re.ASCII)
    assert len(made) < 78
    assert made == message_id(domain, unique)
    assert made != message_id(domain, unique + "1")
