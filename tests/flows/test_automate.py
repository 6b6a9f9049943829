"""Rules of sequences enroll and unenroll contacts by themselves: by what they do, once, and after a delay."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
import pytest

from cadenza.domain.automation import Action, PageMatch, Rule, Signal, Trigger, TriggerKind
from cadenza.domain.page_url import normalized_url
from cadenza.store import automations, lists
from cadenza.store.database import transaction
from cadenza.store.sequences import find_sequence
from cadenza.store.signals import keep_signals
from flows.automate import automate
from flows.import_list import import_list
from flows.try_rule import try_rule
from tasks.read_events import read_events

FORM, PAGE = TriggerKind.FORM, TriggerKind.PAGE_VIEW


@dataclass
class Robot:
    """An installation with a sequence "hello" of ana's, and its rules."""

    world: Any
    numbers: int = 0

    def rule(self, kind: TriggerKind, *names: str, **fields: Any) -> Rule:
        """A rule that is on from now on; fields of the trigger go there."""
        ends = {name: fields.pop(name) for name in ("page_match", "from_value", "to_value") if name in fields}
        given = {"name": f"rule-{kind}", "sender": "ana"} | fields
        if given.get("sender_property") or given.get("action") is Action.UNENROLL:
            given["sender"] = None
        rule = Rule(trigger=Trigger(kind, names, **ends), **given)
        with transaction(self.world.runtime.engine) as connection:
            automations.save_rule(connection, find_sequence(connection, "hello").id, rule, self.world.now)
        return rule

    def happens(self, kind: TriggerKind, name: str, **whose: Any) -> None:
        """Something comes in."""
        self.numbers += 1
        signal = Signal(kind, f"test:{self.numbers}", name, self.world.now, **whose)
        with transaction(self.world.runtime.engine) as connection:
            keep_signals(connection, [signal], self.world.now)

    def views(self, url: str, **whose: Any) -> None:
        self.happens(PAGE, normalized_url(url), **whose)

    def outcome(self) -> list[tuple[int, str, str | None]]:
        """Let the rules act; whom each firing was about, and what became of it."""
        automate(0)
        return [
            tuple(row) for row in self.world.rows("SELECT contact_id, state, code FROM automation_firings ORDER BY id")
        ]

    def enrolled(self) -> list[int]:
        """Who is in the sequence now."""
        rows = self.world.rows("SELECT contact_id FROM enrollments WHERE status = 'active' ORDER BY 1")
        return [row.contact_id for row in rows]

    def passes(self, **time: float) -> None:
        self.world.runtime.clock.at += timedelta(**time)


@pytest.fixture
def robot(world, deployments) -> Robot:
    world.mailbox("ana")
    world.sequence()
    return Robot(world)


def test_a_form_enrolls_whoever_sent_it_and_makes_a_contact_of_a_new_address(robot):
    robot.rule(FORM, "demo", "contact-us")
    [known] = robot.world.contacts(1, last_name="Lee")
    robot.happens(FORM, "demo", address="c1@customer.example", fields={"last_name": "Other", "city": "Rome"})
    robot.happens(FORM, "demo", address="new@customer.example", fields={"first_name": "Bo", "budget": "9"})
    robot.happens(FORM, "newsletter", address="another@customer.example")
    outcome = robot.outcome()
    new = robot.world.one("SELECT id FROM contacts WHERE email = 'new@customer.example'")
    assert outcome == [(known, "enrolled", None), (new, "enrolled", None)]
    people = {row.id: row for row in robot.world.rows("SELECT * FROM contacts")}
    assert (people[known].last_name, people[known].city) == ("Lee", "Rome"), "a form fills only what is empty"
    assert (people[new].first_name, people[new].properties) == ("Bo", {"budget": "9"})
    assert len(people) == 3
    assert robot.world.one("SELECT count(*) FROM signals WHERE address IS NOT NULL OR data ? 'fields'") == 0


def test_any_form_will_do_where_no_name_is_given(robot):
    robot.rule(FORM)
    robot.happens(FORM, "whatever", address="a@customer.example", fields={"first_name": "Al"})
    assert [state for _, state, _ in robot.outcome()] == ["enrolled"]


def test_a_form_never_says_who_sends(robot):
    robot.rule(FORM, sender_property="account_manager", fallback_sender=None)
    fields = {"first_name": "Al", "account_manager": "ana@northwind.example", "owner_email": "ana@northwind.example"}
    robot.happens(FORM, "x", address="a@customer.example", fields=fields)
    assert [code for _, _, code in robot.outcome()] == ["OWNER_PROPERTY_EMPTY"]


