"""Storing sequences and their versions."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from cadenza.domain.sequence import (
    Delay,
    DelayUnit,
    EligibleDays,
    FollowUpPolicy,
    SendWindow,
    Sequence,
    Step,
    StepKind,
    TodoKind,
)
from cadenza.errors import NotFound
from cadenza.store import database
from cadenza.store.sequences import find_sequence, list_sequences, save_sequence, sequences_by_version

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
POST_EVENT = Sequence(
    name="post_event",
    title="Nach der Messe: Grüße",
    steps=(
        Step(1, StepKind.EMAIL, subject="Danke für Ihren Besuch", html="<p>Hallo {{ contact.first_name }}</p>"),
        Step(2, StepKind.TODO, Delay(2, DelayUnit.BUSINESS_DAYS), todo_kind=TodoKind.CALL, title="Anrufen"),
        Step(3, StepKind.EMAIL, Delay(90, DelayUnit.MINUTES), text="Noch da?", reply_to_position=1),
    ),
    follow_ups=FollowUpPolicy(EligibleDays.BUSINESS_DAYS, SendWindow(9 * 60, 17 * 60)),
    fallbacks={"contact.first_name": "Zusammen"},
    shared_with=("team:sales", "user:ana"),
    required_tokens=("contact.company",),
)


def save(engine, sequence):
    with database.transaction(engine) as connection:
        return save_sequence(connection, sequence, NOW)


def find(engine, name):
    with database.transaction(engine) as connection:
        return find_sequence(connection, name)


def test_a_sequence_comes_back_as_it_was_saved(engine):
    stored = save(engine, POST_EVENT)
    assert stored == find(engine, "post_event")
    assert stored.sequence == POST_EVENT
    assert (stored.number, stored.is_active, stored.paused_at) == (1, True, None)


def test_saving_the_same_again_makes_no_new_version(engine):
    first = save(engine, POST_EVENT)
    assert save(engine, POST_EVENT) == first


def test_a_changed_step_makes_a_new_version_and_leaves_the_old_one_alone(engine):
    first = save(engine, POST_EVENT)
    changed = replace(POST_EVENT, steps=(replace(POST_EVENT.steps[0], subject="Schön, dass Sie da waren"),))
    second = save(engine, changed)
    assert (second.id, second.number) == (first.id, 2)
    assert second.version_id != first.version_id
    assert find(engine, "post_event").sequence == changed
    with database.transaction(engine) as connection:
        versions = sequences_by_version(connection, {first.version_id, second.version_id})
    assert [versions[first.version_id].steps[0].subject, versions[second.version_id].steps[0].subject] == [
        "Danke für Ihren Besuch",
        "Schön, dass Sie da waren",
    ]


def test_going_back_to_an_earlier_text_is_a_new_version_again(engine):
    save(engine, POST_EVENT)
    save(engine, replace(POST_EVENT, title="Other"))
    assert save(engine, POST_EVENT).number == 3


def test_shares_and_switching_off_are_replaced_without_a_new_version(engine):
    save(engine, POST_EVENT)
    stored = save(engine, replace(POST_EVENT, shared_with=("everyone",), is_active=False))
    assert stored.number == 1
    assert stored.sequence.shared_with == ("everyone",)
    assert (stored.is_active, stored.sequence.is_active) == (False, False)


def test_a_name_that_is_nearly_right_is_answered_with_the_right_one(engine):
    save(engine, POST_EVENT)
    save(engine, replace(POST_EVENT, name="reengage_inactive"))
    with pytest.raises(NotFound, match=r"no sequence 'post-events'\. Is it 'post_event'\?"):
        find(engine, "post-events")


def test_without_any_sequence_the_answer_says_what_to_do(engine):
    with pytest.raises(NotFound, match="load a folder"):
        find(engine, "x\0y")


def test_sequences_are_listed_by_name(engine):
    save(engine, replace(POST_EVENT, name="b"))
    save(engine, replace(POST_EVENT, name="a"))
    with database.transaction(engine) as connection:
        assert [stored.sequence.name for stored in list_sequences(connection)] == ["a", "b"]


def test_known_versions_are_not_read_again(engine):
    stored = save(engine, POST_EVENT)
    known = {}
    with database.transaction(engine) as connection:
        sequences_by_version(connection, {stored.version_id}, known)
        assert known == {stored.version_id: POST_EVENT}
        known[stored.version_id] = "kept"
        assert sequences_by_version(connection, [stored.version_id, 4711], known) == {stored.version_id: "kept"}
