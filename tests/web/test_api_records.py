"""Companies, deals and other records over the API: stored with their contacts, found, enrolled."""

from __future__ import annotations

import pytest


@pytest.fixture
def deals(api):
    """Two deals with contacts, and one without; returns the contacts' ids."""
    kim, lee, boss = api.world.contacts(3)
    api.world.rows("UPDATE contacts SET external_id = 'b-1' WHERE id = :id", id=boss)
    told = api.post(
        "/records/batch",
        {
            "kind": "deal",
            "records": [
                {"external_id": "4711", "name": "Crane", "properties": {"Stage": "won"},
                 "contacts": [{"email": f"C{kim}@customer.example"}, {"external_id": "b-1", "is_primary": True}]},
                {"external_id": "4712", "properties": {"stage": "lost"},
                 "contacts": [{"email": f"c{lee}@customer.example"}, {"email": "nobody@customer.example"}]},
                {"external_id": "4713"},
            ],
        },
    )  # fmt: skip
    assert told == {"kind": "deal", "new": 3, "associations": 3, "unknown_contacts": [1]}
    return kim, lee, boss


def test_records_are_stored_found_and_changed(api, deals):
    kim, _, boss = deals
    [found] = api.get("/records", kind="deal", filter="stage = won")["results"]
    assert found == {"id": found["id"], "kind": "deal", "external_id": "4711", "name": "Crane",
                     "properties": {"stage": "won"}}  # fmt: skip
    contacts = api.get(f"/records/{found['id']}/contacts")["results"]
    assert contacts == [{"contact_id": kim, "is_primary": False}, {"contact_id": boss, "is_primary": True}]
    changed = {"kind": "deal", "records": [{"external_id": "4711", "properties": {"stage": "signed", "city": None}}]}
    assert api.post("/records/batch", changed)["new"] == 0
    assert api.get(f"/records/{found['id']}") == found | {"properties": {"stage": "signed"}}
    assert len(api.get(f"/records/{found['id']}/contacts")["results"]) == 2


def test_a_company_that_only_contacts_name_is_a_record_too_and_pages_go_on_behind_the_others(api, deals):
    api.post("/contacts", {"email": "jo@acme.example", "company": "Acme"})
    seen, after = [], {}
    while True:
        page = api.get("/records", limit=1, **after)
        seen += [(record["kind"], record["external_id"]) for record in page["results"]]
        if "paging" not in page:
            break
        after = {"after": page["paging"]["next"]["after"]}
    assert sorted(seen) == [("company", "Acme"), ("deal", "4711"), ("deal", "4712"), ("deal", "4713")]
    [acme] = api.get("/records", kind="Company")["results"]
    assert acme["id"] < 0
    assert len(api.get(f"/records/{acme['id']}/contacts")["results"]) == 1
    assert api.call("GET", "/records/0").status_code == 404


def test_records_are_enrolled_through_their_primary_contact_or_all_and_one_without_is_told(api, deals):
    kim, lee, boss = deals
    named = {"named": ["deal:4711", "deal:4712", "deal:4713"]}
    body = {"sequence": "hello", "records": named}
    foretold = api.post("/preflight", body)["results"]
    told = api.post("/enrollments", body)["results"]
    for answer in (foretold, told):
        assert [(line["contact_id"], line["outcome"], line["code"]) for line in answer] == [
            (boss, "enrolled", None), (lee, "enrolled", None), (None, "refused", "NO_ASSOCIATED_CONTACT"),
        ]  # fmt: skip
    assert told[2]["detail"] == "deal 4713"
    everybody = {"kind": "deal", "filter": "stage = won", "contacts": "all"}
    told = api.post("/enrollments", {"sequence": "hello", "records": everybody})["results"]
    assert {line["contact_id"]: line["code"] for line in told} == {boss: "ALREADY_IN_THIS_SEQUENCE", kim: None}


@pytest.mark.parametrize(
    ("path", "body", "status", "code", "field"),
    [
        pytest.param("/records/batch", {"kind": "2 x", "records": [{"name": "a"}]}, 422, "WRONG_USE", None, id="kind"),
        pytest.param("/records/batch", {"kind": "deal", "records": [{"name": "a"}, {"name": " "}]}, 422,
                     "RECORD_UNNAMED", "records.1.external_id", id="nothing tells it apart"),
        pytest.param("/records/batch", {"kind": "deal", "records": [{"name": "a", "properties": {"Name": "b"}}]}, 422,
                     "INVALID_VALUE", "records.0.properties", id="a property like a field"),
        pytest.param("/records/batch", {"kind": "deal", "records": [{"name": "a", "properties": {"-": "b"}}]}, 422,
                     "INVALID_VALUE", "records.0.properties", id="a property without a name"),
        pytest.param("/enrollments", {"sequence": "hello", "records": {}}, 422, "CONFLICT", "records", id="none"),
        pytest.param("/enrollments", {"sequence": "hello", "records": {"named": ["deal:1"], "kind": "deal",
                     "filter": "a = b"}}, 422, "WRONG_USE", None, id="two ways"),
        pytest.param("/enrollments", {"sequence": "hello", "records": {"named": ["deal:9"]}}, 404, "NOT_FOUND", None,
                     id="unknown record"),
        pytest.param("/enrollments", {"sequence": "hello", "records": {"named": ["deal:1"]}, "contact_ids": [1]}, 422,
                     "CONFLICT", "contact_ids and records", id="contacts besides"),
    ],
)  # fmt: skip
def test_bad_input_is_named_and_leaves_nothing(api, path, body, status, code, field):
    told = api.post(path, body, status)
    assert (told["errors"][0]["code"], told["errors"][0].get("in")) == (code, field)
    assert api.world.one("SELECT count(*) FROM records") == api.world.one("SELECT count(*) FROM batches") == 0
