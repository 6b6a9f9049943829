"""Who wants no more mails gets none, and the first time counts."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from cadenza.domain.opt_out import OptOutScope
from cadenza.store.database import transaction
from cadenza.store.opt_outs import Choice, choice_of, opt_in, opt_out

ALL, SENDER = OptOutScope.ALL, OptOutScope.SENDER


def out(world, ids: list[int], scope: OptOutScope = ALL, source: str = "one_click") -> int:
    with transaction(world.runtime.engine) as connection:
        return opt_out(connection, ids, scope, source, world.now)


def back(world, ids: list[int]) -> int:
    with transaction(world.runtime.engine) as connection:
        return opt_in(connection, ids, "preferences", world.now)


def choice(world, enrollment_id: int) -> Choice | None:
    with transaction(world.runtime.engine) as connection:
        return choice_of(connection, enrollment_id)


def endings(world) -> dict[int, tuple[Any, ...]]:
    return {
        row.id: (row.status, row.ending, row.ending_reason, row.ended_by)
        for row in world.rows("SELECT id, status, ending, ending_reason, ended_by FROM enrollments")
    }


@pytest.fixture
def three(world) -> list[int]:
    """Three running enrollments: two with ana, one with ben."""
    version, ana, ben = world.sequence(), world.mailbox("ana"), world.mailbox("ben")
    return world.enroll(world.contacts(2), version, ana) + world.enroll(world.contacts(1), version, ben)


def test_opting_out_of_all_marks_the_contact_suppresses_the_address_and_ends_what_runs(world, three):
    assert out(world, three[:1]) == 1
    assert endings(world)[three[0]] == ("ended", "unsubscribed", "OPTED_OUT_ALL", "recipient")
    assert {status for status, *_ in (endings(world)[number] for number in three[1:])} == {"active"}
    assert world.rows("SELECT email_normalized, opted_out_at FROM contacts WHERE opted_out_at IS NOT NULL") == [
        ("c1@customer.example", world.now)
    ]
    assert world.rows("SELECT kind, value, reason, source, until FROM suppressions") == [
        ("address", "c1@customer.example", "opted_out", "one_click", None)
    ]
    assert world.rows("SELECT kind, enrollment_id, actor, data FROM events ORDER BY id") == [
        ("opt_out", three[0], "recipient", {"scope": "all", "source": "one_click"}),
        ("unenroll", three[0], "recipient", {}),
    ]


@pytest.mark.parametrize("scope", OptOutScope)
def test_repeating_changes_nothing(world, three, scope):
    assert out(world, three, scope) == 3
    before = [world.rows(f"SELECT * FROM {table} ORDER BY 1, 2") for table in ("contacts", "events", "enrollments")]
    world.runtime.clock.wait(3600)
    assert out(world, three, scope, "mail") == 0
    assert before == [
        world.rows(f"SELECT * FROM {table} ORDER BY 1, 2") for table in ("contacts", "events", "enrollments")
    ]


def test_opting_out_of_a_sender_leaves_the_others(world, three):
    later = world.enroll(world.contacts(1), world.sequence(), world.mailbox("ben"))[0]
    world.rows("UPDATE enrollments SET status = 'finished' WHERE id = :id", id=three[0])
    world.rows("UPDATE enrollments SET contact_id = 1, status = 'paused' WHERE id = :id", id=later)
    assert out(world, three[:1], SENDER) == 0
    assert endings(world)[later][0] == "paused"
    assert out(world, [later], SENDER) == 1
    assert endings(world)[later] == ("ended", "unsubscribed", "OPTED_OUT_SENDER", "recipient")
    assert world.one("SELECT count(*) FROM suppressions") == 0
    assert world.one("SELECT count(*) FROM contacts WHERE opted_out_at IS NOT NULL") == 0


def test_a_batch_of_opt_outs_does_not_mix_people_and_senders(world, three):
    """Two contacts leave one sender each; what the first has with the second's sender goes on."""
    crossed = world.enroll(world.contacts(1), world.sequence(), world.mailbox("ben"))[0]
    world.rows("UPDATE enrollments SET status = 'finished' WHERE id = :id", id=three[0])
    world.rows("UPDATE enrollments SET contact_id = 1 WHERE id = :id", id=crossed)
    assert out(world, [three[0], three[2]], SENDER) == 1
    assert endings(world)[crossed][0] == "active"


