"""One click ends it; a look changes nothing."""

from __future__ import annotations

from email import message_from_bytes
from urllib.parse import urlsplit

import pytest

from cadenza.mail.links import unsubscribe_token
from tasks.claim_steps import claim_steps


def test_one_click_unsubscribes_without_login_redirect_or_cookie(site, world, kim):
    answer = site.one_click(kim)
    assert answer.status_code == 200
    assert answer.history == []
    assert "set-cookie" not in answer.headers
    assert world.rows("SELECT id, status, ending, ended_by FROM enrollments WHERE status = 'ended'") == [
        (kim, "ended", "unsubscribed", "recipient")
    ]
    assert world.one("SELECT opted_out_at FROM contacts WHERE id = 1") == world.now
    assert world.rows("SELECT value, reason, source FROM suppressions") == [
        ("kim.lee@customer.example", "opted_out", "one_click")
    ]


def test_the_link_of_a_mail_that_was_sent_leads_to_its_own_enrollment(site, world, kim):
    world.runtime.settings.public_url = f"http://127.0.0.1:{site.port}"
    claim_steps.fn("Europe/Berlin")
    mail = message_from_bytes(world.one("SELECT message FROM deliveries WHERE enrollment_id = :id", id=kim))
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    link = mail["List-Unsubscribe"].split(">")[0].strip("< ")
    body = mail.get_payload()[0].get_payload(decode=True).decode()
    assert link in body, "the visible link is the same"
    assert site.client.get(link).status_code == 200
    name, _, value = mail["List-Unsubscribe-Post"].partition("=")
    assert site.client.post(urlsplit(link).path, data={name: value}).status_code == 200
    assert world.rows("SELECT id FROM enrollments WHERE status = 'ended'") == [(kim,)]


def test_both_encodings_of_the_form_are_understood(site, world, kim):
    answer = site.client.post(f"/unsubscribe/{site.token(kim)}", files={"List-Unsubscribe": (None, "One-Click")})
    assert answer.request.headers["Content-Type"].startswith("multipart/form-data")
    assert answer.status_code == 200
    assert world.one("SELECT count(*) FROM suppressions") == 1


def test_a_second_click_is_fine_and_changes_nothing(site, kim):
    site.one_click(kim)
    before = site.everything()
    site.world.runtime.clock.wait(60)
    assert site.one_click(kim).status_code == 200
    assert site.everything() == before


@pytest.mark.parametrize("page", ["unsubscribe", "preferences"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_looking_changes_nothing(site, kim, page, method):
    before = site.everything()
    for _ in range(3):
        answer = site.client.request(method, f"/{page}/{site.token(kim)}?List-Unsubscribe=One-Click&choice=all")
        assert answer.status_code == 200
        assert ("<button" in answer.text) == (method == "GET")
    assert site.everything() == before


@pytest.mark.parametrize("form", [{}, {"List-Unsubscribe": "Two-Clicks"}, {"choice": "all"}])
def test_a_post_that_says_something_else_changes_nothing(site, kim, form):
    before = site.everything()
    assert site.post(f"/unsubscribe/{site.token(kim)}", **form).status_code == 400
    assert site.everything() == before


def test_the_button_of_the_page_sends_what_a_mail_program_sends(site, kim, text):
    page = site.get(f"/unsubscribe/{site.token(kim)}")
    assert 'method="post"' in page.text
    assert '<button name="List-Unsubscribe" value="One-Click">' in page.text
    assert "k•••@c•••.example will get no more mails from Ana North" in text(page)
    done = site.post(f"/unsubscribe/{site.token(kim)}", **{"List-Unsubscribe": "One-Click"})
    assert "You are unsubscribed" in text(done)
    assert "<button" not in done.text
    again = site.client.get(str(done.url.join(f"../preferences/{site.token(kim)}")))
    assert "Subscribe again" in text(again)


def test_the_link_to_the_choices_is_relative_so_that_a_proxy_may_add_a_path(site, kim):
    page = site.get(f"/unsubscribe/{site.token(kim)}").text
    assert f'href="../preferences/{site.token(kim)}"' in page
    assert "action=" not in page


def test_a_token_works_however_old_its_mail_is(site, world, kim):
    world.rows("UPDATE enrollments SET enrolled_at = '2016-01-01T00:00Z', status = 'finished'")
    assert site.one_click(kim).status_code == 200
    assert world.one("SELECT count(*) FROM suppressions") == 1


@pytest.mark.parametrize("page", ["unsubscribe", "preferences"])
@pytest.mark.parametrize("method", ["GET", "POST", "HEAD"])
def test_a_link_that_nobody_made_leads_to_a_page_that_names_nothing(site, kim, page, method):
    before = site.everything()
    good = site.token(kim)
    changed = ("B" if good[0] == "A" else "A") + good[1:]
    bad = ["x", f"{good}/", good[:-1], changed, "é" * 8, "%00", "a" * 5_000,
           unsubscribe_token(b"the key of another installation", kim)]  # fmt: skip
    pages = set()
    for token in bad:
        answer = site.client.request(
            method, f"/{page}/{token}", data={"List-Unsubscribe": "One-Click", "choice": "all"}
        )
        assert answer.status_code == 404
        pages.add(answer.text)
    assert len(pages) == 1
    assert site.client.request("GET", "/").text in pages or method == "HEAD"
    assert "Ana" not in pages.pop()
    assert site.everything() == before


@pytest.mark.parametrize("page", ["unsubscribe", "preferences"])
def test_an_enrollment_that_is_gone_gets_a_kind_page(site, world, kim, page, text):
    token = site.token(kim)
    world.rows("DELETE FROM enrollments")
    world.rows("DELETE FROM contacts")
    before = site.everything()
    assert site.one_click(kim).status_code == 200
    for answer in (site.get(f"/{page}/{token}"), site.post(f"/preferences/{token}", choice="again")):
        assert answer.status_code == 200
        assert "We have deleted what we knew of you" in text(answer)
    assert site.everything() == before
