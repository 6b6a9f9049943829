"""How a program steps in over the API: many enrollments at once, another time, what goes away, rules."""

from __future__ import annotations

import pytest

from cadenza.domain.sequence import Variant

HELLO = "title: Hello\nsteps:\n  - email:\n      subject: Hello\n      text: Hello.\n"


def statuses(api):
    rows = api.world.rows("SELECT status, count(*) FROM enrollments GROUP BY 1")
    return dict(map(tuple, rows))


@pytest.fixture
def busy(api):
    """Four contacts in "long", two of them of Acme."""
    api.version = api.world.sequence(api.world.email(1), api.world.email(2, days=3), name="long")
    api.ids = [*api.world.contacts(2, company="Acme"), *api.world.contacts(2)]
    api.enrollments = api.world.enroll(api.ids, api.version, api.world.box)
    return api


class TestManyEnrollments:
    def test_everybody_of_a_company_is_unenrolled(self, busy):
        assert busy.post("/enrollments/unenroll", {"company": "acme"}) == {"enrollments": 2}
        assert statuses(busy) == {"ended": 2, "active": 2}
        assert busy.world.one("SELECT DISTINCT actor FROM events WHERE kind = 'unenroll'") == "ana"

    def test_all_are_paused_with_a_reason_and_what_has_it_goes_on(self, busy):
        assert busy.post("/enrollments/pause", {"sequence": "long", "reason": "strike"}) == {"enrollments": 4}
        assert busy.post("/enrollments/resume", {"all": True, "reason": "other"}) == {"enrollments": 0}
        assert busy.post("/enrollments/resume", {"all": True, "reason": "strike"}) == {"enrollments": 4}
        assert busy.post("/enrollments/finish", {"contact_id": busy.ids[0]}) == {"enrollments": 1}
        assert statuses(busy) == {"finished": 1, "active": 3}

    @pytest.mark.parametrize(
        ("body", "status", "code"),
        [({}, 422, "WRONG_USE"), ({"contact_id": 1, "sequence": "long"}, 422, "WRONG_USE"),
         ({"company": "Nobody"}, 404, "NOT_FOUND"), ({"all": True}, 400, "UNKNOWN_FIELD")],
    )  # fmt: skip
    def test_nobody_is_unenrolled_who_is_not_clearly_meant(self, busy, body, status, code):
        assert busy.post("/enrollments/unenroll", body, status)["errors"][0]["code"] == code
        assert statuses(busy) == {"active": 4}


def test_the_next_step_runs_at_another_time(busy):
    path = f"/enrollments/{busy.enrollments[0]}/reschedule"
    moved = busy.post(path, {"at": "2026-03-10T16:30"})
    assert (moved["contact_id"], moved["due_at"]) == (busy.ids[0], "2026-03-10T15:30:00Z")
    assert "has passed" in busy.post(path, {"at": "2026-03-01T16:30"}, 422)["message"]
    assert busy.post("/enrollments/99/reschedule", {"at": "2026-03-10T16:30"}, 404)["subCategory"] == "NOT_FOUND"


class TestWhatGoesAway:
    def test_a_sequence_is_deleted_when_it_is_said_what_becomes_of_its_contacts(self, busy):
        assert "4 contacts are in long" in busy.done("DELETE", "/sequences/long", status=422)["message"]
        told = busy.done("DELETE", "/sequences/long", params={"running": "unenroll"})
        assert (told, statuses(busy)) == ({"contacts": 4}, {"ended": 4})
        assert busy.call("GET", "/sequences/long").status_code == 404

    def test_a_contact_is_erased(self, busy):
        assert busy.done("DELETE", f"/contacts/{busy.ids[0]}", status=204) is None
        assert busy.world.one("SELECT email FROM contacts WHERE id = :id", id=busy.ids[0]) is None
        assert statuses(busy) == {"ended": 1, "active": 3}
        assert busy.call("DELETE", "/contacts/999").status_code == 404

    def test_somebody_leaves_and_another_one_writes_on(self, busy):
        busy.world.mailbox("ben")
        assert "move them to another user" in busy.post("/users/ana/deactivate", {}, 422)["message"]
        assert busy.post("/users/ana/deactivate", {"move_to": "ben"}) == {"contacts": 4}
        assert [user["is_active"] for user in busy.get("/users")["results"]] == [False, True]
        assert busy.world.one("SELECT DISTINCT u.handle FROM enrollments e JOIN users u ON u.id = e.user_id") == "ben"


def test_a_variant_is_chosen_for_everybody(api):
    variants = (Variant("short", "Hi", "<p>Hi</p>", "Hi"), Variant("long", "Hello", "<p>Hello</p>", "Hello"))
    api.world.sequence(api.world.email(1, variants=variants), name="tried")
    api.post("/sequences/tried/steps/1/winner", {"variant": "short"})
    assert api.world.one("SELECT winner FROM variant_tests") == "short"
    assert "choose" in api.post("/sequences/tried/steps/1/winner", {"variant": "x"}, 422)["message"]
    api.post("/sequences/tried/steps/1/winner", {"variant": None})
    assert api.world.rows("SELECT winner FROM variant_tests") == []


