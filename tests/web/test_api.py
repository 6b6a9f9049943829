"""What a program may do that comes with a key, over real HTTP."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor

import pytest

from cadenza.domain.access import Scope
from cadenza.store import api_keys, database
from flows.enroll_now import prepare

HELLO = """\
title: Hello
steps:
  - email:
      subject: Hello
      text: Dear {{ contact.first_name }}, hello.
"""


def test_one_contact_is_enrolled_and_its_history_told(api):
    [id] = api.world.contacts(1, time_zone="Asia/Tokyo")
    told = api.post("/enrollments", {"sequence": "hello", "contact_ids": [id]})
    assert (told["enrolled"], told["held"], told["refused"]) == (1, 0, 0)
    [result] = told["results"]
    assert (result["outcome"], result["code"], result["time_zone"]) == ("enrolled", None, "Asia/Tokyo")
    found = api.get(f"/enrollments/{result['enrollment_id']}")
    assert found["enrollment"]["status"] == "active"
    assert [line["kind"] for line in found["timeline"]] == ["enrolled"]
    assert api.get(f"/contacts/{id}/enrollments")["results"] == [found["enrollment"]]
    assert api.world.one("SELECT options ->> 'enrolled_by' FROM batches") == "ana"


def test_each_sequence_says_whether_a_contact_can_be_enrolled(api):
    [id] = api.world.contacts(1)
    api.world.sequence(name="tokens", required_tokens=("contact.job_title",))
    api.world.sequence(name="of_ben", shared_with=("user:ben",))
    hello, tokens = api.get(f"/contacts/{id}/sequences")["results"]
    assert (hello["sequence"], hello["outcome"], hello["code"]) == ("hello", "enrolled", None)
    assert (tokens["outcome"], tokens["code"], tokens["detail"]) == ("refused", "TOKEN_MISSING", "contact.job_title")
    assert tokens["remedy"]
    owners = api.get(f"/contacts/{id}/sequences", sender="@owner")["results"]
    assert {one["code"] for one in owners if one["sequence"] == "of_ben"} == {"OWNER_PROPERTY_EMPTY"}


def test_a_file_is_kept_and_goes_with_the_mails_of_an_enrollment(api):
    [id] = api.world.contacts(1)
    told = api.post("/documents", {"name": "Offer.pdf", "content": b64encode(b"%PDF offer").decode()})
    assert (told["media_type"], told["size"]) == ("application/pdf", 10)
    overrides = {"steps": {"1": {"attachments": [told]}}}
    api.post("/enrollments", {"sequence": "hello", "contact_ids": [id], "options": {"overrides": overrides}})
    assert api.world.one("SELECT overrides #>> '{steps,1,attachments,0,name}' FROM enrollments") == "Offer.pdf"
    overrides["steps"]["1"]["attachments"][0]["sha256"] = "0" * 64
    asked = {"sequence": "hello", "contact_ids": api.world.contacts(1), "options": {"overrides": overrides}}
    assert "no such file" in api.post("/enrollments", asked, 422)["message"]
    for name, content in (("run.exe", "TVo="), ("a.pdf", "AAAAA"), ("a/b.pdf", "TVo=")):
        assert api.post("/documents", {"name": name, "content": content}, 422)["message"]


def test_several_are_enrolled_or_told_why_not(api):
    good, bounced = api.world.contacts(2), api.world.contacts(1, bounced_at=api.world.now)
    told = api.post("/enrollments", {"sequence": "hello", "contact_ids": [*good, *bounced]})
    assert [result["code"] for result in told["results"]] == [None, None, "HARD_BOUNCED"]
    assert told["results"][2]["remedy"]
    batch = api.get(f"/batches/{told['batch_id']}")
    assert (batch["candidates"], batch["enrolled"], batch["refused"]) == (3, 2, 1)
    [line] = api.get(f"/batches/{told['batch_id']}/refusals")["results"]
    assert (line["line"], line["contact_id"], line["code"]) == (3, bounced[0], "HARD_BOUNCED")
    table = api.call("GET", f"/batches/{told['batch_id']}/refusals.csv")
    assert table.headers["Content-Type"].startswith("text/csv")
    assert "HARD_BOUNCED" in table.text
    assert api.get("/batches")["results"][0]["id"] == told["batch_id"]


def test_two_batches_of_the_same_contacts_have_the_same_fingerprint(api):
    ids = [*api.world.contacts(3), *api.world.contacts(1, bounced_at=api.world.now)]
    asked = [ids, [*reversed(ids), ids[0]], ids[:3]]
    told = [api.post("/enrollments", {"sequence": "hello", "contact_ids": chosen})["batch_id"] for chosen in asked]
    one, again, other = (api.get(f"/batches/{batch_id}")["fingerprint"] for batch_id in told)
    assert one == again == hashlib.sha256(",".join(map(str, ids)).encode()).hexdigest()[:16]
    assert other != one


def test_no_cell_of_the_table_starts_like_a_formula(api):
    [id] = api.world.contacts(1, bounced_at=api.world.now, last_name="x")
    api.world.rows("UPDATE contacts SET first_name = '=cmd|1'")
    batch = api.post("/enrollments", {"sequence": "hello", "filter": 'last_name = "x"'})["batch_id"]
    assert f"{id},'=cmd|1" in api.call("GET", f"/batches/{batch}/refusals.csv").text


def test_a_list_and_a_filter_name_contacts_too(api):
    ids = api.world.contacts(4, country="Germany")
    made = api.post("/lists", {"name": "fair", "contact_ids": ids[:2]}, 201)
    assert (made["kind"], made["contacts"]) == ("static", 2)
    active = api.post("/lists", {"name": "germans", "filter": "country = Germany"}, 201)
    assert (active["kind"], active["contacts"]) == ("active", 4)
    assert api.get(f"/lists/{made['id']}/members")["results"] == ids[:2]
    told = api.post("/enrollments", {"sequence": "hello", "segment": "fair"})
    assert (told["enrolled"], api.get(f"/batches/{told['batch_id']}")["segment"]) == (2, "fair")
    again = {"sequence": "hello", "segment": "fair", "options": {"new_only": True}}
    assert api.post("/preflight", again)["results"] == []
    told = api.post("/enrollments", {"sequence": "hello", "segment": "germans"})
    assert (told["enrolled"], told["refused"]) == (2, 2)
    assert api.post("/preflight", {"sequence": "hello", "filter": "country = Germany"})["refused"] == 4


def test_a_preflight_foretells_it_and_stores_nothing(api):
    ids = [*api.world.contacts(2), *api.world.contacts(1, opted_out_at=api.world.now)]
    body = {"sequence": "hello", "contact_ids": ids}
    foretold = api.post("/preflight", body)
    assert api.world.one("SELECT count(*) FROM batches") == 0
    done = api.post("/enrollments", body)
    assert foretold["batch_id"] is None
    for before, after in zip(foretold["results"], done["results"], strict=True):
        assert {**before, "enrollment_id": 0} == {**after, "enrollment_id": 0}


def test_what_is_different_for_all_and_for_one(api):
    api.world.sequence(api.world.email(1), api.world.email(2, days=3), name="long")
    one, two = api.world.contacts(2)
    body = {
        "sequence": "long",
        "contact_ids": [one, two],
        "options": {"overrides": {"steps": {"2": {"delay": "5 days"}}}},
        "contact_overrides": {str(two): {"token_values": {"contact.first_name": "Jo"}, "time_zone": "Asia/Tokyo"}},
    }
    assert [line["time_zone"] for line in api.post("/preflight", body)["results"]] == ["Europe/Berlin", "Asia/Tokyo"]
    assert api.post("/enrollments", body)["enrolled"] == 2
    rows = api.world.rows("SELECT overrides, token_values, time_zone FROM enrollments ORDER BY contact_id")
    assert [row.time_zone for row in rows] == ["Europe/Berlin", "Asia/Tokyo"]
    assert rows[1].token_values == {"contact.first_name": "Jo"}
    assert "2" in rows[0].overrides["steps"]


def test_fifty_are_chosen_at_once_and_lists_have_their_own_limit(api):
    ids = api.world.contacts(51)
    body = {"sequence": "hello", "contact_ids": ids}
    for path in ("/enrollments", "/preflight"):
        told = api.post(path, body, 422)
        assert (told["subCategory"], told["message"].partition(":")[0]) == (
            "BATCH_TOO_LARGE", "51 contacts are named one by one, at most 50 are enrolled so at once",
        )  # fmt: skip
    assert api.post("/drafts", body, 201)["waiting"] == 51
    assert api.world.one("SELECT count(*) FROM batches") == 0
    assert api.post("/enrollments", {"sequence": "hello", "contact_ids": ids[:50]})["enrolled"] == 50
    api.post("/lists", {"name": "fair", "contact_ids": ids}, 201)
    assert api.post("/enrollments", {"sequence": "hello", "segment": "fair"})["enrolled"] == 1
    assert api.post("/preflight", body | {"options": {"batch_limit": 51}})["refused"] == 51


def test_an_enrollment_is_prepared_changed_and_begun(api):
    one, two, three = api.world.contacts(3)
    draft = api.post("/drafts", {"sequence": "hello", "contact_ids": [one, two, three]}, 201)
    assert (draft["waiting"], draft["created_by"]) == (3, "ana")
    path = f"/drafts/{draft['id']}"
    assert api.post(f"{path}/remove", {"contact_ids": [three]}) == {"contacts": 1}
    different = {"overrides": {"steps": {"1": {"subject": "Hi"}}}, "contact_ids": [two]}
    assert api.post(f"{path}/overrides", different) == {"contacts": 1}
    told = api.post(f"{path}/overrides", {"overrides": {"time_zone": "Mars"}}, 422)
    assert told["errors"][0]["in"] == "overrides.time_zone"
    assert api.post(f"{path}/review")["enrolled"] == 2
    assert api.world.one("SELECT count(*) FROM enrollments") == 0
    assert api.post(f"{path}/enroll", {"contact_ids": [two]})["enrolled"] == 1
    assert api.post(f"{path}/enroll", {})["enrolled"] == 1
    assert (api.get(path)["enrolled"], api.get(path)["removed"]) == (2, 1)
    assert [line["contact_id"] for line in api.get(f"{path}/contacts")["results"]] == [one, two, three]
    assert api.post(f"{path}/discard")["discarded_at"]
    assert api.get("/drafts")["results"] == []


def test_rules_are_listed_and_switched(api):
    rules = "automations:\n  - name: demo\n    when: {form: demo}\n    sender: ana\n"
    stored = api.call("PUT", "/sequences/ruled", {"yaml": HELLO + rules})
    assert stored.status_code == 200, stored.text
    [rule] = api.get("/automations", sequence="ruled")["results"]
    assert rule["is_on"]
    assert not api.post("/automations/ruled/demo/off")["is_on"]
    assert api.post("/automations/ruled/demo/on")["is_on"]


def test_a_hundred_at_once_enroll_a_contact_once(api):
    prepare()
    [id] = api.world.contacts(1)
    body = {"sequence": "hello", "contact_ids": [id]}
    with ThreadPoolExecutor(100) as pool:
        answers = list(pool.map(lambda _: api.call("POST", "/enrollments", body, timeout=120), range(100)))
    assert sorted(answer.status_code for answer in answers) == [200, *[409] * 99]
    refusals = [answer.json() for answer in answers if answer.status_code == 409]
    assert {told["subCategory"] for told in refusals} == {"ALREADY_IN_THIS_SEQUENCE"}
    assert api.world.one("SELECT count(*) FROM enrollments") == 1


class TestIdempotency:
    def test_the_same_request_gets_the_same_answer(self, api):
        [id] = api.world.contacts(1)
        body, named = {"sequence": "hello", "contact_ids": [id]}, {"headers": {"Idempotency-Key": "order-1"}}
        first = api.call("POST", "/enrollments", body, **named)
        again = api.call("POST", "/enrollments", body, **named)
        assert first.json() == again.json()
        assert (first.status_code, again.status_code) == (200, 200)
        assert again.headers["Idempotent-Replayed"] == "true"
        assert api.world.one("SELECT count(*) FROM batches") == 1

    def test_another_request_of_the_same_name_is_refused(self, api):
        one, two = api.world.contacts(2)
        named = {"headers": {"Idempotency-Key": "order-1"}}
        api.post("/enrollments", {"sequence": "hello", "contact_ids": [one]}, **named)
        told = api.post("/enrollments", {"sequence": "hello", "contact_ids": [two]}, 409, **named)
        assert told["subCategory"] == "USED_FOR_OTHER"

    def test_what_failed_may_be_tried_again(self, api):
        [id] = api.world.contacts(1, bounced_at=api.world.now)
        body, named = {"sequence": "hello", "contact_ids": [id]}, {"headers": {"Idempotency-Key": "order-1"}}
        api.post("/enrollments", body, 422, **named)
        api.world.rows("UPDATE contacts SET bounced_at = NULL")
        assert api.post("/enrollments", body, **named)["enrolled"] == 1


def test_an_enrollment_is_paused_resumed_and_ended(api):
    [id] = api.world.contacts(1)
    enrollment = api.post("/enrollments", {"sequence": "hello", "contact_ids": [id]})["results"][0]["enrollment_id"]
    assert api.post(f"/enrollments/{enrollment}/pause")["status"] == "paused"
    assert api.post(f"/enrollments/{enrollment}/pause", status=409)["subCategory"] == "WRONG_STATUS"
    assert api.post(f"/enrollments/{enrollment}/resume")["status"] == "active"
    ended = api.post(f"/enrollments/{enrollment}/unenroll")
    assert (ended["status"], ended["ending"]) == ("ended", "removed")
    actors = [line["actor"] for line in api.get(f"/enrollments/{enrollment}")["timeline"]]
    assert actors == ["engine", "ana", "ana", "ana"]


def test_contacts_are_added_and_changed_field_by_field(api):
    made = api.post("/contacts", {"email": "Kim.Lee@Customer.example", "company": "Acme", "phone": "1",
                                  "properties": {"Ticket Type": "gold", "seat": "7"}})  # fmt: skip
    assert made["is_new"]
    changed = api.post("/contacts", {"email": "kim.lee@customer.example", "phone": None, "city": " Bremen ",
                                     "properties": {"seat": None}})  # fmt: skip
    assert changed == {"id": made["id"], "is_new": False}
    contact = api.get(f"/contacts/{made['id']}")
    assert (contact["company"], contact["phone"], contact["city"]) == ("Acme", None, "Bremen")
    assert contact["properties"] == {"ticket_type": "gold"}
    assert contact["email_normalized"] == "kim.lee@customer.example"
    assert api.world.one("SELECT k.name FROM contacts c JOIN companies k ON k.id = c.company_id") == "Acme"


def test_a_batch_of_contacts_is_stored_whole_or_not_at_all(api):
    rows = [{"email": "a@x.example"}, {"email": "b@x.example"}, {"email": "a@x.example", "city": "Bonn"}]
    results = api.post("/contacts/batch", {"contacts": rows})["results"]
    assert results[0] == results[2] != results[1]
    told = api.post("/contacts/batch", {"contacts": [{"email": "c@x.example"}, {"email": "no address"}]}, 422)
    assert [(error["in"], error["code"]) for error in told["errors"]] == [("contacts.1.email", "EMAIL_INVALID_SYNTAX")]
    assert api.get("/contacts")["total"] == 2


def test_pages_go_on_where_the_last_one_ended(api):
    ids = api.world.contacts(5, country="Germany")
    seen, after = [], None
    while True:
        query = {"filter": "country = Germany", "limit": 2} | ({"after": after} if after else {})
        page = api.get("/contacts", **query)
        assert page["total"] == 5
        seen += [contact["id"] for contact in page["results"]]
        if "paging" not in page:
            break
        after = page["paging"]["next"]["after"]
    assert seen == ids


def test_a_sequence_is_checked_stored_shared_and_paused(api):
    assert api.post("/sequences/check", {"yaml": HELLO})["definition"]["title"] == "Hello"
    stored = api.call("PUT", "/sequences/greeting", {"yaml": HELLO}).json()
    assert (stored["name"], stored["version"], stored["steps"]) == ("greeting", 1, 1)
    assert api.call("PUT", "/sequences/greeting/shares", {"shared_with": ["team:west"]}).json()["shared_with"] == [
        "team:west"
    ]
    assert api.get("/sequences/greeting")["version"] == 1
    assert api.post("/sequences/greeting/pause")["is_paused"]
    assert not api.post("/sequences/greeting/resume")["is_paused"]
    told = api.call("PUT", "/sequences/greeting", {"yaml": "steps:\n  - mail: x\n"}).json()
    assert told["subCategory"] == "SEQUENCE_INVALID"
    assert "line 2" in told["message"]


def test_to_dos_are_listed_and_completed(api):
    version = api.world.sequence(api.world.todo(1), api.world.email(2), name="calls")
    ids = api.world.enroll(api.world.contacts(3), version, api.world.box)
    api.world.rows("""
        INSERT INTO todos (enrollment_id, position, user_id, contact_id, kind, title, is_blocking, created_at)
        SELECT id, 1, user_id, contact_id, 'call', 'Call', true, enrolled_at FROM enrollments
    """)
    page = api.get("/todos", user="ana", limit=2)
    assert len(page["results"]) == 2
    assert len(api.get("/todos", user="ana", after=page["paging"]["next"]["after"])["results"]) == 1
    done = api.post(f"/todos/{page['results'][0]['id']}/complete")
    assert done["enrollment_id"] in ids
    assert done["next_due_at"]
    assert len(api.get("/todos")["results"]) == 2


def test_reports_and_users_are_told(api):
    [id] = api.world.contacts(1)
    enrollment = api.post("/enrollments", {"sequence": "hello", "contact_ids": [id]})["results"][0]["enrollment_id"]
    assert api.get("/reports/health")["active"] == 1
    assert api.post(f"/enrollments/{enrollment}/finish")["status"] == "finished"
    [user] = api.get("/users")["results"]
    assert (user["handle"], user["mailboxes"][0]["id"]) == ("ana", api.world.box)


class TestKeys:
    @pytest.mark.parametrize("key", ["", "nonsense", "cdz_1_" + "a" * 43, "cdz_99_" + "a" * 43])
    def test_a_wrong_key_opens_nothing(self, api, key):
        answer = api.client.get("/api/v1/contacts", headers={"Authorization": f"Bearer {key}"} if key else {})
        assert (answer.status_code, answer.json()["category"]) == (401, "INVALID_AUTHENTICATION")
        assert answer.headers["WWW-Authenticate"] == "Bearer"

    def test_a_revoked_key_opens_nothing_from_the_next_request_on(self, api):
        api.get("/contacts")
        with database.transaction(api.world.runtime.engine) as connection:
            api_keys.revoke_key(connection, api.key_id, "tests", api.world.now)
        assert "revoked" in api.call("GET", "/contacts").json()["message"]

    def test_only_a_hash_is_stored(self, api):
        [row] = api.world.rows("SELECT * FROM api_keys")
        assert api.key.rpartition("_")[2] not in str(tuple(row))

    def test_a_missing_scope_is_named(self, program):
        reader = program("contacts.read")
        assert reader.get("/contacts")["total"] == 0
        answer = reader.call("POST", "/contacts", {"email": "a@x.example"})
        assert (answer.status_code, answer.json()["category"]) == (403, "MISSING_SCOPES")
        assert answer.json()["context"] == {"missingScopes": ["contacts.write"]}

    def test_a_key_that_acts_for_a_user_acts_for_no_other(self, api):
        api.world.mailbox("ben")
        [id] = api.world.contacts(1)
        body = {"sequence": "hello", "contact_ids": [id], "enrolled_by": "ben"}
        assert api.post("/enrollments", body, 403)["subCategory"] == "ACTS_FOR_ANOTHER"

    def test_every_endpoint_needs_a_scope(self, api):
        paths = api.client.get("/api/v1/openapi.json").json()["paths"]
        needed = [operation["security"][0]["key"] for methods in paths.values() for operation in methods.values()]
        assert all(set(scopes) <= set(Scope) and scopes for scopes in needed)

    def test_a_key_is_limited_by_itself_not_by_its_client(self, runtime, serve, world):
        runtime.settings.web_requests_per_minute = 20
        runtime.settings.api_requests_per_minute = 30
        client = serve().client
        with database.transaction(runtime.engine) as connection:
            keys = [api_keys.create_key(connection, "k", set(Scope), None, "tests", world.now)[1] for _ in range(2)]
        headers = [{"Authorization": f"Bearer {key}"} for key in keys]
        told = [client.get("/api/v1/users", headers=headers[0]) for _ in range(32)]
        assert told[28].status_code == 200
        assert (told[31].status_code, told[31].json()["category"]) == (429, "RATE_LIMITS")
        assert int(told[31].headers["Retry-After"]) >= 1
        assert client.get("/api/v1/users", headers=headers[1]).status_code == 200
        guesses = [client.get("/api/v1/users").status_code for _ in range(6)]
        assert guesses[-1] == 429
        assert client.get("/api/v1/users", headers=headers[1]).status_code == 200


@pytest.mark.parametrize(
    ("body", "status", "code", "field"),
    [
        pytest.param({"contactIds": [1]}, 400, "UNKNOWN_FIELD", "contactIds", id="unknown field"),
        pytest.param({"contact_ids": ["1"]}, 400, "WRONG_TYPE", "contact_ids.0", id="wrong type"),
        pytest.param({"contact_ids": [1], "segment": "x"}, 422, "CONFLICT", "contact_ids and segment", id="two ways"),
        pytest.param({"contact_ids": [1], "sequence": None}, 400, "WRONG_TYPE", "sequence", id="no sequence"),
        pytest.param({"contact_ids": [1], "sequence": "helo"}, 404, "NOT_FOUND", None, id="unknown sequence"),
        pytest.param({"contact_ids": [1], "sender": "anna"}, 404, "NOT_FOUND", None, id="unknown sender"),
        pytest.param({"contact_ids": [9]}, 422, "CONTACT_NOT_FOUND", None, id="unknown contact"),
        pytest.param({"filter": "country ="}, 422, "FILTER_INVALID", None, id="filter"),
        pytest.param({"segment": "a\0b"}, 400, "INVALID_VALUE", "segment", id="no text"),
        pytest.param({"contact_ids": [1], "options": {"start_position": 7}}, 422, "START_STEP_OUT_OF_RANGE",
                     "options.start_position", id="step out of range"),
        pytest.param({"contact_ids": [1], "options": {"send_at": "2026-01-01T10:00"}}, 422, "START_IN_PAST",
                     "options.send_at", id="start in the past"),
        pytest.param({"contact_ids": [1], "options": {"time_zone": "Mars/Olympus"}}, 422, "WRONG_USE", None,
                     id="unknown zone"),
        pytest.param({"contact_ids": [1], "options": {"overrides": {"from_alias": "ceo@northwind.example"}}}, 422,
                     "SEND_AS_DENIED", "options", id="alias not allowed"),
        pytest.param({"contact_ids": [1], "options": {"overrides": {"token_values": {"contact.first_name": "a\r\nb"}}}},
                     422, "OVERRIDE_INVALID", "options.overrides.token_values.contact.first_name", id="CR LF"),
        pytest.param({"contact_ids": [1], "contact_overrides": {"1": {"steps": {"1": {"subjct": "x"}}}}}, 422,
                     "OVERRIDE_INVALID", "contact_overrides.1.steps.1.subjct", id="unknown override"),
        pytest.param({"contact_ids": [1], "options": {"overrides": {"steps": {"1": {"text": "a\0b"}}}}}, 422,
                     "INVALID_TEXT", "options.overrides", id="override that is no text"),
        pytest.param({"contact_ids": [1], "options": {"mailbox_id": 2}}, 422, "SEND_AS_DENIED", "options",
                     id="another's mailbox"),
    ],
)  # fmt: skip
def test_bad_input_is_named_and_leaves_nothing(api, body, status, code, field):
    api.world.mailbox("ben")
    api.world.contacts(1)
    told = api.post("/enrollments", {"sequence": "hello", **body}, status)
    assert told["errors"][0]["code"] == code
    assert told["errors"][0].get("in") == field
    assert told["status"] == "error"
    assert told["correlationId"]
    assert "Traceback" not in str(told)
    assert "pydantic" not in str(told)
    assert api.world.one("SELECT count(*) FROM enrollments") == 0


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        pytest.param(b"x" * 5_000_000, "application/json", 413, id="5 MB"),
        pytest.param(b"{}", "text/plain", 415, id="no JSON by its type"),
        pytest.param(b"{", "application/json", 400, id="no JSON at all"),
        pytest.param(b'{"a":' + b"[" * 100_000, "application/json", 400, id="very deep"),
        pytest.param(b'{"contact_ids": [' + b"9" * 5_000 + b"]}", "application/json", 400, id="very large number"),
        pytest.param(b'{"sequence": "\\ud800", "contact_ids": [1]}', "application/json", 400, id="half a character"),
    ],
)
def test_bodies_that_cannot_be_read_are_turned_away(api, content, kind, status):
    headers = {"Authorization": f"Bearer {api.key}", "Content-Type": kind}
    answer = api.client.post("/api/v1/enrollments", content=content, headers=headers)
    assert answer.status_code == status
    assert answer.json()["status"] == "error"


def test_answers_of_the_api_carry_the_strict_headers(api):
    headers = api.call("GET", "/contacts").headers
    assert headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert headers["Cache-Control"] == "no-store"


def test_a_mailbox_add_in_may_call_from_its_own_page(runtime, serve, world):
    runtime.settings.api_origins = ["https://addin.example.com"]
    client = serve().client
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type"}
    allowed = client.options("/api/v1/enrollments", headers={"Origin": "https://addin.example.com", **asked})
    assert allowed.headers["Access-Control-Allow-Origin"] == "https://addin.example.com"
    other = client.options("/api/v1/enrollments", headers={"Origin": "https://evil.example.com", **asked})
    assert "Access-Control-Allow-Origin" not in other.headers


def test_the_description_is_a_page_without_anything_from_elsewhere(api):
    page = api.client.get("/api/v1/docs")
    assert "POST /enrollments" in page.text
    assert "enrollments.write" in page.text
    assert "<script" not in page.text


def test_statistics_and_what_comes_next_are_read(api):
    api.world.enroll(api.world.contacts(2), api.world.sequence(name="counted"), api.world.box)
    [line] = api.get("/statistics", sequence="counted")["results"]
    assert (line["numbers"]["enrolled"], line["rates"]["reply_rate"], line["rates"]["finish_rate"]) == (2, None, None)
    assert [line["numbers"]["name"] for line in api.get("/statistics", by="sender")["results"]] == ["ana"]
    assert api.get("/statistics/steps")["results"] == []
    assert [step["position"] for step in api.get("/scheduled", sequence="counted")["results"]] == [1, 1]
    assert api.call("GET", "/statistics?sequence=helo").status_code == 404
