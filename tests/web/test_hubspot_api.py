"""An integration written for HubSpot's Sequences API v4 works here by changing the host."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import pytest

from cadenza.domain.access import scopes_of
from cadenza.domain.sequence import FollowUpPolicy, SendWindow
from cadenza.store import api_keys, database

ENROLLMENTS = "/automation/v4/sequences/enrollments"


@pytest.fixture
def hubspot(site):
    """Calls as HubSpot's clients do."""
    world = site.world
    world.mailbox("ana")
    world.rows("UPDATE mailboxes SET aliases = '{sales@northwind.example}'")
    world.sequence(
        world.email(1), world.todo(2, days=3, priority="high"), world.email(3, days=1, reply_to_position=1),
        follow_ups=FollowUpPolicy(window=SendWindow(540, 1_020)),
    )  # fmt: skip
    with database.transaction(world.runtime.engine) as connection:
        granted = scopes_of(["automation.sequences.read", "automation.sequences.enrollments.write"])
        _, key = api_keys.create_key(connection, "HubSpot", granted, None, "tests", world.now)

    def call(method: str, path: str, status: int = 200, body: Any = None, **query: Any) -> Any:
        answer = site.client.request(
            method, path, params={"userId": "1"} | query, json=body, headers={"Authorization": f"Bearer {key}"}
        )
        assert answer.status_code == status, answer.text
        return answer.json()

    call.world, call.client = world, site.client
    return call


def body(contact_id: int, **fields: str) -> dict[str, str]:
    return {"contactId": str(contact_id), "sequenceId": "1", "senderEmail": "ana@northwind.example"} | fields


def test_sequences_are_listed_page_by_page(hubspot):
    for number in range(4):
        hubspot.world.sequence(name=f"more-{number}")
    hubspot.world.sequence(name="hidden", shared_with=("user:ben",))
    first = hubspot("GET", "/automation/v4/sequences", limit=3)
    assert (first["total"], len(first["results"])) == (5, 3)
    rest = hubspot("GET", "/automation/v4/sequences", limit=3, after=first["paging"]["next"]["after"])
    assert "paging" not in rest
    assert [one["id"] for one in first["results"] + rest["results"]] == ["1", "2", "3", "4", "5"]
    assert first["results"][0]["userId"] == "1"
    assert hubspot("GET", "/automation/v4/sequences", name="MORE-2")["total"] == 1


def test_a_sequence_is_told_in_hubspots_words(hubspot):
    told = hubspot("GET", "/automation/v4/sequences/1")
    assert told["name"] == "Hello"
    assert [(step["stepOrder"], step["actionType"], step["delayMillis"]) for step in told["steps"]] == [
        (0, "EMAIL", 0), (1, "TASK", 259_200_000), (2, "EMAIL", 86_400_000),
    ]  # fmt: skip
    assert "taskPattern" not in told["steps"][0]
    assert told["steps"][2]["emailPattern"]["threadEmailToStepOrder"] == 0
    task = told["steps"][1]["taskPattern"]
    assert (task["taskType"], task["taskPriority"]) == ("CALL", "HIGH")
    [waits] = told["dependencies"]
    assert (waits["dependencyType"], waits["reliesOnStepOrder"], waits["requiredByStepOrder"]) == (
        "TASK_COMPLETION",
        1,
        2,
    )
    settings = told["settings"]
    assert (settings["eligibleFollowUpDays"], settings["sendWindowStartMinute"]) == ("WEEKDAYS_ONLY", 540)
    assert datetime.fromisoformat(told["createdAt"]).tzinfo


@pytest.mark.parametrize("user", ["1", "ana", "Ana@northwind.example"])
def test_a_contact_is_enrolled_and_its_status_told(hubspot, user):
    [id] = hubspot.world.contacts(1)
    made = hubspot("POST", ENROLLMENTS, body=body(id), userId=user)
    assert set(made) == {"id", "toEmail", "enrolledAt", "updatedAt"}
    told = hubspot("GET", f"{ENROLLMENTS}/contact/{id}")
    assert (told["id"], told["sequenceId"], told["sequenceName"]) == (made["id"], "1", "Hello")
    assert (told["enrolledBy"], told["enrolledByEmail"]) == ("1", "ana@northwind.example")
    newer = hubspot("GET", f"/automation/sequences/2026-03/enrollments/contact/{id}")
    assert newer == told


def test_the_mails_are_from_the_alias(hubspot):
    [id] = hubspot.world.contacts(1)
    hubspot("POST", ENROLLMENTS, body=body(id, senderAliasAddress="Sales@northwind.example"))
    assert hubspot.world.one("SELECT overrides ->> 'from_alias' FROM enrollments") == "sales@northwind.example"