@pytest.mark.parametrize(
    ("match", "asked", "seen", "is_meant"),
    [
        pytest.param("equals", "https://Example.com/Pricing/", "http://example.com:80/pricing?utm_source=x#top", True,
                     id="equal but for scheme, port, slash, capitals, fragment and tracking"),
        pytest.param("equals", "example.com/pricing", "https://example.com/pricing?plan=pro", True,
                     id="without parameters: with any"),
        pytest.param("equals", "example.com/p?b=2&a=1", "https://example.com/p?a=1&b=2", True, id="in any order"),
        pytest.param("equals", "example.com/p?a=1", "https://example.com/p?a=2", False, id="other parameters"),
        pytest.param("equals", "example.com/pricing", "https://example.com/pricing/teams", False, id="a page below"),
        pytest.param("equals", "example.com/a_c", "https://example.com/abc", False, id="underscore is no wildcard"),
        pytest.param("contains", "Pricing", "https://example.com/en/pricing/teams", True, id="contains"),
        pytest.param("contains", "50%", "https://example.com/50", False, id="percent is no wildcard"),
        pytest.param("matches", "*/docs/*/install", "https://x.example/docs/v2/install", True, id="glob"),
        pytest.param("matches", "example.com/docs/*", "https://example.com/blog/docs/x", False, id="glob elsewhere"),
    ],
)  # fmt: skip
def test_a_page_view_counts_if_the_url_is_meant(robot, match, asked, seen, is_meant):
    robot.rule(PAGE, "other.example/never", asked, page_match=PageMatch(match))
    [kim] = robot.world.contacts(1)
    robot.views(seen, contact_id=kim)
    assert robot.outcome() == ([(kim, "enrolled", None)] if is_meant else [])


def test_what_an_unknown_visitor_did_counts_when_a_form_says_who_it_is(robot):
    robot.rule(PAGE, "pricing", page_match=PageMatch.CONTAINS)
    robot.views("https://example.com/pricing", visitor="v1")
    robot.views("https://example.com/pricing", visitor="v2")
    assert robot.outcome() == []
    robot.happens(FORM, "newsletter", address="kim@customer.example", visitor="v1", fields={"first_name": "Kim"})
    [(kim, state, _)] = robot.outcome()
    assert state == "enrolled"
    robot.views("https://example.com/pricing", visitor="v1")
    assert robot.outcome()[1:] == [(kim, "refused", "RULE_FIRED_BEFORE")]


def test_what_came_before_a_rule_was_on_does_not_count(robot):
    [kim] = robot.world.contacts(1)
    robot.happens(FORM, "demo", contact_id=kim)
    robot.passes(minutes=1)
    robot.rule(FORM, "demo")
    assert robot.outcome() == []


def test_a_rule_takes_a_contact_once_unless_it_repeats(robot):
    kim, lee = robot.world.contacts(2)
    robot.rule(FORM, "demo")
    for contact in (kim, kim, lee):
        robot.happens(FORM, "demo", contact_id=contact)
    expected = [(kim, "enrolled", None), (kim, "refused", "RULE_FIRED_BEFORE"), (lee, "enrolled", None)]
    assert robot.outcome() == expected
    robot.world.rows("UPDATE enrollments SET status = 'finished' WHERE contact_id = :kim", kim=kim)
    robot.rule(FORM, "demo", is_repeating=True)
    for contact in (kim, kim, lee):
        robot.happens(FORM, "demo", contact_id=contact)
    assert robot.outcome()[3:] == [
        (kim, "enrolled", None),
        (kim, "refused", "ALREADY_IN_THIS_SEQUENCE"),
        (lee, "refused", "ALREADY_IN_THIS_SEQUENCE"),
    ]


