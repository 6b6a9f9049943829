"""What answers change: each mail finds its enrollment, takes effect once, and changes nothing that it should not."""

from __future__ import annotations

import hashlib
import threading
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from cadenza.domain.answers import Arrival, back_on, effects_of
from cadenza.domain.incoming import BouncedRecipient, BounceKind, Incoming, IncomingKind
from cadenza.domain.matching import keys_of
from cadenza.domain.opt_out import OptOutScope
from cadenza.store import answers, database, matches, watching
from cadenza.store.answers import Recorded
from tasks.claim_steps import claim_steps
from tasks.send_email import hand_over

REPLY, AUTO_REPLY, BOUNCE = IncomingKind.REPLY, IncomingKind.AUTO_REPLY, IncomingKind.BOUNCE
HARD, SOFT = BounceKind.HARD, BounceKind.SOFT


class Office:
    """One sender whose mails went out, and mails that come in for her."""

    def __init__(self, world: Any) -> None:
        self.world = world
        self.mailbox = world.mailbox("ana")
        self.user = world.one("SELECT user_id FROM mailboxes WHERE id = :id", id=self.mailbox)

    def write_to(self, number: int = 1, *, steps: int = 2, name: str = "hello", **fields: Any) -> list[int]:
        """Enroll new contacts and send them the first mail; returns the enrollments."""
        follow_ups = [self.world.email(position, days=3) for position in range(2, steps + 1)]
        version = self.world.sequence(self.world.email(1), *follow_ups, name=name, **fields)
        ids = self.world.enroll(self.world.contacts(number), version, self.mailbox)
        hand_over(claim_steps.fn("Europe/Berlin").delivery_ids)
        assert self.world.one("SELECT count(*) FROM deliveries WHERE state <> 'sent'") == 0
        return ids

    def message_id(self, enrollment: int, position: int = 1) -> str:
        return self.world.one(
            "SELECT message_id FROM deliveries WHERE enrollment_id = :e AND position = :p", e=enrollment, p=position
        )

    def address(self, enrollment: int) -> str:
        return self.world.one("SELECT to_address FROM enrollments WHERE id = :e", e=enrollment)

    def take(self, *mails: Incoming, token_enrollment: int | None = None, mailbox: int | None = None) -> Recorded:
        """Let mails come in, as a reading of the mailbox does."""
        runtime, now = self.world.runtime, self.world.now
        arrivals = [
            Arrival(mail, f"mail:{hashlib.sha256(repr(mail).encode()).hexdigest()[:32]}", now, token_enrollment)
            for mail in mails
        ]
        keys = [key for n, one in enumerate(arrivals) for key in keys_of(n, one.incoming, now, one.token_enrollment)]
        policy = runtime.settings.answers
        with database.transaction(runtime.engine) as connection:
            own = watching.own_addresses(connection)
            found = matches.match(connection, mailbox or self.mailbox, self.user, keys, now)
            effects = [
                effect
                for n, one in enumerate(arrivals)
                for effect in effects_of(one, found.get(n, ()), policy, own, now.date())
            ]
            return answers.record(connection, effects, policy, now)

    def states(self) -> list[str]:
        """How each enrollment stands: its ending, or its status."""
        return [row[0] for row in self.world.rows("SELECT coalesce(ending, status) FROM enrollments ORDER BY id")]

    def row(self, enrollment: int) -> Any:
        return self.world.rows("SELECT * FROM enrollments WHERE id = :id", id=enrollment)[0]


@pytest.fixture
def office(world: Any, sink: Any) -> Office:
    return Office(world)


def mail(kind: IncomingKind = REPLY, from_address: str | None = "stranger@else.example", **fields: Any) -> Incoming:
    defaults: dict[str, Any] = {
        "message_id": "<1@else.example>", "to_addresses": ("ana@northwind.example",), "subject": "Re: something",
        "sent_at": None,
    }  # fmt: skip
    return Incoming(kind, from_address=from_address, **{**defaults, **fields})


