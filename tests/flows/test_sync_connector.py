"""How do the contacts of another system come in by themselves?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hubspot_rig import TOKEN, HubSpotRig

from cadenza.connectors.hubspot import OVERLAP_MS
from cadenza.domain.automation import Rule, Trigger, TriggerKind
from cadenza.domain.feeds import SyncReport
from cadenza.errors import (
    ConnectorRefused,
    ConnectorUnavailable,
    NotFound,
    SourceContractBroken,
    SyncOvertaken,
    WrongUse,
)
from cadenza.settings import ConnectorEntry
from cadenza.store import database
from cadenza.store.automations import save_rule
from cadenza.store.sequences import find_sequence
from flows.sync_connector import sync_connector
from tasks import sync_feeds
from tasks.import_rows import import_rows
from tasks.sync_feeds import begin_feeds, end_feed, mapping_of, stretches
from tasks.take_signals import notice_changes

NOW = 1_770_000_000_000


@pytest.fixture
def rig() -> Iterator[HubSpotRig]:
    with HubSpotRig() as rig:
        yield rig


@pytest.fixture
def crm(world, rig, monkeypatch) -> Callable[..., None]:
    """The settings of a connector ``crm`` to that HubSpot."""
    monkeypatch.setenv("HUBSPOT_TOKEN", TOKEN)

    def configure(**entry: Any) -> None:
        options = {"token_env": "HUBSPOT_TOKEN", "host": rig.url, "calls_per_second": 1e6, "searches_per_second": 1e6,
                   "tries": 0}  # fmt: skip
        world.runtime.settings.connectors = {"crm": ConnectorEntry(**{"kind": "hubspot", **options, **entry})}

    configure()
    return configure


@pytest.fixture
def sync(world) -> Callable[..., list[tuple[str, dict[str, int]]]]:
    """A sync as the flow does it, without Prefect; what it did with each feed."""

    def run(lists: list[str] | None = None, whole: bool = False) -> dict[str, dict[str, int]]:
        world.runtime.clock.wait(60)
        done = {}
        for feed in begin_feeds.fn("crm", lists, whole):
            for source, stretch in stretches(feed):
                world.runtime.clock.wait(1)
                import_rows.fn(source, feed.list_name, mapping_of(feed, source), stretch)
            ended = end_feed.fn(feed)
            done[ended.list_name] = {name: number for name, number in ended.counts.items() if number}
        return done

    return run


def members(world, name: str) -> list[str]:
    """The ids in the other system of a list's members."""
    return [
        row.external_id
        for row in world.rows(
            """
            SELECT c.external_id FROM list_members m
            JOIN lists l ON l.id = m.list_id JOIN contacts c ON c.id = m.contact_id
            WHERE l.name = :name ORDER BY CAST(c.external_id AS int)
            """,
            name=name,
        )
    ]


def test_the_flow_brings_contacts_lists_and_owners(prefect_server, world, crm, rig):
    world.mailbox("ana")
    crm(lists=["Trade fair"])
    rig.owners = [
        {"id": "1", "email": "Ana@northwind.example", "firstName": "Another", "lastName": "Name"},
        {"id": "2", "email": "ana@southwind.example", "firstName": "Ana", "lastName": "South"},
        {"id": "3", "email": "ben@northwind.example"},
        {"id": "4", "email": "no address"},
    ]
    rig.add(250, hubspot_owner_id="3")
    rig.lists = {"Trade fair": [3, 1, 7]}
    report = sync_connector("crm", owners=True)
    assert isinstance(report, SyncReport)
    assert [(feed.list_name, feed.counts["rows"]) for feed in report.feeds] == [("crm", 250), ("Trade fair", 3)]
    assert members(world, "Trade fair") == ["1", "3", "7"]
    assert world.one("SELECT count(*) FROM contacts WHERE owner_email = 'ben@northwind.example'") == 250
    assert report.new_users == ("ana.southwind.example", "ben")
    users = world.rows("SELECT handle, name, email FROM users ORDER BY handle")
    assert [tuple(user) for user in users] == [
        ("ana", "Ana North", "ana@northwind.example"),
        ("ana.southwind.example", "Ana South", "ana@southwind.example"),
        ("ben", "ben@northwind.example", "ben@northwind.example"),
    ]


def test_a_refusal_ends_the_flow_with_its_message_and_no_traceback(prefect_server, crm, rig, caplog):
    rig.scopes.clear()
    state = sync_connector("crm", return_state=True)
    assert state.is_failed()
    assert state.message.startswith("HubSpot's private app lacks the scope crm.objects.contacts.read")
    with pytest.raises(ConnectorRefused):
        sync_connector("crm")
    assert "Traceback" not in caplog.text
    assert TOKEN not in caplog.text