class TestTheDelay:
    def test_a_contact_waits_and_is_judged_as_it_is_then(self, robot):
        robot.rule(FORM, "demo", delay_minutes=90)
        kim, lee = robot.world.contacts(2)
        for contact in (kim, lee):
            robot.happens(FORM, "demo", contact_id=contact)
        assert robot.outcome() == [(kim, "waiting", None), (lee, "waiting", None)]
        robot.passes(minutes=89)
        robot.world.rows("UPDATE contacts SET bounced_at = now() WHERE id = :lee", lee=lee)
        assert robot.enrolled() == []
        robot.passes(minutes=1)
        assert robot.outcome() == [(kim, "enrolled", None), (lee, "refused", "HARD_BOUNCED")]

    @pytest.mark.parametrize("is_back", [False, True], ids=["stays away", "comes back"])
    def test_who_leaves_the_list_meanwhile_is_not_enrolled(self, robot, is_back):
        now = robot.world.now
        with transaction(robot.world.runtime.engine) as connection:
            hot = lists.save_static_list(connection, "hot", None, now).id
        robot.rule(TriggerKind.ENTERS_LIST, "hot", delay_minutes=60)
        [kim] = robot.world.contacts(1)
        enter = "INSERT INTO list_members (list_id, contact_id) VALUES (:hot, :kim)"
        robot.world.rows(enter, hot=hot, kim=kim)
        assert robot.outcome() == [(kim, "waiting", None)]
        robot.world.rows("DELETE FROM list_members")
        assert robot.outcome() == [(kim, "cancelled", "TRIGGER_REVERSED")]
        if is_back:
            robot.world.rows(enter, hot=hot, kim=kim)
        robot.passes(hours=2)
        assert robot.outcome()[1:] == ([(kim, "waiting", None)] if is_back else [])

    def test_a_rule_that_is_off_by_then_does_nothing(self, robot):
        robot.rule(FORM, "demo", delay_minutes=60)
        [kim] = robot.world.contacts(1)
        robot.happens(FORM, "demo", contact_id=kim)
        robot.outcome()
        with transaction(robot.world.runtime.engine) as connection:
            [rule] = automations.list_rules(connection, "hello")
            assert automations.switch_rule(connection, rule.id, False, robot.world.now)
        robot.passes(hours=2)
        assert robot.outcome() == [(kim, "waiting", None)], "nothing looks after rules when none is on"
        robot.rule(FORM, "other", name="other")
        assert robot.outcome() == [(kim, "cancelled", "AUTOMATION_OFF")]


class TestImports:
    @pytest.fixture
    def bring(self, tmp_path) -> Callable[..., None]:
        def bring(list_name: str, *lines: str) -> None:
            path = tmp_path / "list.csv"
            path.write_text("\n".join(["Email,First name,Stage", *lines]), encoding="utf-8")
            import_list(str(path), list_name)

        return bring

    def test_who_comes_onto_a_list_by_an_import_is_enrolled_and_who_was_on_it_before_is_not(self, robot, bring):
        bring("fair", "old@customer.example,Old,")
        robot.rule(TriggerKind.ENTERS_LIST, "fair", "other fair")
        bring("fair", "old@customer.example,Old,", "new@customer.example,New,")
        bring("other fair", "late@customer.example,Late,")
        assert [state for _, state, _ in robot.outcome()] == ["enrolled", "enrolled"]
        emails = robot.world.rows("SELECT to_address FROM enrollments ORDER BY 1")
        assert [row.to_address for row in emails] == ["late@customer.example", "new@customer.example"]

    def test_a_property_that_an_import_changes_from_something_to_something(self, robot, bring):
        bring("all", "a@customer.example,A,open", "b@customer.example,B,lost", "c@customer.example,C,open")
        robot.rule(TriggerKind.PROPERTY, "Stage", from_value="open", to_value="won")
        bring("all", "a@customer.example,A,Won", "b@customer.example,B,won", "c@customer.example,C,open")
        bring("all", "d@customer.example,D,won")
        assert [state for _, state, _ in robot.outcome()] == ["enrolled"]
        assert robot.world.one("SELECT to_address FROM enrollments") == "a@customer.example"

    def test_an_active_list_is_compared_too(self, robot, bring):
        with transaction(robot.world.runtime.engine) as connection:
            lists.save_active_list(connection, "winners", "stage = won", robot.world.now)
        robot.rule(TriggerKind.ENTERS_LIST, "winners")
        bring("all", "a@customer.example,A,open", "b@customer.example,B,won")
        assert [state for _, state, _ in robot.outcome()] == ["enrolled"]
        bring("all", "a@customer.example,A,won")
        assert [state for _, state, _ in robot.outcome()] == ["enrolled", "enrolled"]