def returned(kind: BounceKind, original: str, address: str | None = None, **fields: Any) -> Incoming:
    """A report about a mail."""
    recipient = BouncedRecipient(address, kind, "5.1.1" if kind is HARD else "4.2.2", "said so")
    return mail(BOUNCE, None, originals=(original,) if original else (), recipients=(recipient,), **fields)


# How a mail is recognised


@pytest.mark.parametrize("place", [0, 3])
def test_an_answer_is_known_by_any_message_id_of_its_chain_whoever_wrote_it(office, place):
    one, _ = office.write_to(2)
    chain = ["<a@x.example>", "<b@x.example>", "<c@x.example>"]
    chain.insert(place, office.message_id(one))
    assert office.take(mail(answers=tuple(chain))) == Recorded(noted=1, ended=1)
    assert office.states() == ["replied", "active"]
    assert office.world.rows("SELECT kind, contact_id, enrollment_id, delivery_id, actor, data ->> 'match' FROM events "
                             "WHERE source_id IS NOT NULL") == [("reply", 1, one, 1, "engine", "message")]  # fmt: skip
    row = office.row(one)
    assert (row.ending_reason, row.ended_by, row.due_at) == ("REPLIED", "engine", None)


def test_the_name_that_the_provider_gave_our_mail_counts_in_its_own_mailbox_only(office):
    one, _ = office.write_to(2)
    office.world.rows("UPDATE deliveries SET provider_id = '0102018c-a1b2-provider' WHERE enrollment_id = :e", e=one)
    answer = mail(answers=("<0102018c-a1b2-provider@eu-west-1.amazonses.com>",))
    assert office.take(answer, mailbox=office.world.mailbox("ben")) == Recorded()
    assert office.take(answer) == Recorded(noted=1, ended=1)


def test_a_short_number_of_a_queue_proves_nothing(office):
    one = office.write_to()[0]
    office.world.rows("UPDATE deliveries SET provider_id = '3C6D81234A' WHERE enrollment_id = :e", e=one)
    assert office.take(mail(answers=("<3C6D81234A@else.example>",))) == Recorded()


def test_our_message_id_is_known_under_another_domain_and_as_an_envelope_id(office):
    one, two = office.write_to(2)
    left = [office.message_id(id_).strip("<>").partition("@")[0] for id_ in (one, two)]
    assert office.take(mail(answers=(f"<{left[0]}@gateway.example>",))) == Recorded(noted=1, ended=1)
    report = replace(returned(HARD, "", office.address(two)), envelope_id=left[1])
    assert office.take(report).ended == 1
    assert office.states() == ["replied", "bounced"]


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda id_: id_.replace("<", "<9", 1), id="another enrollment"),
        pytest.param(lambda id_: id_[:-25] + "0000000000000000@northwind.example>", id="digits of somebody's own"),
        pytest.param(lambda _: "<1.1.aaaaaaaaaaaaaaaa@northwind.example>", id="the pattern alone"),
        pytest.param(lambda _: "<%@northwind.example>", id="a wildcard"),
    ],
)
def test_a_message_id_that_was_never_ours_ends_nothing(office, make):
    one = office.write_to()[0]
    assert office.take(mail(answers=(make(office.message_id(one)),))) == Recorded()
    assert office.states() == ["active"]


def test_the_contact_is_known_by_its_address_also_outside_of_the_sequence(office):
    one, two = office.write_to(2)
    assert (
        office.take(mail(from_address=office.address(one), subject="Lunch?", answers=("<old@x.example>",))).ended == 1
    )
    assert office.states() == ["replied", "active"]
    office.world.rows("INSERT INTO contact_addresses (address, contact_id) SELECT 'kim@home.example', contact_id "
                      "FROM enrollments WHERE id = :e", e=two)  # fmt: skip
    assert office.take(mail(from_address="kim@home.example", subject="Lunch?")).ended == 1


