"""A person chooses which mails to get, and may choose again."""

from __future__ import annotations

import pytest


def choose(site, enrollment_id: int, choice: str, language: str = "en"):
    return site.post(f"/preferences/{site.token(enrollment_id)}", language, choice=choice)


def test_a_person_leaves_one_sender_then_all_then_returns(site, world, kim, text):
    path = f"/preferences/{site.token(kim)}"
    assert "You get mails from Ana North and colleagues." in text(site.get(path))

    assert "You get no mails from Ana North. Colleagues may write to you." in text(choose(site, kim, "sender"))
    assert world.rows("SELECT address, source FROM sender_opt_outs") == [("kim.lee@customer.example", "preferences")]
    assert world.one("SELECT opted_out_at FROM contacts WHERE id = 1") is None
    assert world.one("SELECT ending_reason FROM enrollments WHERE id = :id", id=kim) == "OPTED_OUT_SENDER"

    assert "You get no mails from Ana North and colleagues." in text(choose(site, kim, "all"))
    assert world.one("SELECT opted_out_at FROM contacts WHERE id = 1") == world.now

    assert "You get mails from Ana North and colleagues." in text(choose(site, kim, "again"))
    assert world.one("SELECT count(*) FROM sender_opt_outs") == world.one("SELECT count(*) FROM suppressions") == 0
    assert world.one("SELECT opted_out_at FROM contacts WHERE id = 1") is None
    assert world.one("SELECT status FROM enrollments WHERE id = :id", id=kim) == "ended"


@pytest.mark.parametrize("choice", ["all", "sender", "again"])
def test_choosing_twice_is_choosing_once(site, kim, choice):
    first = choose(site, kim, choice)
    before = site.everything()
    site.world.runtime.clock.wait(60)
    second = choose(site, kim, choice)
    assert (first.status_code, second.status_code) == (200, 200)
    assert first.text == second.text
    assert site.everything() == before


@pytest.mark.parametrize("choice", ["", "ALL", "everything", "all\n"])
def test_an_unknown_choice_changes_nothing(site, kim, choice):
    before = site.everything()
    assert choose(site, kim, choice).status_code == 400
    assert site.everything() == before


@pytest.mark.parametrize(
    ("done", "offered"),
    [
        ([], {"sender", "all"}),
        (["sender"], {"again", "all"}),
        (["all"], {"again"}),
        (["sender", "all"], {"again"}),
        (["all", "again"], {"sender", "all"}),
    ],
)
def test_only_choices_that_change_something_are_offered(site, kim, done, offered):
    for choice in done:
        choose(site, kim, choice)
    page = site.get(f"/preferences/{site.token(kim)}").text
    assert {choice for choice in ("sender", "all", "again") if f'value="{choice}"' in page} == offered


def test_whoever_complained_cannot_subscribe_again_by_a_link(site, world, kim, text):
    world.rows("UPDATE contacts SET complained_at = now()")
    page = site.get(f"/preferences/{site.token(kim)}")
    assert "We do not write to this address any more." in text(page)
    choose(site, kim, "all")
    assert 'value="again"' not in site.get(f"/preferences/{site.token(kim)}").text


@pytest.mark.parametrize(
    ("asked", "sequence", "expected"),
    [
        ("de-AT,de;q=0.9,en;q=0.8", "en", "de"),
        ("en-GB", "de", "en"),
        ("fr-FR,fr;q=0.9", "de-CH", "de"),
        ("", "de", "de"),
        ("", "fr", "en"),
        ("", "", "en"),
    ],
)
def test_a_page_speaks_the_browser_s_language_else_the_sequence_s(site, world, kim, asked, sequence, expected):
    world.rows("UPDATE sequence_versions SET definition = jsonb_set(definition, '{language}', to_jsonb(:l ::text))"
               .replace(":l ::text", "CAST(:language AS text)"), language=sequence)  # fmt: skip
    for page in ("preferences", "unsubscribe"):
        answer = site.get(f"/{page}/{site.token(kim)}", asked)
        assert f'<html lang="{expected}">' in answer.text
        assert answer.headers["Content-Language"] == expected
        assert answer.headers["Vary"] == "Accept-Language"


def test_german_pages_are_german_throughout(site, kim, text):
    assert text(choose(site, kim, "sender", "de")) == (
        "Ihre E-Mails Welche E-Mails dürfen wir an k•••@c•••.example schreiben? Ihre Auswahl ist gespeichert. "
        "Sie erhalten keine E-Mails von Ana North. Andere aus dem Team dürfen Ihnen schreiben. Wieder anmelden "
        "Ana North und das Team dürfen Ihnen wieder schreiben. Eine beendete Reihe von E-Mails geht nicht weiter. "
        "Gar keine E-Mails mehr Weder Ana North noch andere aus dem Team schreiben Ihnen."
    )


def test_no_address_is_shown_in_full(site, kim):
    pages = [site.get(f"/{page}/{site.token(kim)}", language)
             for page in ("preferences", "unsubscribe") for language in ("en", "de")]  # fmt: skip
    pages += [choose(site, kim, choice) for choice in ("sender", "all", "again")] + [site.one_click(kim)]
    for page in pages:
        assert "k•••@c•••.example" in page.text
        assert not any(part in page.text.lower() for part in ("kim", "lee", "customer", "ana@", "northwind"))


HOSTILE = "<script>alert(1)</script>\"' onx=\u202eevil {{ 7*7 }} {address.__class__}\r\nX-Evil: 1"


def test_hostile_names_are_shown_not_obeyed(site, world, kim):
    world.rows("UPDATE mailboxes SET display_name = :name", name=HOSTILE)
    for page in ("preferences", "unsubscribe"):
        answer = site.get(f"/{page}/{site.token(kim)}")
        assert answer.status_code == 200
        assert "<script" not in answer.text
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in answer.text
        assert "\u202e" not in answer.text
        assert "49" not in answer.text.partition("<body>")[2].replace("&#34;", "").replace("&#39;", "")
        assert "x-evil" not in answer.headers


def test_a_sender_without_a_name_on_the_mailbox_goes_by_the_own_one(site, world, kim, text):
    world.rows("UPDATE mailboxes SET display_name = ' '")
    assert "from Ana North" in text(site.get(f"/preferences/{site.token(kim)}"))