def test_a_draft_that_is_asked_for_again_is_made_once(api):
    body, named = {"sequence": "hello", "contact_ids": api.world.contacts(1)}, {"Idempotency-Key": "draft-1"}
    one, again = (api.post("/drafts", body, 201, headers=named) for _ in range(2))
    assert one == again
    assert len(api.get("/drafts")["results"]) == 1


RULE = {"when": {"form": ["demo", "contact-us"]}, "delay": "2 hours", "sender": "ana"}


def test_a_rule_is_made_replaced_tried_and_taken_away(api):
    path = "/automations/hello/demo"
    made = api.done("PUT", path, {"definition": RULE})
    assert (made["is_on"], made["definition"]["delay_minutes"]) == (True, 120)
    [id] = api.world.contacts(1)
    api.world.rows(
        "INSERT INTO signals (kind, source_id, name, contact_id, data, at, received_at, taken_at)"
        " VALUES ('form', 'form:1', 'demo', :id, '{}', :now, :now, :now)", id=id, now=api.world.now,
    )  # fmt: skip
    tried = api.get(f"{path}/trial", days=7)
    assert (tried["contacts"], tried["by_code"]) == (1, {"enrolled": 1})
    assert [(line["contact_id"], line["sender"]) for line in tried["results"]] == [(id, "ana")]
    changed = api.done("PUT", path, {"definition": {**RULE, "when": {"form": "other"}, "active": False}})
    assert (changed["is_on"], api.get(path)["definition"]["trigger"]["names"]) == (False, ["other"])
    assert api.get(f"{path}/trial")["contacts"] == 0
    assert api.get(f"{path}/firings")["results"] == []
    assert api.done("DELETE", path, status=204) is None
    assert api.call("GET", path).status_code == 404


def test_what_a_rule_did_is_told(api):
    api.done("PUT", "/automations/hello/demo", {"definition": RULE})
    [id] = api.world.contacts(1)
    api.world.rows(
        "INSERT INTO automation_firings (rule_id, signal_id, contact_id, fired_at, due_at, state, code, settled_at)"
        " SELECT id, 1, :id, :now, :now, 'refused', 'HARD_BOUNCED', :now FROM automation_rules",
        id=id, now=api.world.now,
    )  # fmt: skip
    [line] = api.get("/automations/hello/demo/firings")["results"]
    assert (line["contact_id"], line["state"], line["code"]) == (id, "refused", "HARD_BOUNCED")
    assert api.get("/automations/hello/demo")["counts"] == {"refused": 1}


@pytest.mark.parametrize(
    ("definition", "status", "code", "words"),
    [
        ({"sender": "ana"}, 422, "SEQUENCE_INVALID", "'when' is missing"),
        ({"when": {"form": "demo"}}, 422, "SEQUENCE_INVALID", "'sender' is missing"),
        ({"when": {"fom": "demo"}, "sender": "ana"}, 422, "SEQUENCE_INVALID", "there is no field 'fom'"),
        ({"when": {"form": "a\0b"}, "sender": "ana"}, 422, "INVALID_TEXT", "no text"),
        ({"when": {"form": "demo"}, "sender": "ana", "name": "x"}, 422, "CONFLICT", "leave the name out"),
    ],
)
def test_a_rule_that_makes_no_sense_is_not_stored(api, definition, status, code, words):
    told = api.done("PUT", "/automations/hello/demo", {"definition": definition}, status)
    assert told["subCategory"] == code
    assert words in told["message"]
    assert api.get("/automations")["results"] == []


def test_whom_nobody_writes_to(busy):
    body = {"entries": ["Kim@Rival.example", "@firm.example"], "reason": "competitor"}
    assert busy.post("/suppressions", body, 201) == {"entries": 2}
    assert busy.post("/suppressions", body, 201) == {"entries": 0}
    first = busy.get("/suppressions", limit=1)
    rest = busy.get("/suppressions", limit=1, after=first["paging"]["next"]["after"])
    assert "paging" not in rest
    assert {(one["kind"], one["value"], one["source"]) for one in first["results"] + rest["results"]} == {
        ("address", "kim@rival.example", "ana"), ("domain", "firm.example", "ana"),
    }  # fmt: skip
    assert busy.get("/suppressions", like="firm")["results"][0]["reason"] == "competitor"
    assert busy.post("/suppressions", {"entries": ["a@b.example", "???"]}, 422)["subCategory"] == "INVALID_ENTRY"
    past = {"entries": ["a@b.example"], "until": "2020-01-01T00:00:00Z"}
    assert busy.post("/suppressions", past, 422)["errors"][0]["in"] == "until"
    assert busy.post("/suppressions/remove", {"entries": ["firm.example"]}) == {"entries": 1}
    gone = {"entries": ["kim@rival.example", "firm.example"]}
    assert busy.post("/suppressions/remove", gone, 404)["subCategory"] == "NOT_FOUND"
    assert [one["value"] for one in busy.get("/suppressions")["results"]] == ["kim@rival.example"]


def test_a_parameter_is_given_once(busy):
    told = busy.done("GET", "/sequences", params=[("name", "a"), ("limit", "1"), ("name", "b")], status=400)
    assert (told["errors"][0]["code"], told["errors"][0]["in"]) == ("REPEATED", "name")
