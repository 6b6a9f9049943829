"""Does everything that is chosen at an enrollment take effect, up to the mails on the wire?"""

from __future__ import annotations

import email
import email.policy
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from cadenza.domain.assumptions import Assumptions
from cadenza.domain.enrollment import EnrollmentOptions, Segment
from cadenza.domain.overrides import Overrides
from cadenza.domain.sequence import EligibleDays, FollowUpPolicy
from cadenza.errors import OverrideInvalid
from cadenza.store import database
from flows.rehearse import enroll
from tasks.claim_steps import claim_steps
from tasks.play_weeks import Play
from tasks.recover_deliveries import recover_deliveries
from tasks.send_email import hand_over

BERLIN, TOKYO = ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Tokyo")


@pytest.fixture
def office(world: Any, sink: Any) -> Any:
    """Ana with two mailboxes and an alias; a sequence of mail, call, mail in the thread, and mail."""
    world.sink = sink
    world.box = world.mailbox("ana")
    world.rows("UPDATE mailboxes SET aliases = ARRAY['ana.north@northwind.example']")
    world.other_box = world.one(
        """
        INSERT INTO mailboxes (user_id, address, display_name, postal_address, transport, limits)
        SELECT user_id, 'ana@south.example', 'Ana South', 'Hafen 1', transport, '[]' FROM mailboxes RETURNING id
        """
    )
    world.sequence(
        world.email(1),
        world.todo(2, days=2, notes="Ask {{ contact.first_name }}."),
        world.email(3, days=3, subject="", reply_to_position=1),
        world.email(4, days=4, text="", html="<p>{{ contact.topic | default('Ships') }}</p>"),
        follow_ups=FollowUpPolicy(EligibleDays.EVERYDAY),
    )
    return world


def enrolled(ids: list[int], own: dict[int, dict[str, Any]] | None = None, **options: Any) -> Any:
    chosen = {id_: Overrides.from_data(data) for id_, data in (own or {}).items()}
    return enroll("hello", "ana", Segment(contact_ids=tuple(ids)), EnrollmentOptions(**options), chosen)


def play(world: Any) -> None:
    Play(claim_steps.fn, hand_over, recover_deliveries.fn, Assumptions(todo_days=1), lambda progress: None).run()


def mails(world: Any, contact_id: int) -> list[Any]:
    """The mails that a contact got, in their order, read from the bytes on the wire."""
    read = [email.message_from_bytes(path.read_bytes(), policy=email.policy.default) for path in world.sink.messages()]
    own = [mail for mail in read if f"c{contact_id}@" in mail["To"]]
    return sorted(own, key=lambda mail: mail["Date"].datetime)


def reasons(world: Any) -> dict[int, tuple[str, str]]:
    rows = world.rows("SELECT contact_id, code, detail FROM refusals WHERE is_reason")
    return {row.contact_id: (row.code, row.detail) for row in rows}