def test_everybody_with_the_address_is_meant(world, three):
    twin = world.contacts(1)[0]
    world.rows("UPDATE contacts SET email_normalized = 'c1@customer.example' WHERE id = :id", id=twin)
    enrolled = world.enroll([twin], world.sequence(), world.mailbox("ben"))
    assert out(world, three[:1]) == 2
    assert endings(world)[enrolled[0]][0] == "ended"
    assert world.one("SELECT count(*) FROM contacts WHERE opted_out_at IS NOT NULL") == 2


def test_an_old_address_speaks_for_the_contact_with_its_new_one(world, three):
    world.rows("UPDATE enrollments SET status = 'finished'")
    world.rows("UPDATE contacts SET email_normalized = 'new@customer.example' WHERE id = 1")
    new = world.enroll([1], world.sequence(), world.mailbox("ana"))
    out(world, three[:1], SENDER)
    assert endings(world)[new[0]][0] == "ended"
    assert world.rows("SELECT address FROM sender_opt_outs ORDER BY 1") == [
        ("c1@customer.example",),
        ("new@customer.example",),
    ]


def test_a_suppression_for_good_keeps_its_reason_and_one_for_a_time_becomes_an_opt_out(world, three):
    world.rows("""
        INSERT INTO suppressions (kind, value, reason, until) VALUES
            ('address', 'c1@customer.example', 'complaint', NULL),
            ('address', 'c2@customer.example', 'soft_bounces', '2026-03-05T00:00Z')
    """)
    out(world, three[:2])
    assert world.rows("SELECT value, reason, until FROM suppressions ORDER BY value") == [
        ("c1@customer.example", "complaint", None),
        ("c2@customer.example", "opted_out", None),
    ]
    back(world, three[:2])
    assert world.rows("SELECT value FROM suppressions") == [("c1@customer.example",)]
    assert choice(world, three[0]).is_barred
    assert not choice(world, three[1]).is_barred


def test_subscribing_again_takes_back_both_but_starts_nothing(world, three):
    out(world, three[:1], SENDER)
    out(world, three[:1], ALL)
    assert choice(world, three[0]) == Choice("c1@customer.example", "Ana North", "en", True, True, False)
    assert back(world, three[:1]) == 1
    assert choice(world, three[0]) == Choice("c1@customer.example", "Ana North", "en", False, False, False)
    assert endings(world)[three[0]][0] == "ended"
    assert world.rows("SELECT actor, data FROM events WHERE kind = 'opt_in'") == [
        ("recipient", {"source": "preferences"})
    ]
    assert back(world, three[:1]) == 0
    assert world.one("SELECT count(*) FROM events WHERE kind = 'opt_in'") == 1


def test_subscribing_again_leaves_the_opt_outs_of_other_senders(world, three):
    other = world.enroll(world.contacts(1), world.sequence(), world.mailbox("ben"))[0]
    world.rows("UPDATE enrollments SET status = 'finished', contact_id = 1, to_address = 'c1@customer.example'")
    out(world, [three[0], other], SENDER)
    back(world, [three[0]])
    assert not choice(world, three[0]).is_out_of_sender
    assert choice(world, other).is_out_of_sender


def test_an_enrollment_that_is_gone_is_passed_over(world, three):
    assert out(world, [999, three[0]]) == 1
    assert back(world, [999]) == 0
    assert choice(world, 999) is None


def test_two_at_once_count_once(world, three):
    threads = [threading.Thread(target=out, args=(world, order)) for order in (three, three[::-1]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert world.one("SELECT count(*) FROM events WHERE kind = 'opt_out'") == 3
    assert world.one("SELECT count(*) FROM events WHERE kind = 'unenroll'") == 3


def test_out_and_in_at_the_same_time_leave_no_half_of_either(world, three):
    with transaction(world.runtime.engine) as connection:
        opt_out(connection, three, ALL, "one_click", world.now)
        returning = threading.Thread(target=back, args=(world, three))
        returning.start()
        while not world.one("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"):
            assert returning.is_alive()
    returning.join()
    assert world.one("SELECT count(*) FROM suppressions") == 0
    assert world.one("SELECT count(*) FROM contacts WHERE opted_out_at IS NOT NULL") == 0
