"""Who has opted out of a sender gets none of that sender's mails, and those of others."""

from __future__ import annotations

from cadenza.domain.opt_out import OptOutScope
from cadenza.store.database import transaction
from cadenza.store.opt_outs import opt_in, opt_out
from tasks.claim_steps import claim_steps


def claim():
    return claim_steps.fn("Europe/Berlin")


def test_who_left_one_sender_is_written_to_by_the_others_only(world, sink):
    version = world.sequence()
    ana, ben = world.mailbox("ana"), world.mailbox("ben")
    (first,) = world.enroll(world.contacts(1), version, ana)
    with transaction(world.runtime.engine) as connection:
        opt_out(connection, [first], OptOutScope.SENDER, "preferences", world.now)

    (again,) = world.enroll([1], version, ana)
    taken = claim()
    assert (taken.delivery_ids, taken.ended) == ((), 1)
    assert world.rows("SELECT ending, ending_reason FROM enrollments WHERE id = :id", id=again) == [
        ("unsubscribed", "OPTED_OUT_SENDER")
    ]

    world.enroll([1], version, ben)
    assert len(claim().delivery_ids) == 1

    world.rows("UPDATE enrollments SET status = 'finished' WHERE status = 'active'")
    with transaction(world.runtime.engine) as connection:
        opt_in(connection, [first], "preferences", world.now)
    world.enroll([1], version, ana)
    assert len(claim().delivery_ids) == 1