def test_every_option_takes_effect_on_the_wire(office):
    one, two = office.contacts(2, time_zone="Europe/Berlin")
    enrolled(
        [one, two],
        own={
            two: {
                "start_position": 1, "time_zone": "Asia/Tokyo", "send_at": "2026-03-04 10:00",
                "mailbox_id": office.box, "from_alias": "ana.north@northwind.example",
                "token_values": {"contact.first_name": "Kimiko"}, "fallbacks": {"contact.topic": "Cranes"},
                "follow_ups": {"eligible_days": "weekdays_only", "window": "09:00-17:00"},
                "steps": {
                    "1": {"subject": "Konnichiwa {{ contact.first_name }}"},
                    "2": {"delay": "now", "title": "Ring {{ contact.first_name }}", "is_blocking": False},
                    "3": {"delay": "4 days", "text": "Own words for {{ contact.first_name }}."},
                },
            }
        },
        overrides=Overrides.from_data({"mailbox_id": office.other_box, "steps": {"4": {"delay": "6 hours"}}}),
    )  # fmt: skip
    play(office)
    first, third, fourth = mails(office, two)
    assert [mail["From"].addresses[0].addr_spec for mail in (first, third, fourth)] == [
        "ana.north@northwind.example"
    ] * 3
    assert {
        row[0] for row in office.rows("SELECT from_address FROM deliveries WHERE mailbox_id = :m", m=office.box)
    } == {"ana.north@northwind.example"}
    assert (first["Subject"], third["Subject"]) == ("Konnichiwa Kimiko", "Re: Konnichiwa Kimiko")
    assert third["References"].split() == [first["Message-ID"]]
    assert "Dear Kimiko" in first.get_body(("plain",)).get_content()
    for kind in ("plain", "html"):
        assert "Own words for Kimiko." in third.get_body((kind,)).get_content()
        assert "Dear" not in third.get_body((kind,)).get_content()
        assert "Cranes" in fourth.get_body((kind,)).get_content()
    assert [office_time(mail, TOKYO) for mail in (first, third, fourth)] == [
        "2026-03-04 10:00",
        "2026-03-09 10:00",  # the to-do at once; four days later is a Sunday: Monday
        "2026-03-09 16:00",
    ]
    assert office.rows("SELECT title, is_blocking, created_at FROM todos WHERE contact_id = :c", c=two) == [
        ("Ring Kimiko", False, datetime(2026, 3, 4, 1, tzinfo=UTC))
    ]


def office_time(mail: Any, zone: ZoneInfo) -> str:
    return f"{mail['Date'].datetime.astimezone(zone):%Y-%m-%d %H:%M}"


def test_who_has_no_options_of_its_own_gets_those_of_all_and_else_the_sequence(office):
    one, two = office.contacts(2, time_zone="Europe/Berlin")
    enrolled(
        [one, two],
        own={two: {"steps": {"4": {"subject": "Mine"}}}},
        overrides=Overrides.from_data(
            {"steps": {"3": {"delay": "1 day"}, "4": {"delay": "6 hours", "subject": "All"}}}
        ),
        mailbox_id=office.other_box,
    )
    play(office)
    for contact, subject in ((one, "All"), (two, "Mine")):
        first, third, fourth = mails(office, contact)
        assert (first["Subject"], fourth["Subject"]) == ("Hello 1", subject)
        assert first["From"].addresses[0].addr_spec == "ana@south.example"
        assert "Ships" in fourth.get_body(("plain",)).get_content()
        # A day after the to-do, which a person does a day after it came, two days after the first mail.
        assert third["Date"].datetime - first["Date"].datetime == timedelta(days=4)
        assert fourth["Date"].datetime - third["Date"].datetime == timedelta(hours=6)


def test_nothing_is_stored_for_those_who_have_no_options(office):
    one, two = office.contacts(2)
    enrolled([one, two], own={two: {"steps": {"4": {"delay": "1 day"}}, "token_values": {"contact.first_name": "Al"}}})
    assert office.rows("SELECT contact_id, overrides, token_values FROM enrollments ORDER BY contact_id") == [
        (one, {}, {}),
        (two, {"steps": {"4": {"delay": [1, "days"]}}}, {"contact.first_name": "Al"}),
    ]


def test_each_contact_starts_at_its_own_step(office):
    one, two, three = office.contacts(3)
    enrolled([one, two, three], own={two: {"start_position": 2}, three: {"start_position": 1}}, start_position=4)
    rows = office.rows("SELECT next_position, next_kind, overrides FROM enrollments ORDER BY contact_id")
    assert rows == [
        (4, "email", {"start_position": 4}),
        (2, "todo", {"start_position": 2}),
        (1, "email", {"start_position": 1}),
    ]
    play(office)
    assert [len(mails(office, contact)) for contact in (one, two, three)] == [1, 2, 3]