def test_who_opted_out_or_bounced_over_there_is_not_written_to(world, crm, rig, sync):
    rig.add(1, hs_email_optout="true")
    rig.add(1, hs_email_hard_bounce_reason_enum="UNKNOWN_USER")
    rig.add(1, hs_email_optout="false")
    assert sync()["crm"]["barred"] == 2
    barred = "SELECT opted_out_at IS NOT NULL, bounced_at IS NOT NULL FROM contacts ORDER BY id"
    assert world.rows(barred) == [(True, False), (False, True), (False, False)]


def test_the_next_sync_brings_what_has_changed_and_nothing_else(world, crm, rig, sync):
    rig.add(300)
    assert sync() == {"crm": {"rows": 300, "imported": 300}}
    rig.change(5, at=NOW + 10_000_000, city="Hamburg")
    rig.add(1, at=NOW + 10_000_001)
    assert sync()["crm"]["imported"] == 1
    assert world.one("SELECT city FROM contacts WHERE external_id = '5'") == "Hamburg"
    rig.asked.clear()
    assert sync() == {"crm": {"rows": 2, "merged": 2}}
    assert len(rig.asked) == 2  # one search, and the owners
    assert len(members(world, "crm")) == 301


def test_the_next_sync_begins_where_the_last_page_says_also_if_it_is_empty(world, crm, rig, sync, monkeypatch):
    monkeypatch.setattr(sync_feeds, "STRETCH_ROWS", 200)
    rig.add(1)
    sync()
    rig.add(199, at=NOW + 1_000)
    assert sync() == {"crm": {"rows": 200, "imported": 199, "merged": 1}}
    latest = rig.contacts[200]["lastmodifieddate"]
    assert world.one("SELECT cursor FROM connector_feeds") == f"changed:{latest - OVERLAP_MS}"


@pytest.mark.parametrize("page", [0, 1, 2, 3, 4])
def test_a_sync_that_is_interrupted_goes_on_where_it_was(world, crm, rig, sync, monkeypatch, page):
    monkeypatch.setattr(sync_feeds, "STRETCH_ROWS", 100)
    rig.add(430)

    def fail(path: str, question: dict[str, Any]) -> None:
        if path.endswith("/contacts") and int(question.get("after", 0)) == page * 100:
            rig.moods.append((500, {}))

    rig.before = fail
    with pytest.raises(ConnectorUnavailable):
        sync()
    kept = max(page - 1, 0)  # what came last is imported together with what comes next
    assert len(members(world, "crm")) == kept * 100
    rig.before = lambda path, question: None
    rig.asked.clear()
    assert sync() == {"crm": {"rows": 430, "imported": 430}}
    assert len(rig.paths("/contacts")) == 5 - kept
    assert members(world, "crm") == [str(number) for number in range(1, 431)]


def test_an_interrupted_sync_begins_anew_if_all_is_wanted(world, crm, rig, sync, monkeypatch):
    monkeypatch.setattr(sync_feeds, "STRETCH_ROWS", 100)
    rig.add(300)
    world.runtime.clock.wait(60)
    pages = stretches(begin_feeds.fn("crm")[0])
    source, stretch = next(pages)
    import_rows.fn(source, "crm", {}, stretch)
    assert sync(whole=True)["crm"] == {"rows": 300, "imported": 200, "merged": 100}
    source, stretch = next(pages)
    with pytest.raises(SyncOvertaken):
        import_rows.fn(source, "crm", {}, stretch)


def test_another_kind_of_connector_under_the_same_name_begins_anew_when_told(world, crm, rig, sync, tmp_path):
    rig.add(1)
    sync()
    hubspot = world.runtime.settings.connectors
    query = "SELECT 'x@x.example' AS email, 7 AS id"
    sql = {"kind": "sql", "url": f"sqlite:///{tmp_path}/crm.db", "contacts_query": query, "cursor_column": "id"}
    world.runtime.settings.connectors = {"crm": ConnectorEntry(**sql)}
    with pytest.raises(WrongUse, match="sync with --whole"):
        sync()
    assert sync(whole=True)["crm"] == {"rows": 1, "imported": 1, "removed": 1}
    world.runtime.settings.connectors = hubspot
    with pytest.raises(WrongUse, match="sync with --whole"):
        sync()