def test_an_address_that_the_contact_had_is_known_after_it_changed(office):
    one = office.write_to()[0]
    before = office.address(one)
    office.world.rows("UPDATE contacts SET email_normalized = 'new@customer.example'")
    assert office.take(mail(from_address=before)).ended == 1


def test_writing_to_a_mailbox_of_another_user_is_no_answer_to_this_one(office):
    one = office.write_to()[0]
    ben = office.world.mailbox("ben")
    office.user = office.world.one("SELECT user_id FROM mailboxes WHERE id = :id", id=ben)
    assert office.take(mail(from_address=office.address(one)), mailbox=ben) == Recorded()
    # The thread itself is known wherever it goes.
    assert office.take(mail(answers=(office.message_id(one),)), mailbox=ben).ended == 1


def test_what_somebody_wrote_before_the_enrollment_is_no_answer_to_it(office):
    world = office.world
    one = world.enroll(world.contacts(1), world.sequence(), office.mailbox)[0]
    before = mail(from_address=office.address(one))
    world.rows("UPDATE enrollments SET enrolled_at = :at", at=world.now + timedelta(minutes=10))
    assert office.take(before) == Recorded()
    world.runtime.clock.wait(660)
    assert office.take(before).ended == 1


def test_an_answer_in_an_old_thread_from_another_address_ends_what_the_contact_is_in_now(office):
    old = office.write_to(steps=1)[0]
    new = office.world.enroll([1], office.world.sequence(name="new"), office.mailbox)[0]
    assert office.states() == ["finished", "active"]
    assert office.take(mail(answers=(office.message_id(old),))) == Recorded(noted=2, ended=1)
    assert office.row(new).ending == "replied"


def test_a_subject_counts_only_if_nothing_else_is_there_and_it_leaves_no_choice(office):
    one, two = office.write_to(2)
    office.world.rows("UPDATE deliveries SET subject = 'A word about Kiel' WHERE enrollment_id = :e", e=one)
    assert office.take(mail(subject="A word about Kiel")) == Recorded()
    assert office.take(mail(subject="AW: A word about Kiel", answers=("<other@x.example>",))) == Recorded()
    assert office.take(mail(subject="AW: Re: A word about  Kiel")).ended == 1
    office.world.rows("UPDATE enrollments SET status = 'active', ending = NULL")
    office.world.rows("UPDATE deliveries SET subject = 'A word about Kiel'")
    assert office.take(mail(subject="Re: A word about Kiel")) == Recorded()
    office.world.rows("UPDATE deliveries SET to_address = 'x@near.example' WHERE enrollment_id = :e", e=two)
    assert office.take(mail(from_address="kim@near.example", subject="Re: A word about Kiel")).ended == 1
    assert office.states() == ["active", "replied"]


def test_an_old_enrollment_is_not_meant_by_an_address_alone_but_by_its_thread(office):
    one = office.write_to()[0]
    office.world.rows("UPDATE enrollments SET status = 'finished', ended_at = :now", now=office.world.now)
    office.world.runtime.clock.wait(40 * 86_400)
    assert office.take(mail(from_address=office.address(one))) == Recorded()
    assert office.take(mail(answers=(office.message_id(one),))) == Recorded(noted=1)


def test_who_answers_in_a_colleague_s_thread_leaves_the_own_sequence_too(office):
    one, two, _ = office.write_to(3)
    assert office.take(mail(from_address=office.address(two), answers=(office.message_id(one),))).ended == 2
    assert office.states() == ["replied", "replied", "active"]


def test_hostile_headers_break_nothing(office):
    one = office.write_to()[0]
    hostile = mail(
        from_address="a\0b@x.example", subject="Re: \udcff\0 %s", message_id="<\0\udcff@x>",
        answers=("<\0@x>", "<'; DROP TABLE events; --@x>", office.message_id(one), "<" + "x" * 5000 + "@x>"),
    )  # fmt: skip
    assert office.take(hostile) == Recorded(noted=1, ended=1)


# Once


