"""Opens and clicks of mails: what is changed in a mail, and what never is."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email import message_from_bytes, policy
from html import unescape
from urllib.parse import parse_qs, urlsplit

import pytest

from cadenza.domain.sequence import UNTRACKED, Sequence, Step, StepKind, Tracking
from cadenza.errors import LinkInvalid
from cadenza.mail.links import MailLinks, read_click_token, read_open_token, unsubscribe_token
from cadenza.mail.message import Letter, SenderIdentity, StepComposer

KEY = b"k" * 32
SITE = "https://mail.example.com"
ANA = SenderIdentity("ana@northwind.example", "Ana", "Northwind, Hamburg", {"name": "Ana"})
HTML = """<p title='a href="x"'>Dear {{ contact.first_name }},</p>
<p><a class="x" href="https://shop.example/a?b=1&amp;c=2">shop</a>
<a href="{{ contact.page }}">yours</a> <a href="https://shop.example/{{ contact.first_name }}/p">mine</a>
<a href="mailto:ana@northwind.example">write</a> <a href="{{ unsubscribe_url }}">leave</a>
{% if contact.first_name %}<a href="https://only.example/">only</a>{% endif %}</p>"""


def bodies(tracking: Tracking) -> tuple[str, str]:
    """The plain and the HTML body as they arrive."""
    step = Step(1, StepKind.EMAIL, subject="Hello", html=HTML)
    letter = Letter(
        "kim@customer.example",
        "Kim",
        "<1@northwind.example>",
        datetime(2026, 3, 2, tzinfo=UTC),
        {"contact": {"first_name": "Kim", "page": "shop.example/kim"}, "company": {}, "sequence": {}},
        f"{SITE}/unsubscribe/{unsubscribe_token(KEY, 7)}",
        links=MailLinks(KEY, SITE, 7, 1) if tracking.is_any else None,
    )
    composed = StepComposer(step, Sequence("s", "S", (step,)), ANA, tracking).compose(letter)
    parts = message_from_bytes(composed.message, policy=policy.default)
    return tuple(parts.get_body((kind,)).get_content() for kind in ("plain", "html"))


def links(html: str) -> list[str]:
    return [unescape(link) for link in re.findall(r'<a [^>]*?href="([^"]*)"', html)]


def test_nothing_of_an_untracked_mail_is_changed():
    plain, html = bodies(UNTRACKED)
    assert f"{SITE}/o/" not in html
    assert f"{SITE}/c/" not in html + plain


def test_web_links_lead_through_our_pages_and_nothing_else_does():
    untouched, tracked = links(bodies(UNTRACKED)[1]), links(bodies(Tracking(clicks=True))[1])
    assert len(untouched) == len(tracked) == 6
    for before, after in zip(untouched, tracked, strict=True):
        if before.startswith(("mailto:", SITE)):
            assert after == before
            continue
        place = urlsplit(after)
        assert after.startswith(f"{SITE}/c/")
        (target,) = parse_qs(place.query)["to"]
        assert target == before
        assert read_click_token(KEY, place.path.rpartition("/")[2], target) == (7, 1)


def test_the_plain_body_and_the_unsubscribe_header_stay_as_they_are():
    assert bodies(UNTRACKED)[0] == bodies(Tracking(True, True))[0]


def test_a_picture_tells_of_an_open():
    (source,) = re.findall(r'<img src="([^"]*)"', bodies(Tracking(opens=True))[1])
    assert source.startswith(f"{SITE}/o/")
    assert source.endswith(".gif")
    assert read_open_token(KEY, source.rpartition("/")[2].removesuffix(".gif")) == (7, 1)


def test_links_name_nobody_and_hold_for_their_target_only():
    mail = MailLinks(KEY, SITE, 123_456, 2)
    link = mail.click_url("https://shop.example/")
    token = urlsplit(link).path.rpartition("/")[2]
    assert "123456" not in link
    assert read_click_token(KEY, token, "https://shop.example/") == (123_456, 2)
    opened = mail.open_url.rpartition("/")[2].removesuffix(".gif")
    for wrong in (
        lambda: read_click_token(KEY, token, "https://evil.example/"),
        lambda: read_click_token(b"other" * 8, token, "https://shop.example/"),
        lambda: read_click_token(KEY, opened, "https://shop.example/"),
        lambda: read_open_token(KEY, token),
        lambda: read_open_token(KEY, unsubscribe_token(KEY, 7)),
        lambda: read_open_token(KEY, "ü"),
    ):
        with pytest.raises(LinkInvalid):
            wrong()
