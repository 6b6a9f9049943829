"""Opens and clicks through the public pages."""

from __future__ import annotations

from email import message_from_bytes, policy
from urllib.parse import quote, urlsplit

import pytest

from cadenza.domain.sequence import Tracking
from cadenza.mail.links import MailLinks
from tasks.claim_steps import claim_steps
from tasks.send_email import hand_over

BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


@pytest.fixture
def mail(world, sink, site) -> MailLinks:
    """The links of a tracked mail that left a minute ago."""
    version = world.sequence(world.email(1), tracking=Tracking(True, True))
    world.enroll(world.contacts(1), version, world.mailbox())
    hand_over(claim_steps.fn("Europe/Berlin").delivery_ids)
    world.runtime.clock.wait(60)
    return MailLinks(world.runtime.secret_key, "", 1, 1)


def noted(world) -> list[tuple]:
    return world.rows("SELECT kind, delivery_id, data FROM events WHERE kind IN ('open', 'click') ORDER BY id")


def get(site, path: str, agent: str = BROWSER, method: str = "GET"):
    return site.client.request(method, path, headers={"User-Agent": agent})


def test_the_picture_of_a_mail_that_was_really_sent_notes_an_open_once(site, world, mail):
    message = message_from_bytes(bytes(world.one("SELECT message FROM deliveries")), policy=policy.default)
    html = message.get_body(("html",)).get_content()
    path = urlsplit(html[html.index("http", html.index("<img")) :].partition('"')[0]).path
    for _ in range(3):
        answer = get(site, path)
        assert (answer.status_code, answer.headers["Content-Type"]) == (200, "image/gif")
        assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
        assert answer.content.startswith(b"GIF89a")
    assert noted(world) == [("open", 1, {})]
    world.runtime.clock.wait(3_600)
    get(site, path)
    assert len(noted(world)) == 2


def test_a_click_is_noted_and_leads_on(site, world, mail):
    target = "https://shop.example/a?b=1&c=ü#d"
    answer = get(site, mail.click_url(target))
    assert (answer.status_code, answer.headers["Location"]) == (302, "https://shop.example/a?b=1&c=%C3%BC#d")
    assert noted(world) == [("click", 1, {})]


@pytest.mark.parametrize(
    "forged",
    [
        lambda mail: mail.click_url("https://shop.example/").replace("shop", "evil"),
        lambda mail: mail.click_url("https://shop.example/").partition("?")[0],
        lambda mail: f"{mail.click_url('https://shop.example/').partition('=')[0]}={quote('//evil.example')}",
        lambda mail: mail.open_url.replace("/o/", "/o/x"),
        lambda mail: "/c/nothing?to=https://evil.example",
    ],
)
def test_nobody_is_led_anywhere_by_a_link_that_we_did_not_make(site, world, mail, forged):
    answer = get(site, forged(mail))
    assert answer.status_code == 404
    assert "Location" not in answer.headers
    assert noted(world) == []


@pytest.mark.parametrize(
    ("agent", "method", "machine"),
    [
        ("Mozilla/5.0", "GET", "privacy_proxy"),
        ("Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)", "GET", None),
        ("python-requests/2.32", "GET", "scanner"),
        (BROWSER, "HEAD", "scanner"),
        ("", "GET", "scanner"),
    ],
)
def test_machines_are_marked(site, world, mail, agent, method, machine):
    get(site, mail.open_url, agent, method)
    assert [data.get("machine") for _, _, data in noted(world)] == [machine]


def test_what_comes_at_once_is_a_scanner(site, world, mail):
    world.rows("UPDATE deliveries SET ended_at = :now", now=world.now)
    get(site, mail.open_url)
    assert noted(world)[0].data == {"machine": "scanner"}


def test_nothing_is_noted_of_who_does_not_want_it_and_the_next_mail_is_plain(site, world, mail, text):
    page = text(site.get(f"/preferences/{site.token(1)}"))
    assert "Do not note what I open" in page
    assert "Your choice is saved" in text(site.post(f"/preferences/{site.token(1)}", choice="untracked"))
    assert get(site, mail.open_url).status_code == 200
    assert get(site, mail.click_url("https://shop.example/")).status_code == 302
    assert noted(world) == []
    world.enroll([1], 1, 1)
    claim_steps.fn("Europe/Berlin")
    assert b"/o/" not in bytes(world.one("SELECT message FROM deliveries WHERE enrollment_id = 2"))
    assert "may be noted" in text(site.post(f"/preferences/{site.token(1)}", choice="untracked"))
    site.post(f"/preferences/{site.token(1)}", choice="tracked")
    assert world.one("SELECT untracked_at FROM contacts") is None
    assert world.one("SELECT count(*) FROM events WHERE kind IN ('track', 'untrack')") == 2


def test_where_nothing_is_noted_nobody_is_asked(site, kim, text):
    assert "note" not in text(site.get(f"/preferences/{site.token(kim)}"))


def test_one_address_may_fetch_the_pictures_of_many(site, world, mail):
    """A provider's proxy has one address for all its users."""
    world.runtime.settings.web_requests_per_minute = 1_000_000
    other = MailLinks(world.runtime.secret_key, "", 999, 1)
    assert get(site, other.open_url).status_code == 200
    assert noted(world) == []