class TestUnenrolling:
    def test_a_contact_that_becomes_a_customer_leaves_the_sequence_with_the_reason(self, robot):
        kim, lee = robot.world.contacts(2)
        robot.rule(FORM, "demo")
        robot.rule(FORM, "bought", name="bought", action=Action.UNENROLL, reason="is a customer now")
        robot.happens(FORM, "demo", contact_id=kim)
        robot.outcome()
        for contact in (kim, lee):
            robot.happens(FORM, "bought", contact_id=contact)
        assert robot.outcome()[1:] == [(kim, "unenrolled", None), (lee, "refused", "NOT_IN_THIS_SEQUENCE")]
        [ended] = robot.world.rows("SELECT ending, ending_reason, ended_by FROM enrollments")
        assert tuple(ended) == ("removed", "is a customer now", "automation")

    def test_who_waits_to_be_enrolled_does_so_no_longer(self, robot):
        [kim] = robot.world.contacts(1)
        robot.rule(FORM, "demo", delay_minutes=60)
        robot.rule(FORM, "bought", name="bought", action=Action.UNENROLL)
        robot.happens(FORM, "demo", contact_id=kim)
        robot.outcome()
        robot.happens(FORM, "bought", contact_id=kim)
        robot.outcome()
        robot.passes(hours=2)
        assert robot.outcome()[0] == (kim, "cancelled", "TRIGGER_REVERSED")


class TestTheSender:
    def test_each_contact_is_written_to_by_the_user_in_its_property_under_the_same_rules(self, robot):
        world = robot.world
        for handle in ("ben", "cleo", "dora", "eve"):
            world.mailbox(handle)
        world.rows("UPDATE users SET may_enroll = false WHERE handle = 'ben'")
        world.rows("UPDATE users SET may_bulk_enroll = false WHERE handle = 'cleo'")
        world.rows("DELETE FROM mailboxes WHERE address LIKE 'dora%'")
        world.rows("UPDATE mailboxes SET is_connected = false WHERE address LIKE 'eve%'")
        world.rows("UPDATE users SET is_active = false WHERE handle = 'ana'")
        robot.rule(FORM, "demo", sender_property="account_manager")
        owners = ["ben@", "Cleo@", "Cleo@", "dora@", "eve@", "ana@", "nobody@", ""]
        kims = world.contacts(len(owners))
        for kim, owner in zip(kims, owners, strict=True):
            address = f"{owner}northwind.example" if owner else " "
            world.rows(
                "UPDATE contacts SET properties = jsonb_build_object('account_manager', CAST(:a AS text))"
                " WHERE id = :id",
                a=address,
                id=kim,
            )
            robot.happens(FORM, "demo", contact_id=kim)
        assert [(state, code) for _, state, code in robot.outcome()] == [
            ("refused", "NO_PERMISSION"),
            ("enrolled", None),
            ("enrolled", None),
            ("refused", "MAILBOX_SETTINGS_MISSING"),
            ("enrolled", None),
            ("refused", "SENDER_INACTIVE"),
            ("refused", "SENDER_MISSING"),
            ("refused", "OWNER_PROPERTY_EMPTY"),
        ]
        assert world.one("SELECT count(DISTINCT batch_id) FROM automation_firings") == 5, "one batch for each sender"

    def test_the_sequence_has_to_be_shared_with_the_owner(self, robot):
        robot.world.mailbox("ben")
        robot.world.sequence(shared_with=("user:ana",))
        robot.rule(FORM, "demo", sender_property="owner_email")
        robot.world.contacts(1, owner_email="ben@northwind.example")
        robot.happens(FORM, "demo", contact_id=1)
        assert robot.outcome() == [(1, "refused", "SEQUENCE_NOT_SHARED")]

    def test_another_one_sends_where_the_property_names_nobody(self, robot):
        robot.rule(FORM, "demo", sender_property="owner_email", fallback_sender="ana")
        kims = robot.world.contacts(1) + robot.world.contacts(1, owner_email="nobody@northwind.example")
        for kim in kims:
            robot.happens(FORM, "demo", contact_id=kim)
        assert [state for _, state, _ in robot.outcome()] == ["enrolled", "enrolled"]


def until(is_so):
    """What it says when it is so: Prefect's server stores events some seconds after it took them."""
    deadline = time.monotonic() + 30
    while not (found := is_so()) and time.monotonic() < deadline:
        time.sleep(0.1)
    return found


