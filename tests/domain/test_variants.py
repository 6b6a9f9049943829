"""Who gets which text, and when has one of them won?"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace

import pytest

from cadenza.domain.sequence import Sequence, Step, StepKind, Variant, Winner
from cadenza.domain.variants import Result, chosen, compare, key_of, written


def step(*shares: int, position: int = 1, inactive: str = "") -> Step:
    variants = tuple(
        Variant(name, f"Subject {name}", "", f"Text {name}", share, name != inactive)
        for name, share in zip("abcdefghij", shares, strict=False)
    )
    return Step(position, StepKind.EMAIL, variants=variants, winner=Winner())


def counts(one: Step, ids: range, winner: str | None = None) -> dict[str, int]:
    return dict(Counter(chosen(one, id_, winner).name for id_ in ids))


@pytest.mark.parametrize(
    ("shares", "size", "expected"),
    [
        ((1, 1), 10, {"a": 5, "b": 5}),
        ((50, 50), 10, {"a": 5, "b": 5}),
        ((70, 30), 1_000, {"a": 700, "b": 300}),
        ((1, 2, 3), 600, {"a": 100, "b": 200, "c": 300}),
        ((33, 34, 33), 10_000, {"a": 3_300, "b": 3_400, "c": 3_300}),
    ],
)
def test_each_batch_has_the_shares_that_were_asked_for(shares, size, expected):
    assert counts(step(*shares), range(size)) == expected


@pytest.mark.parametrize("start", [1, 7, 12_345])
def test_a_small_batch_anywhere_has_nearly_its_shares(start):
    got = counts(step(70, 20, 10), range(start, start + 20))
    assert abs(got["a"] - 14) <= 2
    assert abs(got["b"] - 4) <= 2


def test_the_same_enrollment_always_gets_the_same_and_two_steps_are_independent():
    first, second = step(1, 1), step(1, 1, position=2)
    assert [chosen(first, id_) for id_ in range(99)] == [chosen(first, id_) for id_ in range(99)]
    pairs = Counter((chosen(first, id_).name, chosen(second, id_).name) for id_ in range(4_000))
    assert all(850 < number < 1_150 for number in pairs.values()), pairs


def test_an_inactive_variant_is_nobodys_and_a_winner_is_everybodys():
    assert counts(step(1, 1, 1, inactive="b"), range(20)) == {"a": 10, "c": 10}
    assert counts(step(1, 1), range(20), winner="b") == {"b": 20}
    assert set(counts(step(1, 1, 1, inactive="b"), range(20), winner="b")) == {"a", "c"}
    assert chosen(Step(1, StepKind.EMAIL), 1) is None


def test_a_variant_s_texts_take_the_place_of_the_step_s():
    one = step(1, 1)
    assert (written(one, one.variants[1]).subject, written(one, one.variants[1]).variants) == ("Subject b", ())
    assert written(one, None) is one


def test_a_test_goes_on_while_the_texts_stay_and_begins_anew_when_they_change():
    assert key_of(step(1, 1)) == key_of(step(80, 20, inactive="b"))
    assert key_of(step(1, 1)) != key_of(step(1, 1, position=2))
    changed = replace(step(1, 1).variants[0], text="Another text")
    assert key_of(step(1, 1)) != key_of(replace(step(1, 1), variants=(changed, step(1, 1).variants[1])))


@pytest.mark.parametrize(
    ("results", "looks", "winner"),
    [
        pytest.param([("a", 99, 50), ("b", 200, 1)], 0, "not yet", id="too few mails of one"),
        pytest.param([("a", 100, 25), ("b", 100, 5)], 0, "a", id="clear at the first look"),
        pytest.param([("a", 100, 5), ("b", 100, 25)], 0, "b", id="the other one"),
        pytest.param([("a", 100, 12), ("b", 100, 5)], 0, None, id="may be chance"),
        pytest.param([("a", 100, 6), ("b", 100, 0)], 0, None, id="six answers say nothing"),
        pytest.param([("a", 150, 40), ("b", 150, 5)], 1, "not yet", id="the second look is after 200"),
        pytest.param([("a", 200, 40), ("b", 200, 10)], 1, "a", id="at the second look"),
        pytest.param([("a", 9_000, 900), ("b", 9_000, 90)], 5, "not yet", id="after five looks it is over"),
        pytest.param([("a", 100, 25), ("b", 100, 5), ("c", 100, 24)], 0, None, id="two of three are alike"),
        pytest.param([("a", 100, 0), ("b", 100, 0)], 0, None, id="nobody answered"),
        pytest.param([("a", 500, 200)], 0, "not yet", id="one variant alone"),
    ],
)
def test_a_variant_wins_when_chance_hardly_explains_it(results, looks, winner):
    look = compare([Result(*one) for one in results], Winner(after=100), looks)
    assert (look.winner if look else "not yet") == winner
    if look:
        assert look.looks == looks + 1


def test_of_equal_variants_one_in_twenty_wins_at_the_most():
    """The promise of the rule, played: two texts that are answered alike, looked at five times."""
    chance = random.Random(4)
    wrong = 0
    for _ in range(400):
        answered, mails = [0, 0], 0
        looks = 0
        while looks < 5:
            more = 100 * 2**looks - mails
            mails += more
            for one in (0, 1):
                answered[one] += sum(chance.random() < 0.1 for _ in range(more))
            look = compare([Result("a", mails, answered[0]), Result("b", mails, answered[1])], Winner(after=100), looks)
            looks = look.looks
            if look.winner:
                wrong += 1
                break
    assert wrong / 400 <= 0.05


def test_a_definition_without_the_new_fields_is_what_it_was():
    plain = Sequence("hello", "Hello", (Step(1, StepKind.EMAIL, subject="a", text="b"),))
    assert not {"folder", "tracking"} & set(plain.as_definition())
    assert not {"variants", "winner"} & set(plain.as_definition()["steps"][0])
    assert Sequence.from_definition(plain.as_definition()) == plain
    tried = replace(plain, steps=(step(1, 2),), folder="Sales/Inbound")
    assert Sequence.from_definition(tried.as_definition()) == tried