def test_a_contact_in_no_sequence_is_not_found(hubspot):
    hubspot.world.contacts(1)
    assert hubspot("GET", f"{ENROLLMENTS}/contact/1", 404)["category"] == "OBJECT_NOT_FOUND"


@pytest.mark.parametrize(
    ("fields", "status", "code", "field"),
    [
        pytest.param({"senderEmail": "ben@northwind.example"}, 400, "SEND_AS_DENIED", "senderEmail", id="mailbox"),
        pytest.param({"senderAliasAddress": "ceo@northwind.example"}, 400, "SEND_AS_DENIED", "senderAliasAddress",
                     id="alias not allowed"),
        pytest.param({"sequenceId": "77"}, 404, "NOT_FOUND", None, id="sequence"),
        pytest.param({"contactId": "77"}, 400, "CONTACT_NOT_FOUND", None, id="contact"),
        pytest.param({"contactId": "kim"}, 400, "INVALID_VALUE", "contactId", id="no id"),
    ],
)  # fmt: skip
def test_refusals_have_hubspots_shape_and_our_code(hubspot, fields, status, code, field):
    hubspot.world.mailbox("ben")
    [id] = hubspot.world.contacts(1)
    told = hubspot("POST", ENROLLMENTS, status, body(id) | fields)
    assert {"message", "category", "correlationId"} <= set(told)
    assert told["errors"][0]["code"] == code
    assert told["errors"][0].get("in") == field
    assert hubspot.world.one("SELECT count(*) FROM enrollments") == 0


def test_a_contact_that_may_not_be_enrolled_is_refused_with_our_code_as_sub_category(hubspot):
    [id] = hubspot.world.contacts(1, bounced_at=hubspot.world.now)
    told = hubspot("POST", ENROLLMENTS, 400, body(id))
    assert (told["category"], told["subCategory"]) == ("VALIDATION_ERROR", "HARD_BOUNCED")
    assert told["errors"][0]["context"]["remedy"]


def test_hubspots_scopes_are_ours(hubspot):
    answer = hubspot.client.get("/api/v1/contacts", headers={"Authorization": "Bearer x"})
    assert answer.status_code == 401
    with database.transaction(hubspot.world.runtime.engine) as connection:
        _, key = api_keys.create_key(
            connection, "reader", scopes_of(["automation.sequences.read"]), None, "tests", hubspot.world.now
        )
    headers = {"Authorization": f"Bearer {key}"}
    assert hubspot.client.get("/automation/v4/sequences?userId=1", headers=headers).status_code == 200
    refused = hubspot.client.post(f"{ENROLLMENTS}?userId=1", json=body(1), headers=headers)
    assert (refused.status_code, refused.json()["category"]) == (403, "MISSING_SCOPES")


def test_the_description_has_hubspots_schemas_and_fields(hubspot):
    """As HubSpot's own of November 2026; what it requires, ours requires too."""
    schemas = hubspot.client.get("/automation/v4/openapi.json").json()["components"]["schemas"]
    for name, fields in HUBSPOT.items():
        assert set(fields) <= set(schemas[name]["properties"]), name
        assert set(fields) <= set(schemas[name]["required"]), name
    assert "hubapi.com" not in json.dumps(schemas)


#: The required fields of HubSpot's schemas.
HUBSPOT = {
    "CollectionResponseWithTotalPublicSequenceLiteResponse": ["results", "total"],
    "PublicSequenceLiteResponse": ["createdAt", "id", "name", "updatedAt", "userId"],
    "PublicSequenceResponse": ["createdAt", "dependencies", "id", "name", "steps", "updatedAt", "userId"],
    "PublicSequenceStepResponse": ["actionType", "createdAt", "delayMillis", "id", "stepOrder", "updatedAt"],
    "PublicEmailPatternResponse": ["createdAt", "id", "templateId", "updatedAt"],
    "PublicTaskPatternResponse": ["createdAt", "id", "taskPriority", "taskType", "updatedAt"],
    "PublicSequenceEnrollmentRequest": ["contactId", "senderEmail", "sequenceId"],
    "PublicSequenceEnrollmentLiteResponse": ["enrolledAt", "id", "toEmail", "updatedAt"],
    "PublicSequenceEnrollmentResponse": [
        "enrolledAt", "enrolledBy", "enrolledByEmail", "id", "sequenceId", "sequenceName", "toEmail", "updatedAt",
    ],
    "Error": ["category", "correlationId", "message"],
}  # fmt: skip
