"""What comes from HubSpot, whatever mood it is in?"""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from hubspot_rig import TOKEN, HubSpotRig

from cadenza.connectors.hubspot import OVERLAP_MS, HubSpot
from cadenza.errors import ConnectorRefused, ConnectorUnavailable, NotFound

NOW = 1_770_000_000_000


@pytest.fixture
def rig() -> Iterator[HubSpotRig]:
    with HubSpotRig() as rig:
        yield rig


def crm(rig: HubSpotRig, **options: Any) -> HubSpot:
    """As fast as the machine is, unless the test is about that."""
    return HubSpot(**{"token": TOKEN, "host": rig.url, "calls_per_second": 1e6, "searches_per_second": 1e6, **options})


def read(connector: HubSpot, cursor: str | None = None) -> tuple[list[str], str | None]:
    """The ids that come, and where the next sync begins."""
    ids: list[str] = []
    for page in connector.contacts(cursor):
        ids += [row["external_id"] for row in page.rows]
        cursor = page.cursor
    return ids, cursor


def numbers(first: int, last: int) -> list[str]:
    return [str(number) for number in range(first, last + 1)]


def test_a_contact_comes_with_its_fields_its_zone_and_the_address_of_its_owner(rig):
    rig.owners = [{"id": "71", "email": "ana@northwind.example", "firstName": "Ana", "lastName": "North"}]
    rig.add(1, lastname="Öz", jobtitle="CEO", hs_language="de", hs_timezone="america_slash_new_york",
            hubspot_owner_id="71", lifecyclestage="lead", hs_lead_status="NEW")  # fmt: skip
    (page,) = crm(rig, properties=["hs_lead_status"]).contacts(None)
    assert page.rows == [
        {
            "external_id": "1", "email": "p1@customer.example", "first_name": "P1", "last_name": "Öz", "company": None,
            "job_title": "CEO", "phone": None, "country": None, "city": None, "language": "de",
            "opted_out": None, "bounced": None, "time_zone": "america/new_york",
            "owner_email": "ana@northwind.example", "hs_lead_status": "NEW",
        }
    ]  # fmt: skip


def test_all_contacts_come_first_then_those_that_changed_also_during_the_first_time(rig):
    rig.add(250)
    pages = crm(rig).contacts(None)
    next(pages)
    rig.change(7, at=NOW + 10_000_000)  # it came already
    cursor = [page.cursor for page in pages][-1]
    assert [question.get("after") for question in rig.paths("/contacts")] == [None, "100", "200"]
    ids, cursor = read(crm(rig), cursor)
    assert "7" in ids
    assert read(crm(rig), cursor) == (["7"], cursor)
    rig.add(1, at=NOW + 20_000_000)
    assert read(crm(rig), cursor)[0] == ["7", "251"]


@pytest.mark.slow
def test_more_changed_contacts_than_a_search_gives_come_once_each(rig):
    rig.add(10_450, step=1)
    ids, _ = read(crm(rig), "changed:0")
    assert sorted(ids, key=int) == numbers(1, 10_450)


@pytest.mark.parametrize("before", [0, 30], ids=["nothing before them", "others before them"])
def test_contacts_that_changed_at_one_instant_all_come(rig, before):
    rig.add(before, at=NOW - 100, step=1)
    rig.add(700, step=0)
    rig.add(30, at=NOW + 1)
    ids, cursor = read(crm(rig), "changed:0")
    assert sorted(set(ids), key=int) == numbers(1, before + 730)
    assert len(ids) <= before + 730 + 200  # some of the instant's contacts may come once more
    assert cursor == f"changed:{NOW + 1 + 29_000 - OVERLAP_MS}"


def test_every_page_is_a_place_to_go_on_from(rig):
    rig.add(150, at=NOW - 150, step=1)
    rig.add(500, step=0)
    pages = list(crm(rig).contacts("changed:0"))
    whole = set(numbers(1, 650))
    for number, page in enumerate(pages):
        before = {row["external_id"] for one in pages[: number + 1] for row in one.rows}
        assert before | set(read(crm(rig), page.cursor)[0]) == whole


