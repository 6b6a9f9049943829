"""Variants from the claim to the winner, on real deliveries."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cadenza.domain.sequence import Variant, Winner
from cadenza.errors import WrongUse
from cadenza.store import database, variant_tests
from cadenza.store.sequences import find_sequence, save_sequence
from tasks.claim_steps import claim_steps
from tasks.pick_winners import pick_winners
from tasks.send_email import hand_over

BERLIN = "Europe/Berlin"


def tried(world, *, after: int = 10, **fields):
    """A version with two variants of its first email, and an email after it."""
    variants = (Variant("long", "Long", "", "A long text"), Variant("short", "Short", "", "Short"))
    first = world.email(1, subject="Long", html="", text="A long text", variants=variants, winner=Winner(after=after))
    return world.sequence(replace(first, **fields), world.email(2, days=3))


def send(world, number: int, version: int, mailbox: int) -> dict[str, int]:
    """Send the first mail to new contacts; how many mails of each variant there are by now."""
    world.enroll(world.contacts(number), version, mailbox)
    hand_over(claim_steps.fn(BERLIN).delivery_ids)
    return dict(world.rows("SELECT variant, count(*) FROM deliveries WHERE position = 1 GROUP BY 1 ORDER BY 1"))


def fair(counts: dict[str, int], long: int, short: int) -> bool:
    """Whether both are as many as is said, or one more and one less: the first and last contact are dealt alone."""
    return sum(counts.values()) == long + short and abs(counts["long"] - long) <= 1


def answer(world, variant: str, number: int) -> None:
    world.rows(
        """
        INSERT INTO events (kind, source_id, contact_id, enrollment_id, delivery_id, at)
        SELECT 'reply', 'mail:' || d.id || :variant, e.contact_id, e.id, d.id, :now FROM deliveries d
        JOIN enrollments e ON e.id = d.enrollment_id
        WHERE d.variant = :variant AND NOT EXISTS (SELECT FROM events v WHERE v.delivery_id = d.id)
        ORDER BY d.id LIMIT :number
        """,
        now=world.now, variant=variant, number=number,
    )  # fmt: skip


def test_each_mail_says_the_text_of_its_variant_and_the_delivery_knows_which(world, sink):
    assert fair(send(world, 10, tried(world), world.mailbox()), 5, 5)
    assert world.rows("SELECT DISTINCT variant, subject FROM deliveries ORDER BY 1") == [
        ("long", "Long"),
        ("short", "Short"),
    ]


def test_a_mail_that_is_tried_again_says_the_same_although_another_has_won(world, sink):
    mailbox = world.mailbox()
    version = tried(world)
    ids = world.enroll(world.contacts(4), version, mailbox)
    claim_steps.fn(BERLIN)
    before = world.rows("SELECT enrollment_id, variant, message FROM deliveries ORDER BY 1")
    world.rows("UPDATE deliveries SET state = 'deferred'")
    with database.transaction(world.runtime.engine) as connection:
        variant_tests.decide(connection, "hello", 1, "short", "ana", world.now)
    assert len(claim_steps.fn(BERLIN).delivery_ids) == len(ids)
    assert world.rows("SELECT enrollment_id, variant, message FROM deliveries ORDER BY 1") == before


def test_the_better_one_wins_and_everybody_gets_it_from_then_on(world, sink):
    mailbox, version = world.mailbox(), tried(world, after=20)
    before = send(world, 42, version, mailbox)
    assert fair(before, 21, 21)
    answer(world, "short", 12)
    (decided,) = pick_winners()
    assert (decided.position, decided.look.winner) == (1, "short")
    assert f"short 12 of {before['short']}" in decided.look.reason
    assert send(world, 10, version, mailbox) == {"long": before["long"], "short": before["short"] + 10}
    assert pick_winners() == []


def test_while_it_may_be_chance_both_go_on_and_the_next_look_is_later(world, sink):
    mailbox, version = world.mailbox(), tried(world, after=20)
    send(world, 42, version, mailbox)
    answer(world, "short", 2)
    assert [one.look.winner for one in pick_winners()] == [None]
    answer(world, "long", 15)
    assert pick_winners() == []
    assert fair(send(world, 40, version, mailbox), 41, 41)
    assert [one.look.winner for one in pick_winners()] == ["long"]


def test_a_step_that_nobody_is_to_win_is_never_looked_at(world, sink):
    send(world, 42, tried(world, winner=None), world.mailbox())
    answer(world, "short", 15)
    assert pick_winners() == []


def test_a_test_goes_on_in_the_next_version_whose_texts_are_the_same(world, sink):
    mailbox = world.mailbox()
    send(world, 20, tried(world, after=20), mailbox)
    assert pick_winners() == []
    with database.transaction(world.runtime.engine) as connection:
        sequence = find_sequence(connection, "hello").sequence
        newer = save_sequence(connection, replace(sequence, description="new words"), world.now)
    assert newer.number == 2
    assert fair(send(world, 22, newer.version_id, mailbox), 21, 21)
    answer(world, "long", 12)
    assert [one.look.winner for one in pick_winners()] == ["long"]


def test_a_person_may_decide_and_take_it_back(world, sink):
    mailbox, version = world.mailbox(), tried(world)

    def decide(variant, position=1):
        with database.transaction(world.runtime.engine) as connection:
            variant_tests.decide(connection, "hello", position, variant, "ana", world.now)

    decide("long")
    assert send(world, 6, version, mailbox) == {"long": 6}
    decide(None)
    assert fair(send(world, 6, version, mailbox), 9, 3)
    with pytest.raises(WrongUse, match="choose long, short"):
        decide("loud")
    with pytest.raises(WrongUse, match="Step 2 of hello has no variants"):
        decide("long", position=2)
    assert world.one("SELECT count(*) FROM events WHERE kind = 'variant_winner' AND actor = 'ana'") == 2


def test_a_contact_s_own_words_are_no_variant_s(world, sink):
    (own, other) = world.enroll(world.contacts(2), tried(world), world.mailbox())
    world.rows("""UPDATE enrollments SET overrides = '{"steps": {"1": {"subject": "Mine"}}}' WHERE id = :id""", id=own)
    hand_over(claim_steps.fn(BERLIN).delivery_ids)
    variants = dict(world.rows("SELECT enrollment_id, variant FROM deliveries"))
    assert variants[own] is None
    assert variants[other] in ("long", "short")
