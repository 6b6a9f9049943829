"""What people do in a rehearsal, and how busy a mailbox was."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from cadenza.domain.assumptions import LOOKS_EVERY, AnswerKind, Assumptions, MailOut
from cadenza.domain.rehearsal import busiest

NOON = datetime(2026, 3, 6, 12, 0, tzinfo=UTC)
MAILS = [
    MailOut(number, number, contact_id, 1, "kim@customer.example", NOON)
    for number, contact_id in enumerate(range(2_000))
]


def answers(**assumptions):
    return [answer for mail in MAILS if (answer := Assumptions(**assumptions).answer_to(mail))]


def test_about_as_many_mails_are_answered_as_was_assumed():
    came = answers(replies=0.1, bounces=0.05)
    assert 150 < sum(answer.kind is AnswerKind.REPLY for answer in came) < 250
    assert 65 < sum(answer.kind is AnswerKind.BOUNCE for answer in came) < 135
    assert answers() == []
    assert len(answers(replies=0.4, bounces=0.6)) == len(MAILS)


def test_the_same_seed_gives_the_same_answers_and_another_seed_others():
    assert answers(replies=0.1) == answers(replies=0.1)
    assert answers(replies=0.1) != answers(replies=0.1, seed=2)


def test_a_higher_share_adds_answers_and_changes_none():
    few, many = answers(replies=0.05, bounces=0.02), answers(replies=0.1, bounces=0.04)
    assert set(few) < set(many)


def test_answers_are_noticed_when_mailboxes_are_looked_at():
    for answer in answers(replies=0.5, bounces=0.5):
        assert answer.at > NOON
        assert answer.at.replace(second=0, microsecond=0) == answer.at
        assert answer.at.minute % (LOOKS_EVERY / timedelta(minutes=1)) == 0


@pytest.mark.parametrize(
    ("opened_at", "days", "done_at"),
    [
        pytest.param("2026-03-05T12:00", 1, "2026-03-06T12:00", id="the next day"),
        pytest.param("2026-03-06T12:00", 1, "2026-03-09T12:00", id="nobody works at the weekend"),
        pytest.param("2026-03-27T12:00", 1, "2026-03-30T11:00", id="the clocks change"),
        pytest.param("2026-03-05T12:00", None, None, id="never"),
    ],
)
def test_people_are_done_with_a_to_do_some_days_later(opened_at, days, done_at):
    done = Assumptions(todo_days=days).done_at(datetime.fromisoformat(opened_at).replace(tzinfo=UTC), "Europe/Berlin")
    assert done == (done_at and datetime.fromisoformat(done_at).replace(tzinfo=UTC))


@pytest.mark.parametrize(
    ("seconds", "most"),
    [
        pytest.param(60, 2, id="a mail leaves the window when it is as old as the window is long"),
        pytest.param(61, 3, id="a moment longer"),
        pytest.param(3600, 4, id="all of them"),
        pytest.param(1, 1, id="one by one"),
    ],
)
def test_the_busiest_window_is_counted_over_every_window(seconds, most):
    instants = [NOON + timedelta(seconds=at) for at in (0, 30, 60, 3_000)]
    assert busiest(instants, seconds) == most
    assert busiest([], seconds) == 0
