"""Whom do we not write to, and who may take that back?"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from cadenza.domain.suppression import Barring, Kind
from cadenza.errors import NotFound, WrongUse
from cadenza.store import database
from cadenza.store.suppressions import bar, lift_entries, list_suppressions, suppress
from flows.enroll_now import enroll_now
from tasks.claim_steps import claim_steps

ONE = "c1@customer.example"


@pytest.fixture
def office(world: Any) -> Any:
    """Somebody who can be written to."""
    world.mailbox("ana")
    world.sequence(world.email(1), world.email(2, days=1))
    [world.id] = world.contacts(1)

    def enroll() -> str | None:
        [told] = enroll_now("hello", "ana", [world.id])
        return told.code

    def within(function: Any, *arguments: Any, **more: Any) -> Any:
        with database.transaction(world.runtime.engine) as connection:
            return function(connection, *arguments, **more)

    world.enroll_it, world.within = enroll, within
    return world


def put(office: Any, kind: Kind, value: str, reason: str = "by_hand", days: int | None = None) -> int:
    until = None if days is None else office.now + timedelta(days=days)
    return int(office.within(suppress, kind, {value: "ana"}, reason, office.now, until))


@pytest.mark.parametrize(
    ("kind", "value", "code"),
    [
        (Kind.ADDRESS, ONE, "ADDRESS_SUPPRESSED"),
        (Kind.DOMAIN, "customer.example", "DOMAIN_SUPPRESSED"),
        (Kind.DOMAIN, "example", "DOMAIN_SUPPRESSED"),
        (Kind.DOMAIN, "mer.example", None),
    ],
)
def test_who_is_on_the_list_is_refused_until_the_entry_is_removed(office, kind, value, code):
    assert put(office, kind, value) == 1
    assert office.enroll_it() == code
    if code:
        assert office.within(lift_entries, {kind: [value]}, "", "ana", office.now) == 1
        assert office.enroll_it() is None


def test_a_sequence_ends_before_its_next_mail(office):
    assert office.enroll_it() is None
    put(office, Kind.ADDRESS, ONE)
    assert claim_steps.fn("Europe/Berlin").delivery_ids == ()
    assert office.one("SELECT status FROM enrollments") == "ended"


def test_an_entry_may_end_by_itself(office):
    put(office, Kind.ADDRESS, ONE, days=1)
    assert office.enroll_it() == "ADDRESS_SUPPRESSED"
    office.runtime.clock.wait(2 * 86_400)
    assert office.enroll_it() is None


def test_what_is_there_for_longer_stays(office):
    assert put(office, Kind.ADDRESS, ONE, "first", days=5) == 1
    assert put(office, Kind.ADDRESS, ONE, "shorter", days=2) == 0
    assert put(office, Kind.ADDRESS, ONE, "opted_out") == 1
    assert put(office, Kind.ADDRESS, ONE, "opted_out") == 0
    # The person can take back an opt-out, and nothing else.
    assert put(office, Kind.ADDRESS, ONE, "ours") == 1
    assert put(office, Kind.ADDRESS, ONE, "late") == 0
    [entry] = office.within(list_suppressions, "customer")
    assert (entry.reason, entry.until) == ("ours", None)


@pytest.mark.parametrize(("barring", "code"), [(Barring.BOUNCED, "HARD_BOUNCED"), (Barring.OPTED_OUT, "OPTED_OUT_ALL")])
def test_what_another_system_knows_counts_here(office, barring, code):
    assert office.within(bar, barring, [ONE, "nobody@x.example"], "import 1", office.now) == 1
    assert office.within(bar, barring, [ONE], "import 2", office.now) == 0
    assert office.enroll_it() == code


def test_an_opt_out_needs_a_new_consent_and_a_complaint_stays(office):
    office.within(bar, Barring.OPTED_OUT, [ONE], "import 1", office.now)
    with pytest.raises(WrongUse, match="--consent"):
        office.within(lift_entries, {Kind.ADDRESS: [ONE]}, "", "ana", office.now)
    assert office.enroll_it() == "OPTED_OUT_ALL"
    office.within(lift_entries, {Kind.ADDRESS: [ONE]}, "signed at the fair", "ana", office.now)
    assert office.enroll_it() is None
    assert office.rows("SELECT contact_id, actor, data FROM events WHERE kind = 'lift'") == [
        (office.id, "ana", {"consent": "signed at the fair"})
    ]
    office.rows("UPDATE contacts SET complained_at = now()")
    with pytest.raises(WrongUse, match="spam"):
        office.within(lift_entries, {Kind.ADDRESS: [ONE]}, "called", "ana", office.now)
    with pytest.raises(NotFound, match=r"two@x\.example"):
        office.within(lift_entries, {Kind.ADDRESS: ["two@x.example"]}, "", "ana", office.now)