class TestEventsOfPrefect:
    def test_an_event_of_another_tool_enrolls_the_contact_that_it_names_once(self, robot, deployments):
        robot.world.runtime.clock.at = robot.world.runtime.clock.at.replace(year=2020)
        robot.rule(TriggerKind.EVENT, "stripe.invoice.paid")
        kim, lee = robot.world.contacts(2)
        events = [
            {"event": "stripe.invoice.paid", "payload": {"contact_id": kim}},
            {"event": "stripe.invoice.paid", "payload": {"email": "c2@customer.example"}},
            {"event": "stripe.invoice.paid", "payload": {}},
            {"event": "stripe.invoice.late", "payload": {"contact_id": kim}},
        ]
        for number, event in enumerate(events):
            event |= {
                "id": f"00000000-0000-0000-0000-00000000000{number}",
                "occurred": f"{robot.world.now:%Y-%m-%dT%H:%M:%SZ}",
                "resource": {"prefect.resource.id": "stripe.invoice.1"},
            }
        httpx.post(f"{deployments}/events", json=events).raise_for_status()
        until(lambda: read_events(robot.world.now))
        assert robot.outcome() == [(kim, "enrolled", None), (lee, "enrolled", None)]
        robot.passes(minutes=1)
        assert read_events(robot.world.now) == 0

    def test_a_batch_of_forms_raises_one_event_without_addresses(self, robot, deployments):
        robot.rule(FORM, "demo")
        for number in range(5):
            robot.happens(FORM, f"demo{number % 2}", address=f"p{number}@customer.example")
        robot.outcome()
        asked = {"filter": {"event": {"name": ["cadenza.form.submitted"]}, "order": "DESC"}, "limit": 50}

        def told() -> list[dict]:
            found = httpx.post(f"{deployments}/events/filter", json=asked).json()["events"]
            return [event for event in found if event["payload"]["names"] == ["demo0", "demo1"]]

        mine = until(told)
        assert len(mine) == 1
        assert mine[0]["payload"]["count"] == len(mine[0]["payload"]["contact_ids"]) == 5
        assert "customer.example" not in str(mine)


def test_what_a_killed_process_left_is_settled_by_the_next_one(robot):
    robot.rule(FORM, "demo")
    kim, lee, may = robot.world.contacts(3)
    for contact in (kim, lee, may):
        robot.happens(FORM, "demo", contact_id=contact)
    robot.outcome()
    robot.world.rows("DELETE FROM enrollments WHERE contact_id = :may", may=may)
    robot.world.rows("UPDATE enrollments SET batch_id = 99 WHERE contact_id = :lee", lee=lee)
    robot.world.rows("UPDATE automation_firings SET state = 'waiting', settled_at = NULL")
    assert robot.outcome() == [
        (kim, "enrolled", None),
        (lee, "refused", "ALREADY_IN_THIS_SEQUENCE"),
        (may, "enrolled", None),
    ]


class TestTrying:
    def test_it_shows_whom_a_rule_would_have_taken_and_why_not_and_writes_nothing(self, robot):
        robot.rule(FORM, "demo", sender_property="owner_email", is_on=False)
        kim, lee = robot.world.contacts(2, owner_email="ana@northwind.example")
        [may] = robot.world.contacts(1)
        robot.world.rows("UPDATE contacts SET bounced_at = now() WHERE id = :lee", lee=lee)
        robot.happens(FORM, "demo", contact_id=kim)
        robot.passes(days=31)
        for contact in (kim, kim, lee, may):
            robot.happens(FORM, "demo", contact_id=contact)
        robot.outcome()
        trial = try_rule("hello", "rule-form", 30)
        assert sorted((one.contact_id, one.sender, one.outcome, one.code) for one in trial.taken) == [
            (kim, "ana", "enrolled", ""),
            (lee, "ana", "refused", "HARD_BOUNCED"),
            (may, "", "refused", "OWNER_PROPERTY_EMPTY"),
        ]
        assert robot.enrolled() == []
        assert robot.world.one("SELECT count(*) FROM batches") == 0

    def test_for_a_list_its_own_dates_count(self, robot):
        with transaction(robot.world.runtime.engine) as connection:
            fair = lists.save_static_list(connection, "fair", None, robot.world.now).id
            kim, lee = robot.world.contacts(2)
            lists.add_members(connection, fair, [kim], robot.world.now - timedelta(days=40))
            lists.add_members(connection, fair, [lee], robot.world.now - timedelta(days=2))
        robot.rule(TriggerKind.ENTERS_LIST, "fair")
        assert [one.contact_id for one in try_rule("hello", "rule-enters_list", 30).taken] == [lee]
