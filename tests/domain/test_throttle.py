"""Do mails keep their distance, and never wait for nothing?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from cadenza.domain.throttle import Limit, admit, free_slot

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
THREE_A_MINUTE = Limit(3, 60)

limits = st.lists(st.builds(Limit, st.integers(1, 5), st.integers(1, 50)), max_size=3)
seconds = st.lists(st.integers(0, 100), max_size=25).map(sorted)


def at(second: float) -> datetime:
    return NOON + timedelta(seconds=second)


def keeps(limits: list[Limit], mails: list[int]) -> bool:
    """Whether no window of any limit holds too many: a mail leaves the window when it is exactly a window old."""
    return all(
        sum(1 for other in mails if mail <= other < mail + limit.seconds) <= limit.count
        for limit in limits
        for mail in mails
    )


def test_the_fourth_mail_waits_for_the_first_to_be_a_minute_old() -> None:
    taken: list[datetime] = []
    for _ in range(4):
        taken.append(free_slot([THREE_A_MINUTE], taken, NOON))
    assert taken == [NOON, NOON, NOON, at(60)]


def test_a_window_rolls_and_starts_at_no_full_minute() -> None:
    assert free_slot([THREE_A_MINUTE], [at(0), at(50), at(59)], at(59)) == at(60)
    assert free_slot([THREE_A_MINUTE], [at(50), at(59), at(60)], at(61)) == at(110)


def test_every_limit_holds_at_once() -> None:
    taken = [at(0), at(1), at(2), at(60), at(61)]
    assert free_slot([THREE_A_MINUTE, Limit(5, 86_400)], taken, at(62)) == at(86_400)
    assert free_slot([THREE_A_MINUTE, Limit(6, 86_400)], taken, at(61)) == at(62)


def test_no_limit_means_at_once_but_nobody_overtakes() -> None:
    assert free_slot([], [], NOON) == NOON
    assert free_slot([], [at(9)], NOON) == at(9)
    assert free_slot([Limit(1, 5)], [], NOON) == NOON


@given(limits, seconds)
def test_mails_let_go_one_by_one_and_all_at_once_go_at_the_same_instants(limits: list[Limit], due: list[int]) -> None:
    slots: list[datetime] = []
    for second in due:
        slots.append(free_slot(limits, slots, at(second)))
    let_go = admit(limits, [], [second * 1_000_000 for second in due])
    assert [at(slot / 1_000_000) for slot in let_go] == slots


@given(limits, seconds, seconds)
def test_no_window_ever_holds_too_many(limits: list[Limit], before: list[int], due: list[int]) -> None:
    taken = admit(limits, [], [second * 1_000_000 for second in before])
    slots = taken + admit(limits, taken, [second * 1_000_000 for second in due])
    assert keeps(limits, [slot // 1_000_000 for slot in slots])
    assert slots == sorted(slots)


@given(limits, seconds)
def test_no_mail_waits_longer_than_it_must(limits: list[Limit], due: list[int]) -> None:
    slots = [slot // 1_000_000 for slot in admit(limits, [], [second * 1_000_000 for second in due])]
    for number, (slot, earliest) in enumerate(zip(slots, due, strict=True)):
        before = slots[:number]
        assert slot >= earliest
        sooner = slot - 1
        assert sooner < max([earliest, *before]) or not keeps(limits, [*before, sooner])
