"""The guard pauses what comes back too often, and nothing else."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from cadenza.domain.guard import GuardPolicy, Tally, why_pause
from cadenza.store import database
from cadenza.store.sequence_pauses import resume_sequences
from tasks import guard_senders as module
from tasks.claim_steps import claim_steps
from tasks.guard_senders import guard_mailboxes, guard_senders
from tasks.send_email import hand_over

POLICY = GuardPolicy(days=7, least_mails=50, least_count=2, bounce_percent=5, complaint_percent=0.3)


@pytest.mark.parametrize(
    ("mails", "bounces", "complaints", "is_paused"),
    [
        pytest.param(49, 49, 49, False, id="too few mails to tell"),
        pytest.param(100, 5, 0, False, id="just at the share"),
        pytest.param(100, 6, 0, True, id="over the share of bounces"),
        pytest.param(100, 0, 1, False, id="one complaint may be a mistake"),
        pytest.param(1000, 0, 3, False, id="just at the share of complaints"),
        pytest.param(1000, 0, 4, True, id="over the share of complaints"),
    ],
)
def test_a_share_over_the_limit_pauses_if_there_is_enough_to_tell(mails, bounces, complaints, is_paused):
    reason = why_pause(Tally("mailbox", 1, mails, bounces, complaints), POLICY)
    assert (reason is not None) == is_paused


def test_the_reason_says_how_many():
    assert why_pause(Tally("mailbox", 1, 80, 6, 0), POLICY) == (
        "Guard: 6 of 80 mails of the last 7 days came back (7.5 %, at most 5 %)."
    )


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What would be shown in the Prefect UI, by key: these tests have no server."""
    shown: dict[str, str] = {}
    monkeypatch.setattr(module, "create_markdown_artifact", lambda text, key, description: shown.update({key: text}))
    return shown


@pytest.fixture
def sent(world: Any, sink: Any, published: dict[str, str]) -> Any:
    """Ana and Ben have sent ten mails each of one sequence; ten are enough to tell."""
    world.runtime.settings.guard_least_mails = 10
    version = world.sequence(world.email(1), world.email(2, days=30))
    for handle in ("ana", "ben"):
        world.enroll(world.contacts(10), version, world.mailbox(handle))
    hand_over(claim_steps.fn("Europe/Berlin").delivery_ids)
    return world


def happen(world: Any, kind: str, change: str, *delivery_ids: int) -> None:
    world.rows(
        "INSERT INTO events (kind, delivery_id, at, data) "
        "SELECT :kind, id, :now, jsonb_build_object('change', CAST(:change AS text)) FROM unnest(:ids) AS id",
        kind=kind, change=change, ids=list(delivery_ids), now=world.now + timedelta(seconds=1),
    )  # fmt: skip


def of(world: Any, mailbox: int) -> list[int]:
    return [row.id for row in world.rows("SELECT id FROM deliveries WHERE mailbox_id = :m ORDER BY id", m=mailbox)]


def paused(world: Any) -> list[Any]:
    return world.rows(
        "SELECT address AS name FROM mailboxes WHERE paused_at IS NOT NULL "
        "UNION ALL SELECT name FROM sequences WHERE paused_at IS NOT NULL ORDER BY 1"
    )


def test_a_mailbox_whose_mails_come_back_is_paused_and_says_why(sent, published):
    happen(sent, "bounce", "hard_bounce", *of(sent, 1)[:2])
    assert guard_mailboxes([1, 2]) == [Tally("mailbox", 1, 10, 2, 0)]
    assert paused(sent) == [("ana@northwind.example",)]
    assert sent.one("SELECT paused_reason FROM mailboxes WHERE id = 1").startswith("Guard: 2 of 10 mails")
    assert sent.rows("SELECT data ->> 'mailbox_id', data ->> 'bounces' FROM events WHERE kind = 'guard_pause'") == [
        ("1", "2")
    ]
    assert list(published) == ["guard-mailbox-1"]
    assert "@" not in published["guard-mailbox-1"]
    sent.runtime.clock.wait(31 * 86_400)
    claimed = claim_steps.fn("Europe/Berlin").delivery_ids
    assert {row.mailbox_id for row in sent.rows("SELECT mailbox_id FROM deliveries WHERE state = 'claimed'")} == {2}
    assert claimed
    assert guard_mailboxes([1]) == []


def test_a_mailbox_that_a_person_let_go_on_is_counted_anew(sent):
    happen(sent, "bounce", "hard_bounce", *of(sent, 1)[:2])
    sent.rows("UPDATE mailboxes SET guard_reset_at = :now WHERE id = 1", now=sent.now)
    assert guard_mailboxes([1]) == []


def test_soft_bounces_old_ones_and_those_of_others_do_not_count(sent):
    happen(sent, "bounce", "soft_bounce", *of(sent, 1))
    happen(sent, "bounce", "hard_bounce", *of(sent, 2))
    assert guard_mailboxes([1]) == []
    sent.runtime.clock.wait(8 * 86_400)
    assert guard_mailboxes([2]) == []


def test_two_reports_of_one_mail_count_once(sent):
    happen(sent, "bounce", "hard_bounce", *of(sent, 1)[:1] * 5)
    assert guard_mailboxes([1]) == []


def test_mails_that_a_server_refused_count_as_soon_as_a_wave_sees_them(sent):
    sent.rows("UPDATE deliveries SET state = 'rejected' WHERE id = ANY (:ids)", ids=of(sent, 2)[:2])
    assert guard_mailboxes([], of(sent, 2)[:2]) == [Tally("mailbox", 2, 10, 2, 0)]


def test_a_sequence_is_paused_by_what_comes_back_from_all_mailboxes(sent, published):
    sent.runtime.settings.guard_bounce_percent = 10
    happen(sent, "bounce", "hard_bounce", *of(sent, 1)[:1], *of(sent, 2)[:1])
    assert guard_senders() == []
    happen(sent, "complaint", "complaint", of(sent, 1)[1], of(sent, 2)[1])
    assert guard_senders() == [Tally("sequence", 1, 20, 2, 2)]
    assert paused(sent) == [("hello",)]
    assert list(published) == ["guard-sequence-1"]
    with database.transaction(sent.runtime.engine) as connection:
        resume_sequences(connection, ["hello"], "ana", sent.now)
    # Its mails of before do not count any more.
    assert guard_senders() == []
    assert paused(sent) == []
