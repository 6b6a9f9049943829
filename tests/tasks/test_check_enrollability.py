"""Is every rule judged by the facts that it is about?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cadenza.domain.attachments import MEGABYTE, Attachment
from cadenza.domain.batch import Batch
from cadenza.domain.enrollment import CONTACT_OWNER, EnrollmentOptions, Outcome, Segment
from cadenza.errors import ContractsDisagree
from cadenza.store import database
from cadenza.store.sequences import find_sequence
from data_contracts.audit import audit
from data_contracts.enrollability import RULES
from data_contracts.policy import EnrollmentContext, policy_of
from data_contracts.verdict import Verdict
from tasks.check_enrollability import check_enrollability
from tasks.load_candidates import load_candidates


def a_batch(world: Any, contact_ids: list[int], sender: str = "ana", **options: Any) -> Batch:
    with database.transaction(world.runtime.engine) as connection:
        stored = find_sequence(connection, "hello")
    return Batch(
        None,
        Segment(contact_ids=tuple(contact_ids)),
        sender,
        EnrollmentOptions(**options),
        stored.id,
        stored.version_id,
        stored.sequence,
        stored.is_active,
        len(contact_ids),
        world.now,
    )


def judge(batch: Batch, size: int = 1000, **columns: Any) -> list[Verdict]:
    """The verdicts of a batch, chunk by chunk; columns are what planning adds to the candidates."""
    verdicts: list[Verdict] = []
    for chunk in load_candidates.fn(batch, size):
        timed = chunk.assign(**columns) if columns else chunk
        verdicts.append(check_enrollability.fn(timed, batch, verdicts[-1].taken if verdicts else None))
    return verdicts


@dataclass
class Case:
    """A contact, alone in its batch, with the facts that break one rule."""

    code: str
    outcome: Outcome
    #: Changes the world: gets the world and the contact's id.
    given: Callable[[Any, int], object]
    sender: str = "ana"
    options: dict[str, Any] | None = None
    columns: dict[str, Any] | None = None
    #: The words of the refusal's detail begin like this.
    detail: str = ""


def contact(assignment: str) -> Callable[[Any, int], object]:
    return lambda world, id: world.rows(f"UPDATE contacts SET {assignment} WHERE id = :id", id=id)


def everywhere(statement: str) -> Callable[[Any, int], object]:
    return lambda world, _: world.rows(statement)


def enrolled_in(name: str, status: str = "active") -> Callable[[Any, int], object]:
    def given(world: Any, id: int) -> None:
        version = world.sequence(name=name)
        world.enroll([id], version, world.one("SELECT min(id) FROM mailboxes"))
        if status == "finished":
            world.rows("UPDATE enrollments SET status = 'finished', ended_at = :n", n=world.now - timedelta(days=3))

    return given


def nothing(world: Any, id: int) -> None:
    """The case is made by its options or columns alone."""


REFUSED, HELD, ENROLLED = Outcome.REFUSED, Outcome.HELD, Outcome.ENROLLED

CASES = [
    Case("SEQUENCE_INACTIVE", REFUSED, lambda world, _: world.sequence(is_active=False)),
    Case(
        "SEQUENCE_EMPTY",
        REFUSED,
        everywhere("""UPDATE sequence_versions SET definition = definition || '{"steps": []}'"""),
    ),
    Case("START_STEP_OUT_OF_RANGE", REFUSED, nothing, options={"start_position": 2}, detail="step 2 of 1"),
    Case("CONTACT_NOT_FOUND", REFUSED, lambda world, id: world.rows("DELETE FROM contacts WHERE id = :id", id=id)),
    Case("ALREADY_IN_THIS_SEQUENCE", REFUSED, enrolled_in("hello"), detail="enrollment "),
    Case("ALREADY_ENROLLED", REFUSED, enrolled_in("another"), detail="enrollment "),
    Case("OWNER_PROPERTY_EMPTY", REFUSED, nothing, sender=CONTACT_OWNER),
    Case("SENDER_MISSING", REFUSED, nothing, sender="zoe"),
    Case("SENDER_MISSING", REFUSED, contact("owner_email = 'zoe@northwind.example'"), sender=CONTACT_OWNER),
    Case("SENDER_INACTIVE", REFUSED, everywhere("UPDATE users SET is_active = false")),
    Case("NO_PERMISSION", REFUSED, everywhere("UPDATE users SET may_enroll = false")),
    Case("SEQUENCE_NOT_SHARED", REFUSED, lambda world, _: world.sequence(shared_with=("user:ben",))),
    Case("MAILBOX_SETTINGS_MISSING", REFUSED, everywhere("DELETE FROM mailboxes")),
    Case("MAILBOX_NOT_CONNECTED", HELD, everywhere("UPDATE mailboxes SET is_connected = false")),
    Case("EMAIL_MISSING", REFUSED, contact("email = '', email_normalized = NULL")),
    Case("EMAIL_INVALID_SYNTAX", REFUSED, contact("email = 'a@x.example; b@x.example', email_normalized = NULL")),
    Case("SPAM_COMPLAINT", REFUSED, contact("complained_at = '2026-01-02T00:00Z'"), detail="on 2026-01-02"),
    Case("OPTED_OUT_ALL", REFUSED, contact("opted_out_at = '2026-01-02T00:00Z'"), detail="on 2026-01-02"),
    Case(
        "OPTED_OUT_SENDER",
        REFUSED,
        everywhere("""
            INSERT INTO sender_opt_outs (address, user_id, at)
            SELECT c.email, u.id, '2026-01-02T00:00Z' FROM contacts c, users u WHERE handle = 'ana'
        """),
        detail="on 2026-01-02",
    ),
    Case("HARD_BOUNCED", REFUSED, contact("bounced_at = '2026-01-02T00:00Z'"), detail="on 2026-01-02"),
    Case(
        "ADDRESS_SUPPRESSED",
        REFUSED,
        everywhere("INSERT INTO suppressions (kind, value, reason) SELECT 'address', email, '' FROM contacts"),
    ),
    Case(
        "DOMAIN_SUPPRESSED",
        REFUSED,
        everywhere("INSERT INTO suppressions (kind, value, reason) VALUES ('domain', 'customer.example', '')"),
    ),
    Case(
        "REENROLL_COOLDOWN",
        REFUSED,
        enrolled_in("another", "finished"),
        options={"cooldown_days": 7},
        detail="until 2026-03-06",
    ),
    Case(
        "TOKEN_MISSING",
        REFUSED,
        lambda world, _: world.sequence(required_tokens=("contact.job_title", "contact.first_name")),
        detail="contact.job_title",
    ),
    Case(
        "ATTACHMENT_TOO_LARGE",
        REFUSED,
        lambda world, _: world.sequence(
            world.email(1), world.email(2, attachments=(Attachment("film.mp4", "video/mp4", 27 * MEGABYTE, ""),))
        ),
        detail="step 2: 37",
    ),
    Case(
        "OVERRIDE_INVALID",
        REFUSED,
        nothing,
        columns={"override_code": "OVERRIDE_INVALID", "override_problem": "steps.9: there is no step 9"},
        detail="steps.9: there is no step 9",
    ),
    Case("START_IN_PAST", REFUSED, nothing, columns={"is_start_in_past": True}),
    Case("EMAIL_ROLE_ADDRESS", ENROLLED, contact("email_normalized = 'info@customer.example'")),
    Case(
        "EMAIL_ROLE_ADDRESS",
        REFUSED,
        contact("email_normalized = 'info@customer.example'"),
        options={"role_addresses": "refuse"},
    ),
    Case(
        "TIMEZONE_INVALID",
        ENROLLED,
        contact("time_zone = 'Mars/Olympus'"),
        columns={"is_zone_unknown": True, "time_zone": "Europe/Berlin", "time_zone_source": "sender"},
        detail="read as Europe/Berlin (sender)",
    ),
    Case("NO_SLOT", REFUSED, nothing, columns={"due_at": pd.Series([None], dtype="datetime64[us, UTC]")}),
    Case(
        "DAILY_LIMIT",
        HELD,
        everywhere("""UPDATE mailboxes SET limits = '[{"count": 0, "seconds": 86400}]'"""),
        detail="left today: 0",
    ),
    Case(
        "DAILY_LIMIT",
        REFUSED,
        everywhere("""UPDATE mailboxes SET limits = '[{"count": 0, "seconds": 86400}]'"""),
        options={"over_daily_limit": "refuse"},
    ),
]

#: Rules that a contact alone in its batch cannot break, or that need a second user: tests of their own, below. Records
#: are enrolled in tests/store/test_records.py.
ELSEWHERE = {
    "BATCH_TOO_LARGE", "DUPLICATE_IN_BATCH", "NO_ASSOCIATED_CONTACT", "NO_BULK_PERMISSION", "SEND_AS_DENIED",
}  # fmt: skip


@pytest.fixture
def ready(world: Any) -> Any:
    """Ana with her mailbox, and a sequence for everyone."""
    world.mailbox("ana")
    world.sequence()
    return world


@pytest.mark.parametrize("case", [pytest.param(case, id=f"{case.code}-{case.outcome.value}") for case in CASES])
def test_each_rule_is_broken_by_its_facts_and_by_nothing_else(ready: Any, case: Case) -> None:
    (id,) = ready.contacts(1)
    case.given(ready, id)
    (verdict,) = judge(a_batch(ready, [id], case.sender, **case.options or {}), **case.columns or {})
    assert verdict.frame["outcome"].tolist() == [case.outcome.value]
    assert verdict.frame["reason"].tolist() == [case.code]
    assert verdict.counts == {case.code: 1}
    (refusal,) = verdict.refusals.to_dict("records")
    assert refusal["contact_id"] == id
    assert refusal["is_reason"]
    assert refusal["detail"].startswith(case.detail)
    assert bool(refusal["detail"]) == bool(case.detail) or case.code == "DAILY_LIMIT"


def test_every_rule_has_a_case() -> None:
    assert {case.code for case in CASES} | ELSEWHERE == {rule.code for rule in RULES}


def test_a_contact_without_fault_is_enrolled(ready: Any) -> None:
    (verdict,) = judge(a_batch(ready, ready.contacts(1)))
    assert verdict.outcomes == {Outcome.REFUSED: 0, Outcome.HELD: 0, Outcome.ENROLLED: 1}
    assert verdict.refusals.empty
    assert len(verdict.enrollable) == 1


def test_of_a_contact_chosen_twice_the_first_is_judged_also_when_chunks_part_them(ready: Any) -> None:
    one, two = ready.contacts(2)
    for size in (1, 2, 10):
        verdicts = judge(a_batch(ready, [one, two, one]), size)
        frame = pd.concat([verdict.frame for verdict in verdicts])
        assert frame["outcome"].tolist() == ["enrolled", "enrolled", "refused"]
        assert frame["reason"].astype("object").tolist()[2] == "DUPLICATE_IN_BATCH"


def test_a_duplicate_whose_first_was_just_enrolled_is_a_duplicate_and_nothing_else(ready: Any) -> None:
    (one,) = ready.contacts(1)
    chunks = load_candidates.fn(batch := a_batch(ready, [one, one]), 1)
    first = check_enrollability.fn(next(chunks), batch)
    enrollment = ready.enroll([one], batch.sequence_version_id, int(first.frame["mailbox_id"].iloc[0]))
    second = check_enrollability.fn(next(chunks), batch)
    assert enrollment
    assert second.counts == {"DUPLICATE_IN_BATCH": 1}


def test_a_batch_over_the_limit_is_refused_in_every_chunk(ready: Any) -> None:
    verdicts = judge(a_batch(ready, ready.contacts(4), batch_limit=3), size=2)
    assert [verdict.counts for verdict in verdicts] == [{"BATCH_TOO_LARGE": 2}] * 2
    assert {verdict.outcomes[Outcome.REFUSED] for verdict in verdicts} == {2}
    assert verdicts[0].refusals["detail"].tolist()[0] == "4 contacts, at most 3"
    assert judge(a_batch(ready, ready.contacts(3), batch_limit=3))[0].counts == {}


def test_one_contact_needs_no_permission_for_bulk_and_two_do(ready: Any) -> None:
    ready.rows("UPDATE users SET may_bulk_enroll = false")
    assert judge(a_batch(ready, ready.contacts(1)))[0].counts == {}
    assert judge(a_batch(ready, ready.contacts(2)))[0].counts == {"NO_BULK_PERMISSION": 2}


def test_nobody_sends_from_the_mailbox_of_another_user(ready: Any) -> None:
    bens = ready.mailbox("ben")
    (verdict,) = judge(a_batch(ready, ready.contacts(1), mailbox_id=bens))
    assert verdict.counts == {"SEND_AS_DENIED": 1}


def test_the_day_of_a_mailbox_is_shared_by_all_chunks_in_the_order_of_the_due_instants(world: Any) -> None:
    world.mailbox("ana", limits=[(3, 86_400)])
    world.sequence()
    batch = a_batch(world, world.contacts(5))
    outcomes = [o for verdict in judge(batch, 2) for o in verdict.frame["outcome"]]
    assert outcomes == ["enrolled"] * 3 + ["held"] * 2
    hours = pd.Series([5, 4, 3, 2, 1]).map(lambda h: world.now + timedelta(hours=h))
    (verdict,) = judge(batch, due_at=hours)
    assert verdict.frame["outcome"].tolist() == ["held"] * 2 + ["enrolled"] * 3


def test_a_first_step_that_is_no_mail_or_due_another_day_takes_no_place(world: Any) -> None:
    world.mailbox("ana", limits=[(1, 86_400)])
    world.sequence()
    later = world.now + timedelta(days=2)
    (verdict,) = judge(a_batch(world, world.contacts(3)), due_at=later)
    assert verdict.counts == {}
    world.sequence(world.todo(1))
    assert judge(a_batch(world, world.contacts(3)))[0].counts == {}


def test_a_refused_contact_takes_no_place_of_the_day(world: Any) -> None:
    world.mailbox("ana", limits=[(1, 86_400)])
    world.sequence()
    bounced, fine = world.contacts(2)
    world.rows("UPDATE contacts SET bounced_at = now() WHERE id = :i", i=bounced)
    (verdict,) = judge(a_batch(world, [bounced, fine]))
    assert verdict.frame["outcome"].tolist() == ["refused", "enrolled"]
    assert verdict.counts == {"HARD_BOUNCED": 1}


def test_all_broken_rules_are_kept_and_the_worst_is_the_reason(ready: Any) -> None:
    ready.rows("UPDATE mailboxes SET is_connected = false")
    (id,) = ready.contacts(1)
    ready.rows("UPDATE contacts SET email_normalized = 'info@customer.example', bounced_at = now() WHERE id = :i", i=id)
    (verdict,) = judge(a_batch(ready, [id]))
    assert verdict.refusals["code"].tolist() == ["MAILBOX_NOT_CONNECTED", "HARD_BOUNCED", "EMAIL_ROLE_ADDRESS"]
    assert verdict.refusals["is_reason"].tolist() == [False, True, False]
    assert set(verdict.refusals["outcome"]) == {"refused"}


def test_no_detail_holds_an_address(ready: Any) -> None:
    ids = [case_id for case in CASES[:10] for case_id in ready.contacts(1) if case.code]
    ready.rows(
        "UPDATE contacts SET bounced_at = now(), complained_at = now(), email = 'x y@z', email_normalized = NULL"
    )
    (verdict,) = judge(a_batch(ready, ids))
    assert not verdict.refusals["detail"].str.contains("@").any()


#: What may be wrong with a contact: column and value.
FAULTS = ["bounced_at", "complained_at", "opted_out_at"]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_every_row_of_any_batch_has_exactly_one_outcome_and_all_sums_agree(ready: Any, data: st.DataObject) -> None:
    faults = data.draw(
        st.lists(st.sets(st.sampled_from([*FAULTS, "no address", "role", "gone"])), min_size=1, max_size=12)
    )
    ids = ready.contacts(len(faults))
    for id, broken in zip(ids, faults, strict=True):
        for name in broken & set(FAULTS):
            ready.rows(f"UPDATE contacts SET {name} = now() WHERE id = :i", i=id)
        if "no address" in broken:
            ready.rows("UPDATE contacts SET email = NULL, email_normalized = NULL WHERE id = :i", i=id)
        elif "role" in broken:
            ready.rows("UPDATE contacts SET email_normalized = 'info@customer.example' WHERE id = :i", i=id)
        if "gone" in broken:
            ready.rows("DELETE FROM contacts WHERE id = :i", i=id)
    chosen = data.draw(st.lists(st.sampled_from(ids), min_size=1, max_size=20))
    batch = a_batch(ready, chosen, role_addresses=data.draw(st.sampled_from(["allow", "warn", "refuse"])))
    verdicts = judge(batch, data.draw(st.integers(1, 25)))
    frame = pd.concat([verdict.frame for verdict in verdicts], ignore_index=True)
    refusals = pd.concat([verdict.refusals for verdict in verdicts], ignore_index=True)
    assert frame["ordinal"].tolist() == list(range(1, len(chosen) + 1))
    assert frame["contact_id"].tolist() == chosen
    assert sum(sum(verdict.outcomes.values()) for verdict in verdicts) == len(chosen)
    assert frame["outcome"].notna().all()
    reasons = refusals[refusals["is_reason"]]
    assert reasons["ordinal"].is_unique
    assert set(refusals["ordinal"]) == set(reasons["ordinal"])
    assert set(reasons["ordinal"]) >= set(frame.loc[frame["outcome"] != "enrolled", "ordinal"])
    assert not refusals.duplicated(["ordinal", "code"]).any()
    enrolled = frame[frame["outcome"] == "enrolled"]
    assert enrolled["contact_id"].is_unique
    faultless = {id for id, broken in zip(ids, faults, strict=True) if broken <= {"role"}}
    if batch.options.role_addresses == "refuse":
        faultless -= {id for id, broken in zip(ids, faults, strict=True) if "role" in broken}
    assert set(enrolled["contact_id"]) == faultless & set(chosen)


class TestTheAudit:
    """A decision that was changed behind the engine's back is noticed."""

    @pytest.fixture
    def verdict(self, ready: Any) -> tuple[Verdict, EnrollmentContext]:
        ids = ready.contacts(6)
        ready.rows("UPDATE contacts SET bounced_at = now() WHERE id = :i", i=ids[0])
        ready.rows("UPDATE contacts SET email_normalized = 'info@customer.example' WHERE id = :i", i=ids[1])
        batch = a_batch(ready, ids)
        (verdict,) = judge(batch)
        return verdict, EnrollmentContext(batch, policy_of(ready.runtime.settings, batch.options))

    def test_passes_what_the_engine_decided(self, verdict: tuple[Verdict, EnrollmentContext]) -> None:
        assert all(recount.agrees for recount in audit(*verdict))

    @pytest.mark.parametrize("row", [0, 1, 5])
    def test_notices_a_changed_mask(self, verdict: tuple[Verdict, EnrollmentContext], row: int) -> None:
        decided, context = verdict
        mask = decided.frame["mask"].to_numpy().copy()
        mask[row] ^= next(rule.bit for rule in RULES if rule.code == "HARD_BOUNCED")
        with pytest.raises(ContractsDisagree, match="HARD_BOUNCED"):
            audit(replace(decided, frame=decided.frame.assign(mask=mask)), context)

    def test_notices_a_changed_outcome(self, verdict: tuple[Verdict, EnrollmentContext]) -> None:
        decided, context = verdict
        outcome = pd.Categorical(np.full(6, "enrolled"), categories=decided.frame["outcome"].cat.categories)
        with pytest.raises(ContractsDisagree, match="refused"):
            audit(replace(decided, frame=decided.frame.assign(outcome=outcome)), context)

    def test_notices_a_fact_that_was_passed_over(self, verdict: tuple[Verdict, EnrollmentContext]) -> None:
        decided, context = verdict
        frame = decided.frame.assign(bounced_at=pd.Timestamp("2026-01-01", tz="UTC"))
        with pytest.raises(ContractsDisagree, match="fact 6"):
            audit(replace(decided, frame=frame), context)

    def test_notices_a_lost_refusal(self, verdict: tuple[Verdict, EnrollmentContext]) -> None:
        decided, context = verdict
        with pytest.raises(ContractsDisagree, match="HARD_BOUNCED"):
            audit(replace(decided, refusals=decided.refusals.iloc[1:]), context)

    def test_notices_a_doubled_candidate(self, verdict: tuple[Verdict, EnrollmentContext]) -> None:
        decided, context = verdict
        frame = decided.frame.assign(ordinal=1)
        with pytest.raises(ContractsDisagree, match="judged once"):
            audit(replace(decided, frame=frame), context)