def test_a_token_is_missing_only_where_a_step_that_will_run_needs_it(office):
    office.sequence(
        office.email(1, text="{{ contact.hobby }}", html=""),
        office.email(2, days=1),
        required_tokens=("contact.hobby", "contact.first_name"),
    )
    lacking, filled, by_default, later, other = office.contacts(5)
    enrolled(
        [lacking, filled, by_default, later, other],
        own={
            filled: {"token_values": {"contact.hobby": "sailing"}},
            by_default: {"fallbacks": {"contact.hobby": "sailing"}},
            later: {"start_position": 2},
            other: {"steps": {"1": {"text": "{{ contact.boat }}"}}},
        },
    )
    assert reasons(office) == {
        lacking: ("TOKEN_MISSING", "contact.hobby"),
        other: ("TOKEN_MISSING", "contact.boat"),
    }


OWN_MISTAKES = [
    pytest.param({"start_position": 5}, "START_STEP_OUT_OF_RANGE", "there is no step 5", id="start"),
    pytest.param({"steps": {"9": {"delay": "1 day"}}}, "OVERRIDE_INVALID", "steps.9", id="step"),
    pytest.param({"steps": {"3": {"title": "Call"}}}, "OVERRIDE_INVALID", "steps.3.title", id="title of an email"),
    pytest.param({"steps": {"3": {"subject": "X"}}}, "OVERRIDE_INVALID", "answers step 1", id="subject in a thread"),
    pytest.param({"start_position": 3, "steps": {"2": {"delay": "1 day"}}}, "OVERRIDE_INVALID",
                 "step 2 is skipped, because start_position is 3", id="a skipped step"),
    pytest.param({"steps": {"4": {"text": "{{ contact.__class__ }}"}}}, "OVERRIDE_INVALID", "steps.4.text", id="text"),
    pytest.param({"from_alias": "boss@northwind.example"}, "SEND_AS_DENIED", "", id="somebody else's alias"),
    pytest.param({"mailbox_id": 77}, "MAILBOX_SETTINGS_MISSING", "", id="no such mailbox"),
    pytest.param({"send_at": "2026-03-01 10:00"}, "START_IN_PAST", "", id="past"),
]  # fmt: skip


@pytest.mark.parametrize(("own", "code", "detail"), OWN_MISTAKES)
def test_a_contact_whose_options_make_no_sense_is_refused_alone(office, own, code, detail):
    good, bad = office.contacts(2)
    enrolled([good, bad], own={bad: own})
    [(contact, (found, words))] = reasons(office).items()
    assert (contact, found) == (bad, code)
    assert detail in words
    assert office.one("SELECT count(*) FROM enrollments") == 1


MISTAKES = [
    pytest.param({"start_position": 3}, {"steps": {"2": {"delay": "1 day"}}}, "step 2.*start_position", id="skipped"),
    pytest.param({"time_zone": "Asia/Tokyo"}, {"time_zone": "Europe/Berlin"}, "overrides.time_zone", id="two zones"),
    pytest.param({}, {"steps": {"1": {"delay": "2 days"}}}, "send_at", id="delay of the first step"),
    pytest.param({}, {"steps": {"4": {"html": "<p>{% for x in y %}"}}}, "steps.4.html", id="template"),
]


@pytest.mark.parametrize(("options", "data", "words"), MISTAKES)
def test_options_for_all_that_make_no_sense_enroll_nobody(office, options, data, words):
    with pytest.raises(OverrideInvalid, match=words):
        enrolled(office.contacts(2), overrides=Overrides.from_data(data), **options)
    assert office.one("SELECT count(*) FROM batches") == 0