def test_the_same_mail_counts_once_also_when_two_read_it_at_once(office):
    one, _ = office.write_to(2)
    answer = returned(SOFT, office.message_id(one), office.address(one))
    threads = [threading.Thread(target=office.take, args=(answer,)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert office.world.one("SELECT count(*) FROM events WHERE kind = 'bounce'") == 1
    assert office.take(answer, answer) == Recorded()


def test_answers_to_answers_and_our_own_mails_change_nothing(office):
    one = office.write_to()[0]
    thread = (office.message_id(one),)
    assert office.take(mail(IncomingKind.OTHER, "ana@northwind.example", answers=thread)) == Recorded()
    ticket = mail(AUTO_REPLY, office.address(one), answers=thread)
    assert office.take(ticket, replace(ticket, message_id="<2@else.example>")) == Recorded(noted=2)
    row = office.row(one)
    assert (row.status, row.held_until, row.due_at) == ("active", None, office.world.now + timedelta(days=3))


# What follows


def test_what_was_sent_and_counted_stays(office):
    one = office.write_to()[0]
    before = office.world.rows("SELECT * FROM deliveries")
    office.take(mail(answers=(office.message_id(one),)))
    assert office.world.rows("SELECT * FROM deliveries") == before
    office.world.runtime.clock.wait(10 * 86_400)
    assert claim_steps.fn("Europe/Berlin").delivery_ids == ()


def test_a_mail_that_is_claimed_but_not_under_way_is_not_sent_after_an_answer(office, sink):
    one = office.write_to()[0]
    office.world.runtime.clock.wait(3 * 86_400)
    claimed = claim_steps.fn("Europe/Berlin").delivery_ids
    assert len(claimed) == 1
    before = len(list(sink.folder.rglob("new/*")))
    assert office.take(mail(answers=(office.message_id(one),))).ended == 1
    hand_over(claimed)
    assert len(list(sink.folder.rglob("new/*"))) == before


def test_an_answer_to_an_enrollment_that_is_over_is_noted_and_its_ending_stays(office):
    one = office.write_to(steps=1)[0]
    assert office.states() == ["finished"]
    assert office.take(mail(answers=(office.message_id(one),))) == Recorded(noted=1)
    assert office.states() == ["finished"]
    assert office.take(returned(HARD, office.message_id(one), office.address(one))).bounced == 1
    assert office.states() == ["finished"]
    assert office.world.rows("SELECT value, reason FROM suppressions") == [(office.address(one), "hard_bounce")]


def test_a_hard_bounce_ends_the_enrollment_and_the_address(office):
    one, _ = office.write_to(2)
    assert office.take(returned(HARD, office.message_id(one), office.address(one))) == Recorded(1, 1, 0, 1)
    assert office.states() == ["bounced", "active"]
    assert office.row(one).ending_reason == "HARD_BOUNCED"
    assert office.world.rows("SELECT id FROM contacts WHERE bounced_at = :now", now=office.world.now) == [(1,)]
    assert office.world.rows("SELECT kind, value, reason, until FROM suppressions") == [
        ("address", office.address(one), "hard_bounce", None)
    ]
    assert office.world.rows("SELECT data ->> 'status', data ->> 'reason' FROM events WHERE kind = 'bounce'") == [
        ("5.1.1", "said so")
    ]


def test_a_bounce_of_an_address_that_the_contact_no_longer_has_leaves_the_new_one(office):
    one = office.write_to()[0]
    before = office.address(one)
    office.world.rows("UPDATE contacts SET email_normalized = 'new@customer.example'")
    office.take(returned(HARD, office.message_id(one), before))
    assert office.world.rows("SELECT bounced_at FROM contacts") == [(None,)]
    assert office.world.rows("SELECT value FROM suppressions") == [(before,)]


@pytest.mark.parametrize(
    ("recipients", "state"),
    [
        pytest.param([("ana@northwind.example", HARD)], "active", id="our own copy came back"),
        pytest.param(
            [("ana@northwind.example", HARD), ("c1@customer.example", SOFT)], "active", id="the other was soft"
        ),
        pytest.param([("kim@tenant.example", HARD)], "bounced", id="the server knows another name"),
        pytest.param([(None, HARD)], "bounced", id="it names nobody"),
        pytest.param([], "active", id="it says nothing"),
    ],
)
def test_a_report_is_about_the_recipient_that_the_mail_went_to(office, recipients, state):
    one = office.write_to()[0]
    entries = tuple(BouncedRecipient(address, kind, None, "") for address, kind in recipients)
    office.take(replace(returned(HARD, office.message_id(one)), recipients=entries))
    assert office.states() == [state]


def test_soft_bounces_count_until_they_are_a_hard_one(office):
    one = office.write_to()[0]
    office.world.runtime.settings.soft_bounces_until_hard = 3
    reports = [
        returned(SOFT, office.message_id(one), office.address(one), message_id=f"<{n}@mta.example>") for n in range(5)
    ]
    assert office.take(reports[0]) == Recorded(noted=1)
    office.world.runtime.clock.wait(31 * 86_400)
    office.take(reports[1])
    office.take(reports[2])
    assert office.states() == ["active"]
    assert office.take(reports[3]).ended == 1
    assert office.row(one).ending_reason == "SOFT_BOUNCE_LIMIT"
    assert office.world.rows("SELECT reason FROM suppressions") == [("soft_bounces",)]


def test_a_report_of_a_delay_changes_nothing(office):
    one = office.write_to()[0]
    assert office.take(replace(returned(SOFT, office.message_id(one)), is_delay=True)) == Recorded()
    assert office.world.one("SELECT count(*) FROM events") == 0


def test_a_report_that_names_no_mail_is_about_the_last_one_to_that_address(office):
    one, two = office.write_to(2)
    assert office.take(returned(HARD, "<else@x.example>", office.address(one))) == Recorded()
    assert office.take(returned(HARD, "", office.address(one)), mailbox=office.world.mailbox("ben")) == Recorded()
    assert office.take(returned(HARD, "", "nobody@customer.example")) == Recorded()
    assert office.take(returned(HARD, "", office.address(one))).ended == 1
    office.world.runtime.clock.wait(11 * 86_400)
    assert office.take(returned(HARD, "", office.address(two))) == Recorded()


def test_a_complaint_ends_everything_for_good(office):
    one = office.write_to()[0]
    complaint = mail(IncomingKind.COMPLAINT, None, originals=(office.message_id(one),))
    assert office.take(complaint) == Recorded(1, 1, 0, 1)
    assert (office.row(one).ending, office.row(one).ending_reason) == ("unsubscribed", "SPAM_COMPLAINT")
    assert office.world.rows("SELECT complained_at FROM contacts") == [(office.world.now,)]
    assert office.world.rows("SELECT reason, until FROM suppressions") == [("complaint", None)]


@pytest.mark.parametrize("scope", OptOutScope)
def test_an_opt_out_by_mail_goes_as_far_as_the_settings_say(office, scope):
    one, _ = office.write_to(2)
    office.world.runtime.settings.opt_outs_by_mail = scope
    asked = mail(IncomingKind.OPT_OUT)
    assert office.take(asked, token_enrollment=one) == Recorded(noted=1, ended=1)
    assert office.states() == ["unsubscribed", "active"]
    assert office.row(one).ending_reason == scope.ending_reason
    assert office.world.one("SELECT count(*) FROM sender_opt_outs") == (scope is OptOutScope.SENDER)
    assert office.world.one("SELECT count(*) FROM contacts WHERE opted_out_at IS NOT NULL") == (
        scope is OptOutScope.ALL
    )


def test_an_old_opt_out_that_is_read_again_does_not_undo_a_return(office):
    one = office.write_to()[0]
    asked = mail(IncomingKind.OPT_OUT, office.address(one))
    office.take(asked)
    office.world.rows("UPDATE contacts SET opted_out_at = NULL")
    assert office.take(asked) == Recorded()
    assert office.world.one("SELECT count(*) FROM contacts WHERE opted_out_at IS NOT NULL") == 0


def test_a_meeting_that_is_accepted_or_asked_for_ends_the_sequence_and_a_cancelled_one_does_not(office):
    one, two, three = office.write_to(3)
    meeting = mail(IncomingKind.MEETING, office.address(one), method="CANCEL")
    assert office.take(meeting) == Recorded(noted=1)
    assert office.take(replace(meeting, method="REPLY", message_id="<2@else.example>")).ended == 1
    assert office.take(mail(IncomingKind.MEETING, office.address(two), method="REQUEST")).ended == 1
    office.take(mail(IncomingKind.MEETING, office.address(three), method="REPLY", attendance="DECLINED"))
    assert office.states() == ["meeting_booked", "meeting_booked", "replied"]


def test_a_report_that_asks_for_an_opt_out_is_about_the_mail_that_it_returns(office):
    one, _ = office.write_to(2)
    asked = mail(IncomingKind.OPT_OUT, "fbl@provider.example", originals=(office.message_id(one),))
    assert office.take(asked).ended == 1
    assert office.states() == ["unsubscribed", "active"]


# Absences


def away(office: Office, enrollment: int, back_on: date | None = None, **fields: Any) -> Incoming:
    return mail(AUTO_REPLY, office.address(enrollment), is_absence=True, back_on=back_on, **fields)


def test_an_absence_holds_until_somebody_is_back_and_does_not_use_up_the_delay(office):
    one = office.write_to()[0]
    office.world.runtime.clock.wait(86_400)
    # Tuesday 3 March; due on Thursday, so two days are left. Back on Monday the 16th: then it is due on Wednesday.
    assert office.take(away(office, one, date(2026, 3, 16))) == Recorded(noted=1, held=1)
    row = office.row(one)
    assert (row.status, row.held_reason) == ("active", "OUT_OF_OFFICE")
    assert row.held_until == office.world.now + timedelta(days=13)
    assert row.due_at == row.expected_at == office.world.now + timedelta(days=15)
    office.world.runtime.clock.wait(14.9 * 86_400)
    assert claim_steps.fn("Europe/Berlin").delivery_ids == ()
    office.world.runtime.clock.wait(0.2 * 86_400)
    assert len(claim_steps.fn("Europe/Berlin").delivery_ids) == 1


def test_the_next_step_after_an_absence_keeps_to_the_days_of_the_sequence(office):
    one = office.write_to()[0]
    office.take(away(office, one, date(2026, 3, 12)))
    # Thursday the 12th and three days are a Sunday: Monday, at the same time of day.
    assert office.row(one).due_at == office.world.now + timedelta(days=14)


def test_the_same_absence_told_again_changes_nothing_and_a_longer_one_is_added(office):
    one = office.write_to()[0]
    office.take(away(office, one, date(2026, 3, 9)))
    due = office.row(one).due_at
    assert office.take(away(office, one, date(2026, 3, 9), message_id="<2@x.example>")) == Recorded(noted=1)
    assert office.row(one).due_at == due
    assert office.take(away(office, one, date(2026, 3, 16), message_id="<3@x.example>")).held == 1
    assert office.row(one).due_at == due + timedelta(days=7)


def test_an_absence_without_an_end_holds_as_long_as_the_settings_say(office):
    one, two, three = office.write_to(3)
    office.take(away(office, one))
    assert office.row(one).held_until == office.world.now + timedelta(days=7)
    office.world.runtime.settings.absence_days = 0
    assert office.take(away(office, two)) == Recorded(noted=1)
    assert office.take(away(office, three, date(2999, 1, 1))).held == 1
    assert office.row(three).held_until.date() == office.world.now.date() + timedelta(days=90)


def test_an_automatic_answer_that_is_faster_than_the_outcome_of_its_mail_holds_all_the_same(office):
    world = office.world
    one = world.enroll(world.contacts(1), world.sequence(world.email(1), world.email(2, days=3)), office.mailbox)[0]
    claimed = claim_steps.fn("Europe/Berlin").delivery_ids
    assert office.take(away(office, one, date(2026, 3, 16), answers=(office.message_id(one),))).held == 1
    hand_over(claimed)
    row = office.row(one)
    assert (row.next_position, row.held_reason) == (2, "OUT_OF_OFFICE")
    world.runtime.clock.wait(13 * 86_400)
    assert claim_steps.fn("Europe/Berlin").delivery_ids == ()
    world.runtime.clock.wait(2 * 86_400)
    assert len(claim_steps.fn("Europe/Berlin").delivery_ids) == 1


def test_an_absence_that_was_read_late_is_over_in_time(office):
    one = office.write_to()[0]
    policy = office.world.runtime.settings.answers
    late = Arrival(away(office, one), "x", office.world.now - timedelta(days=5))
    assert back_on(late, policy, office.world.now.date()) == office.world.now.date() + timedelta(days=2)
    assert back_on(late, policy, office.world.now.date() + timedelta(days=2)) is None


def test_who_is_back_already_is_not_waited_for(office):
    one = office.write_to()[0]
    assert office.take(away(office, one, office.world.now.date())) == Recorded(noted=1)
    assert office.row(one).held_until is None


def test_a_paused_enrollment_and_one_that_waits_for_a_to_do_are_held_without_an_instant(office):
    one, two = office.write_to(2)
    office.world.rows("UPDATE enrollments SET status = 'paused', remaining_delay = '1 day' WHERE id = :e", e=one)
    office.world.rows("UPDATE enrollments SET due_at = NULL WHERE id = :e", e=one)
    office.world.rows("UPDATE enrollments SET due_at = NULL WHERE id = :e", e=two)
    office.take(away(office, one, date(2026, 3, 9)), away(office, two, date(2026, 3, 9)))
    for id_ in (one, two):
        assert (office.row(id_).due_at, office.row(id_).held_until) == (None, office.world.now + timedelta(days=7))


# Colleagues


def test_an_answer_ends_an_account_based_sequence_for_the_whole_company(office):
    one, *_ = office.write_to(4, name="accounts", account_based=True)
    plain = office.write_to(1, name="plain")[0]
    office.world.rows("UPDATE enrollments SET to_address = 'c' || id || '@gmail.com'")
    office.world.rows(
        "UPDATE enrollments SET to_address = 'c' || id || '@acme.example' WHERE id IN (1, 2, :p)", p=plain
    )
    office.world.rows("UPDATE contacts SET company_id = 7 WHERE id IN (1, 3)")
    assert office.take(mail(from_address="boss@acme.example", answers=(office.message_id(one),))) == Recorded(1, 3)
    assert office.states() == ["replied", "replied", "replied", "active", "active"]
    assert [office.row(id_).ending_reason for id_ in (1, 2, 3)] == ["REPLIED", "COLLEAGUE_REPLIED", "COLLEAGUE_REPLIED"]
    assert office.world.rows("SELECT enrollment_id, data FROM events WHERE kind = 'colleague_reply' ORDER BY 1") == [
        (2, {"enrollment_id": one}),
        (3, {"enrollment_id": one}),
    ]


def test_two_addresses_of_a_free_provider_are_no_colleagues(office):
    one, _ = office.write_to(2, account_based=True)
    office.world.rows("UPDATE enrollments SET to_address = 'c' || id || '@gmail.com'")
    assert office.take(mail(answers=(office.message_id(one),))).ended == 1


def test_an_address_alone_speaks_for_its_contact_and_not_for_the_company(office):
    one, _ = office.write_to(2, account_based=True)
    assert office.take(mail(from_address=office.address(one))).ended == 1
    assert office.take(mail(from_address="boss@customer.example")) == Recorded()
    assert office.states() == ["replied", "active"]


def test_a_colleague_s_automatic_answer_ends_nothing(office):
    one, _ = office.write_to(2, account_based=True)
    office.take(away(office, one, date(2026, 3, 9), answers=(office.message_id(one),)))
    assert office.states() == ["active", "active"]