def test_a_list_follows_the_one_over_there(world, crm, rig, sync):
    rig.add(20)
    rig.lists = {"Trade fair": [*range(1, 11)], "Other": [1, 2]}
    assert sync(["Trade fair"]) == {"Trade fair": {"rows": 10, "imported": 10}}
    rig.lists["Trade fair"] = [*range(5, 13)]
    assert sync(["Trade fair"]) == {"Trade fair": {"rows": 8, "imported": 2, "merged": 6, "removed": 4}}
    assert members(world, "Trade fair") == [str(number) for number in range(5, 13)]
    rig.lists["Trade fair"] = []
    assert sync(["Trade fair"]) == {"Trade fair": {"removed": 8}}
    assert world.one("SELECT count(*) FROM contacts") == 12
    assert world.one("SELECT count(*) FROM import_rows") == 0  # nothing piles up


def test_rules_hear_of_who_comes_onto_a_list_and_of_who_leaves_it(world, crm, rig, sync):
    world.sequence()
    rig.add(3)
    rig.lists = {"Trade fair": [1, 2]}
    sync(["Trade fair"])
    with database.transaction(world.runtime.engine) as connection:
        for kind in (TriggerKind.ENTERS_LIST, TriggerKind.LEAVES_LIST):
            rule = Rule(name=f"rule-{kind}", trigger=Trigger(kind, ("Trade fair",)), sender="ana")
            save_rule(connection, find_sequence(connection, "hello").id, rule, world.now)
    notice_changes(world.now, everywhere=True)
    rig.lists["Trade fair"] = [2, 3]
    sync(["Trade fair"])
    notice_changes(world.now, everywhere=True)
    heard = world.rows("SELECT kind, external_id FROM signals s JOIN contacts c ON c.id = s.contact_id ORDER BY 1")
    assert [tuple(one) for one in heard] == [("enters_list", "3"), ("leaves_list", "1")]


def test_all_contacts_stay_when_they_are_not_seen_again_until_all_are_read(world, crm, rig, sync):
    rig.add(5)
    sync()
    del rig.contacts[2]
    assert "removed" not in sync()["crm"]
    assert sync(whole=True)["crm"] == {"rows": 4, "merged": 4, "removed": 1}
    assert members(world, "crm") == ["1", "3", "4", "5"]
    rig.contacts.clear()
    assert sync(whole=True)["crm"] == {}
    assert len(members(world, "crm")) == 4


def test_two_syncs_at_once_import_nothing_twice(world, crm, rig, monkeypatch):
    monkeypatch.setattr(sync_feeds, "STRETCH_ROWS", 100)
    rig.add(300)
    one, other = stretches(begin_feeds.fn("crm")[0]), stretches(begin_feeds.fn("crm")[0])
    for source, stretch in (next(one), next(one)):
        import_rows.fn(source, "crm", {}, stretch)
    source, stretch = next(other)
    with pytest.raises(SyncOvertaken, match="nothing was imported twice"):
        import_rows.fn(source, "crm", {}, stretch)
    assert world.one("SELECT count(*) FROM imports") == 2
    assert len(members(world, "crm")) == 200


def test_a_list_that_came_from_elsewhere_is_left_alone(world, crm, rig, sync, tmp_path):
    world.rows("INSERT INTO lists (name, kind, source) VALUES ('Trade fair', 'static', 'fair.csv')")
    rig.add(1)
    rig.lists = {"Trade fair": [1]}
    with pytest.raises(WrongUse, match=r"a list 'Trade fair' already, from fair\.csv"):
        sync(["Trade fair"])
    assert world.one("SELECT count(*) FROM contacts") == 0
    crm(list_name="Trade fair")
    with pytest.raises(WrongUse, match="write list_name"):
        sync()


def test_what_is_wanted_must_be_there(world, crm, rig, sync):
    rig.lists = {"Trade fair": []}
    with pytest.raises(NotFound, match="no list 'Trade fare': is it 'Trade fair'"):
        sync(["Trade fare"])
    assert world.one("SELECT count(*) FROM lists") == 0
    with pytest.raises(NotFound, match=r"no connector 'crn': is it crm\?"):
        begin_feeds.fn("crn")
    crm(all_contacts=False)
    with pytest.raises(WrongUse, match="wants no list"):
        sync()


def test_a_first_stretch_without_any_address_is_a_wrong_column(world, crm, rig, sync):
    rig.add(150, email="nobody")
    with pytest.raises(SourceContractBroken, match="0 with a valid address"):
        sync()
    assert world.one("SELECT count(*) FROM contacts") == 0
    rig.change(1, at=NOW, email="one@x.example")
    rig.change(2, at=NOW, email="two@x.example")
    assert sync()["crm"]["imported"] == 150


def test_a_few_changed_contacts_without_an_address_are_no_reason_to_refuse(world, crm, rig, sync):
    rig.add(3, email="")
    assert sync() == {"crm": {"rows": 3, "imported": 3}}