def test_columns_of_the_list_say_what_is_different(office):
    one, two, three = office.contacts(3)
    for contact, properties in (
        (one, '{"step_4_subject": "From the list", "token_contact_first_name": "Al", "cadenza_start_step": "4"}'),
        (two, '{"step_4_delay_days": "soon", "topic": "x"}'),
        (three, '{"step_4_subject": " "}'),
    ):
        office.rows("UPDATE contacts SET properties = CAST(:p AS jsonb) WHERE id = :c", p=properties, c=contact)
    enrolled([one, two, three], from_columns=True)
    [(contact, (code, detail))] = reasons(office).items()
    assert (contact, code) == (two, "OVERRIDE_INVALID")
    assert detail.startswith("step_4_delay_days: 'soon days' is no time to wait")
    play(office)
    [mail] = mails(office, one)
    assert mail["Subject"] == "From the list"
    assert len(mails(office, three)) == 3
    with database.transaction(office.runtime.engine):
        office.rows("UPDATE enrollments SET status = 'finished', ending = NULL")
    enrolled([two])
    assert office.one("SELECT count(*) FROM enrollments WHERE contact_id = :c", c=two) == 1


def test_a_late_follow_up_waits_for_the_window_of_its_own(office):
    one, two = office.contacts(2, time_zone="Europe/Berlin")
    enrolled([one, two], own={two: {"follow_ups": {"window": "09:00-12:00"}}}, start_position=3)
    hand_over(claim_steps.fn("Europe/Berlin").delivery_ids)
    office.runtime.clock.at = datetime(2026, 3, 6, 14, tzinfo=UTC)
    office.rows("UPDATE enrollments SET due_at = :now", now=office.now)
    hand_over(claim_steps.fn("Europe/Berlin").delivery_ids)
    assert [len(mails(office, contact)) for contact in (one, two)] == [2, 1]
    assert office.one("SELECT due_at FROM enrollments WHERE contact_id = :c", c=two) == datetime(
        2026, 3, 7, 8, tzinfo=UTC
    )


def test_an_alias_that_the_mailbox_has_lost_holds_the_mail(office):
    [one] = office.contacts(1, time_zone="Europe/Berlin")
    enrolled([one], overrides=Overrides(from_alias="ana.north@northwind.example"), mailbox_id=office.box)
    office.rows("UPDATE mailboxes SET aliases = '{}'")
    assert claim_steps.fn("Europe/Berlin").held == 1
    assert office.one("SELECT held_reason FROM enrollments") == "SEND_AS_DENIED"


@pytest.mark.parametrize(
    ("setting", "stage"),
    [({}, "lead"), ({"lifecycle_stage": "contacted"}, "contacted")],
    ids=["by default", "asked for"],
)
def test_an_enrollment_touches_nothing_of_a_contact_unless_a_setting_says_so(office, setting, stage):
    ids = office.contacts(2, properties='{"lifecycle_stage": "lead", "x": "y"}')
    office.rows("UPDATE contacts SET bounced_at = now() WHERE id = :id", id=ids[1])
    before = office.rows("SELECT to_jsonb(c) - 'properties' - 'updated_at' FROM contacts c ORDER BY id")
    office.runtime.settings.properties_on_enrollment = setting
    enrolled(ids)
    play(office)
    assert office.rows("SELECT properties FROM contacts ORDER BY id") == [
        ({"lifecycle_stage": stage, "x": "y"},),
        ({"lifecycle_stage": "lead", "x": "y"},),
    ]
    assert office.rows("SELECT to_jsonb(c) - 'properties' - 'updated_at' FROM contacts c ORDER BY id") == before


def test_links_documents_and_videos_of_an_own_text_arrive_and_scripts_do_not(office):
    [one] = office.contacts(1)
    film = '<a href="https://v.example/film"><img src="https://v.example/film.jpg" alt="The film"></a>'
    html = f'<p>See <a href="https://d.example/a.pdf">the prices</a>.</p><p>{film}</p><script>alert(1)</script>'
    enrolled([one], own={one: {"steps": {"4": {"html": html}}}}, start_position=4)
    play(office)
    [mail] = mails(office, one)
    sent = mail.get_body(("html",)).get_content()
    assert '<a href="https://d.example/a.pdf">the prices</a>' in sent
    assert film in sent
    assert "script" not in sent
    assert "the prices (https://d.example/a.pdf)" in mail.get_body(("plain",)).get_content()