def test_a_change_that_the_search_learns_of_late_comes_with_the_next_sync(rig):
    rig.add(2)
    rig.unindexed = {1}
    ids, cursor = read(crm(rig), "changed:0")
    assert ids == ["2"]
    rig.unindexed = set()
    assert "1" in read(crm(rig), cursor)[0]


def test_the_members_of_a_list_come_in_pages_and_whoever_was_deleted_does_not(rig):
    rig.add(250)
    rig.lists = {"Old": [], "Trade fair": [*range(1, 231), 900]}
    pages = list(crm(rig).members("Trade fair", None))
    assert [row["external_id"] for page in pages for row in page.rows] == numbers(1, 230)
    behind = list(crm(rig).members("Trade fair", pages[0].cursor))
    assert [row["external_id"] for page in behind for row in page.rows] == numbers(101, 230)
    assert pages[-1].cursor is None
    assert next(crm(rig).members("Old", None)).rows == []


def test_only_lists_of_contacts_are_lists(rig):
    rig.lists = {"Trade fair": [], "A/B & co": []}
    assert crm(rig).lists() == ["A/B & co", "Trade fair"]
    assert next(crm(rig).members("A/B & co", None)).rows == []
    with pytest.raises(NotFound, match="no list 'Nobody'"):
        list(crm(rig).members("Nobody", None))


def test_a_pause_that_hubspot_asks_for_is_kept_and_passing_failures_are_tried_again(rig):
    rig.add(3)
    rig.moods.extend([(429, {"Retry-After": "1"}), (500, {}), (503, {})])
    assert len(read(crm(rig), "changed:0")[0]) == 3
    (_, _, first), (_, _, second), *_ = rig.asked
    assert second - first >= 1


@pytest.mark.parametrize(
    ("mood", "words"),
    [
        pytest.param((500, {}), "answers 500", id="broken"),
        pytest.param((429, {"policy": "DAILY"}), "of this day are used up", id="the calls of a day"),
    ],
)
def test_failures_that_do_not_pass_soon_may_pass_later(rig, mood, words):
    rig.moods.extend([mood] * 2)
    with pytest.raises(ConnectorUnavailable, match=words) as raised:
        read(crm(rig, tries=1))
    assert raised.value.transient


def test_a_hubspot_that_is_not_there_is_said_to_be_away(rig):
    with pytest.raises(ConnectorUnavailable, match="does not answer"):
        crm(rig, host="http://127.0.0.1:1", tries=0).check()


def test_a_token_that_is_not_accepted_is_named_but_not_shown(rig):
    connector = crm(rig, token="pat-old")
    with pytest.raises(ConnectorRefused, match=r"token \(EXPIRED_AUTHENTICATION\): make a new") as raised:
        connector.check()
    assert "pat-old" not in f"{raised.value} {connector!r}"


@pytest.mark.parametrize("scope", ["crm.objects.contacts.read", "crm.lists.read", "crm.objects.owners.read"])
def test_a_scope_that_is_missing_is_named(rig, scope):
    assert crm(rig).check() == "contacts can be read; lists: 0, owners: 0"
    rig.scopes.remove(scope)
    with pytest.raises(ConnectorRefused, match=f"lacks the scope {scope}: add it"):
        crm(rig).check()


def test_calls_keep_hubspots_limits_by_themselves(rig):
    rig.add(900, step=0)
    rig.searches_per_second, rig.calls_per_ten_seconds = 5, 100
    read(HubSpot(TOKEN, host=rig.url, tries=0), f"changed:{NOW}")
    times = [at for path, _, at in rig.asked if path.endswith("/search")]
    assert len(times) == 7
    assert min(later - earlier for earlier, later in pairwise(times)) > 0.2


def test_calls_of_other_kinds_are_paced_too(rig):
    rig.add(1_000)
    began = time.monotonic()
    read(crm(rig, calls_per_second=20))
    assert time.monotonic() - began >= 0.45
