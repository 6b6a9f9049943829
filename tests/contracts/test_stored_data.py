"""Does each contract notice what breaks it, and nothing else?"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd
import pytest
from sqlalchemy import text

from cadenza.domain.opt_out import OptOutScope
from cadenza.errors import ContractsDisagree
from cadenza.store.opt_outs import opt_out
from data_contracts.documents import Chapter, Promise
from data_contracts.stored_contacts import CONTACTS
from data_contracts.stored_data import SUBJECTS, judge_rows
from tasks.check_contracts import check_contracts, judge

#: An enrollment, one whose next step is due some day, a first mail, and a follow-up.
ONE = "id = (SELECT min(id) FROM enrollments)"
WAITING = "due_at IS NOT NULL"
FIRST = "id = (SELECT min(id) FROM deliveries)"
FOLLOW_UP = "id = (SELECT min(id) FROM deliveries WHERE position = 2)"
#: What is known an hour before the follow-up is claimed.
BEFORE = f"SELECT claimed_at - interval '1 hour' FROM deliveries WHERE {FOLLOW_UP}"
RECIPIENT = f"SELECT enrollment_id FROM deliveries WHERE {FOLLOW_UP}"

#: What breaks a contract: by code, a name and statements.
BROKEN: dict[str, dict[str, list[str]]] = {
    "ADDRESS_MALFORMED": {
        "upper case": [
            "UPDATE contacts SET email_normalized = 'Kim@x.example', identity_key = 'email:Kim@x.example' WHERE id = 1"
        ],
        "two addresses in one": [
            "UPDATE contacts SET email_normalized = 'a@x.de,b@x.de', identity_key = 'email:a@x.de,b@x.de' WHERE id = 1"
        ],
        "a line break behind it": [
            "UPDATE contacts SET email_normalized = E'a@x.de\\n', identity_key = E'email:a@x.de\\n' WHERE id = 1"
        ],
        "no domain": ["UPDATE contacts SET email_normalized = 'kim@', identity_key = 'email:kim@' WHERE id = 1"],
    },
    "ADDRESS_REPEATED": {
        "twice": [
            "ALTER TABLE contacts DROP CONSTRAINT contacts_identity_key_key",
            """
            INSERT INTO contacts (identity_key, email, email_normalized, country)
            SELECT identity_key, email, email_normalized, country FROM contacts WHERE id = 1
            """,
        ],
    },
    "ADDRESS_WITHOUT_IDENTITY": {"another identity": ["UPDATE contacts SET identity_key = 'external:7' WHERE id = 1"]},
    "ADDRESS_MISSING": {
        "a list without addresses": [
            "INSERT INTO contacts (identity_key, country) SELECT 'row:' || i, 'DE' FROM generate_series(1, 9) i"
        ],
    },
    "ADDRESS_BARRED": {
        "a list of people who opted out": ["UPDATE contacts SET opted_out_at = :now WHERE id <= 3"],
        "a suppressed domain": [
            "INSERT INTO suppressions (kind, value, reason, created_at) VALUES ('domain', 'example', 'wish', :now)"
        ],
        "suppressed addresses": [
            """
            INSERT INTO suppressions (kind, value, reason, created_at)
            SELECT 'address', email_normalized, 'wish', :now FROM contacts
            """
        ],
    },
    "ZONE_UNKNOWN": {
        "unknown zones": ["UPDATE contacts SET time_zone = 'Mars/Phobos', country = NULL, phone = '040 123'"],
    },
    "IMPORT_NOT_CONSERVED": {
        "a rejected row is gone": ["DELETE FROM import_rows WHERE outcome = 'rejected'"],
        "a row was not counted": ["UPDATE imports SET counts = jsonb_set(counts, '{rows}', '99')"],
    },
    "IMPORT_STALE": {"an old list": ["UPDATE imports SET finished_at = :now - interval '91 days'"]},
    "ENROLLED_TWICE": {
        "in two enrollments": [
            "DROP INDEX enrollments_one_at_a_time",
            f"""
            INSERT INTO enrollments (contact_id, sequence_id, sequence_version_id, mailbox_id, user_id, to_address,
                                     status, time_zone, time_zone_source, next_position, next_kind, due_at, enrolled_at)
            SELECT contact_id, sequence_id, sequence_version_id, mailbox_id, user_id, to_address,
                   status, time_zone, time_zone_source, next_position, next_kind, due_at, enrolled_at
            FROM enrollments WHERE {WAITING} LIMIT 1
            """,
        ],
    },
    "STATUS_INCONSISTENT": {
        "active, and paused at": [f"UPDATE enrollments SET paused_at = :now WHERE {ONE}"],
        "paused, and due": [f"UPDATE enrollments SET status = 'paused', paused_at = :now WHERE {WAITING}"],
        "finished, no end": [f"UPDATE enrollments SET status = 'finished', due_at = NULL WHERE {ONE}"],
        "ended, a new ending": [
            f"""
            UPDATE enrollments SET status = 'ended', ending = 'vanished', ended_at = :now, due_at = NULL WHERE {ONE}
            """
        ],
        "ended, no ending": [
            "ALTER TABLE enrollments DROP CONSTRAINT enrollments_check",
            f"UPDATE enrollments SET status = 'ended', ended_at = :now, due_at = NULL WHERE {ONE}",
        ],
        "ended, and due": [
            f"UPDATE enrollments SET status = 'ended', ending = 'removed', ended_at = :now, due_at = :now WHERE {ONE}"
        ],
    },
    "REFERENCE_BROKEN": {
        "no contact": [f"UPDATE enrollments SET contact_id = 999 WHERE {ONE}"],
        "no mailbox": [f"UPDATE enrollments SET mailbox_id = 999 WHERE {ONE}"],
        "no user": [f"UPDATE enrollments SET user_id = 999 WHERE {ONE}"],
        "another sequence": [f"UPDATE enrollments SET sequence_id = 999 WHERE {ONE}"],
    },
    "STEP_MISSING": {
        "beyond the last": [f"UPDATE enrollments SET next_position = 9 WHERE {WAITING}"],
        "of another kind": [f"UPDATE enrollments SET next_kind = 'todo' WHERE {WAITING}"],
    },
    "ZONE_INVALID": {"no such zone": [f"UPDATE enrollments SET time_zone = 'Mars/Phobos' WHERE {ONE}"]},
    "DUE_MISSING": {
        "no instant": [f"UPDATE enrollments SET due_at = NULL WHERE {WAITING}"],
        "the to-do is done": ["UPDATE todos SET completed_at = :now WHERE completed_at IS NULL"],
        "held, nobody decides": [
            f"UPDATE enrollments SET due_at = NULL, held_reason = 'SEND_TRANSIENT' WHERE {WAITING}"
        ],
    },
    "STEP_OVERDUE": {
        "nobody takes it up": [
            f"""
            UPDATE enrollments SET due_at = :now - interval '25 hours', expected_at = :now - interval '25 hours'
            WHERE {WAITING}
            """
        ],
    },
    "BARRED_OVERDUE": {
        "far behind in a queue": [
            f"""
            UPDATE enrollments SET due_at = :now - interval '25 hours', expected_at = :now + interval '1 day'
            WHERE {WAITING}
            """,
            f"""
            UPDATE contacts SET opted_out_at = :now
            WHERE id = (SELECT min(contact_id) FROM enrollments WHERE {WAITING})
            """,
        ],
    },
    "BATCH_NOT_CONSERVED": {
        "a refusal is gone": ["DELETE FROM refusals WHERE outcome = 'refused'"],
        "an enrollment is gone": [f"UPDATE enrollments SET batch_id = NULL WHERE {ONE}"],
        "not counted": ["UPDATE batches SET counts = jsonb_set(counts, '{candidates}', '99')"],
    },
    "BATCH_UNFINISHED": {"interrupted": ["UPDATE batches SET finished_at = NULL"]},
    "STEP_SENT_TWICE": {
        "two mails": [
            "ALTER TABLE deliveries DROP CONSTRAINT deliveries_enrollment_id_position_key",
            f"""
            INSERT INTO deliveries (enrollment_id, position, mailbox_id, to_address, from_address, state, token,
                                    message_id, subject, claimed_at)
            SELECT enrollment_id, position, mailbox_id, to_address, from_address, state, token, '<b@northwind.example>',
                   subject, claimed_at FROM deliveries WHERE {FIRST}
            """,
        ],
    },
    "MESSAGE_ID_REPEATED": {
        "of two mails": [
            f"""
            UPDATE deliveries SET message = NULL, message_id = (SELECT message_id FROM deliveries WHERE {FIRST})
            WHERE {FOLLOW_UP}
            """
        ],
    },
    "MESSAGE_ID_CHANGED": {
        "noted": [f"UPDATE deliveries SET message_id = '<other@northwind.example>' WHERE {FIRST}"],
        "sent": [
            f"""
            UPDATE deliveries d SET message = (SELECT message FROM deliveries WHERE {FOLLOW_UP}) WHERE {FIRST}
            """
        ],
    },
    "LIMIT_EXCEEDED": {
        "four at once": [
            f"""
            UPDATE deliveries SET in_flight_at = (SELECT in_flight_at FROM deliveries WHERE {FIRST}) WHERE position = 1
            """
        ],
        "four in 59.7 seconds of two minutes": [
            """
            UPDATE deliveries d SET in_flight_at = timestamptz '2026-03-03 10:00:30Z' + place * interval '19.9 seconds'
            FROM (SELECT id, row_number() OVER (ORDER BY id) AS place FROM deliveries WHERE position = 1 LIMIT 4) o
            WHERE o.id = d.id
            """
        ],
        "of a day": ["""UPDATE mailboxes SET limits = '[{"count": 10, "seconds": 86400}]'"""],
        "of the installation": [
            "UPDATE mailboxes SET limits = NULL",
            f"""
            UPDATE deliveries SET in_flight_at = (SELECT in_flight_at FROM deliveries WHERE {FOLLOW_UP})
            WHERE position = 2
            """,
        ],
    },
    "WINDOW_MISSED": {
        "in the evening": [f"UPDATE deliveries SET claimed_at = '2026-03-05 17:00Z' WHERE {FOLLOW_UP}"],
        "early": [f"UPDATE deliveries SET claimed_at = '2026-03-05 06:59:59Z' WHERE {FOLLOW_UP}"],
        "on a Saturday": [f"UPDATE deliveries SET claimed_at = '2026-03-07 08:00Z' WHERE {FOLLOW_UP}"],
        # Of the countries of the enrollments only Ghana has its Independence Day then, a Friday.
        "on a public holiday": [
            """
            UPDATE sequence_versions
            SET definition = jsonb_set(definition, '{follow_ups,eligible_days}', '"business_days"')
            """,
            f"UPDATE enrollments SET country = 'GH' WHERE id = ({RECIPIENT})",
            f"UPDATE deliveries SET claimed_at = '2026-03-06 12:00Z' WHERE {FOLLOW_UP}",
        ],
    },
    "SENT_TO_BARRED": {
        "a suppressed address": [
            f"""
            INSERT INTO suppressions (kind, value, reason, created_at)
            SELECT 'address', to_address, 'wish', ({BEFORE}) FROM deliveries WHERE {FOLLOW_UP}
            """
        ],
        "below a domain that is free again": [
            """
            INSERT INTO suppressions (kind, value, reason, created_at, until)
            VALUES ('domain', 'example', 'wish', :now - interval '30 days', :now - interval '1 hour')
            """
        ],
        "who opted out": [
            f"""
            UPDATE contacts SET opted_out_at = ({BEFORE})
            WHERE id = (SELECT contact_id FROM enrollments WHERE id = ({RECIPIENT}))
            """
        ],
        "who wants none of this sender": [
            f"""
            INSERT INTO sender_opt_outs (address, user_id, at)
            SELECT to_address, user_id, ({BEFORE}) FROM enrollments WHERE id = ({RECIPIENT})
            """
        ],
    },
    "SENT_AFTER_ANSWER": {
        **{
            kind: [
                f"""
                INSERT INTO events (kind, enrollment_id, at, noted_at)
                SELECT '{kind}', ({RECIPIENT}), ({BEFORE}) - interval '1 hour', ({BEFORE})
                """
            ]
            for kind in ("reply", "meeting", "bounce", "complaint", "opt_out")
        },
        "a mail that asks to stop": [
            f"""
            INSERT INTO events (kind, enrollment_id, at, noted_at, data)
            SELECT 'opt_out_mail', ({RECIPIENT}), ({BEFORE}), ({BEFORE}), '{{"change": "opt_out"}}'
            """
        ],
        "a reply outside the sequence": [
            f"""
            INSERT INTO events (kind, contact_id, at, noted_at)
            SELECT 'reply', contact_id, ({BEFORE}), ({BEFORE}) FROM enrollments WHERE id = ({RECIPIENT})
            """
        ],
    },
    "SENT_AFTER_ENDING": {
        "removed": [
            f"""
            UPDATE enrollments SET status = 'ended', ending = 'removed', due_at = NULL, ended_at = ({BEFORE})
            WHERE id = ({RECIPIENT})
            """
        ],
    },
    "LEASE_FORGOTTEN": {
        "claimed": [
            f"""
            UPDATE deliveries SET state = 'claimed', ended_at = NULL, lease_until = :now - interval '2 hours'
            WHERE {FIRST}
            """
        ],
        "in flight, no witness for more than a day": [
            f"""
            UPDATE deliveries SET state = 'in_flight', ended_at = NULL, lease_until = :now - interval '26 hours'
            WHERE {FIRST}
            """
        ],
        "in flight, no lease": [
            f"UPDATE deliveries SET state = 'in_flight', ended_at = NULL, lease_until = NULL WHERE {FIRST}"
        ],
    },
    "FATE_UNKNOWN": {"nobody knows": [f"UPDATE deliveries SET state = 'unknown' WHERE {FIRST}"]},
}

#: What looks like a broken contract and is none.
KEPT: dict[str, list[str]] = {
    "a first step at night": [f"UPDATE deliveries SET claimed_at = '2026-03-03 02:00Z' WHERE {FIRST}"],
    "a first step on a Sunday": [f"UPDATE deliveries SET claimed_at = '2026-03-01 12:00Z' WHERE {FIRST}"],
    "the first minute of the window": [f"UPDATE deliveries SET claimed_at = '2026-03-05 07:00Z' WHERE {FOLLOW_UP}"],
    "the fourth mail exactly a minute after the first": [
        """
        UPDATE deliveries d SET in_flight_at = timestamptz '2026-03-03 10:00:30Z' + place * interval '20 seconds'
        FROM (SELECT id, row_number() OVER (ORDER BY id) AS place FROM deliveries WHERE position = 1 LIMIT 4) o
        WHERE o.id = d.id
        """
    ],
    "a mailbox without limits": [
        "UPDATE mailboxes SET limits = '[]'",
        f"UPDATE deliveries SET in_flight_at = (SELECT in_flight_at FROM deliveries WHERE {FIRST}) WHERE position = 1",
    ],
    "suppressed after the mail": [
        f"""
        INSERT INTO suppressions (kind, value, reason, created_at)
        SELECT 'address', to_address, 'wish', claimed_at + interval '1 second' FROM deliveries WHERE {FOLLOW_UP}
        """
    ],
    "suppressed until before the mail": [
        """
        INSERT INTO suppressions (kind, value, reason, created_at, until)
        VALUES ('domain', 'example', 'wish', :now - interval '30 days', :now - interval '20 days')
        """
    ],
    "another domain is suppressed": [
        "INSERT INTO suppressions (kind, value, reason, created_at) VALUES ('domain', 'r.example', '', '2026-01-01')"
    ],
    "a reply that nobody had read": [
        f"INSERT INTO events (kind, enrollment_id, at, noted_at) SELECT 'reply', ({RECIPIENT}), ({BEFORE}), :now"
    ],
    "a bounce for now": [
        f"""
        INSERT INTO events (kind, enrollment_id, at, noted_at, data)
        SELECT 'bounce', ({RECIPIENT}), ({BEFORE}), ({BEFORE}), '{{"change": "soft_bounce"}}'
        """
    ],
    "an answer of a machine": [
        f"""
        INSERT INTO events (kind, enrollment_id, at, noted_at)
        SELECT 'auto_reply', ({RECIPIENT}), ({BEFORE}), ({BEFORE})
        """
    ],
    "a reply to an earlier sequence": [
        """
        INSERT INTO events (kind, contact_id, at, noted_at)
        SELECT 'reply', contact_id, enrolled_at - interval '1 day', enrolled_at - interval '1 day' FROM enrollments
        """
    ],
    "waits for a person to decide about a mail": [
        f"UPDATE enrollments SET due_at = NULL, held_reason = 'SEND_UNKNOWN' WHERE {WAITING}"
    ],
    "paused": [f"UPDATE enrollments SET status = 'paused', paused_at = :now, due_at = NULL WHERE {WAITING}"],
    "late, its mailbox is paused": [
        f"UPDATE enrollments SET due_at = '2026-03-05', expected_at = '2026-03-05' WHERE {WAITING}",
        "UPDATE mailboxes SET paused_at = :now",
    ],
    "late, its sequence is paused": [
        f"UPDATE enrollments SET due_at = '2026-03-05', expected_at = '2026-03-05' WHERE {WAITING}",
        "UPDATE sequences SET paused_at = :now",
    ],
    "late, held": [
        f"""
        UPDATE enrollments SET due_at = '2026-03-05', expected_at = '2026-03-05', held_until = :now WHERE {WAITING}
        """
    ],
    "a claim whose lease is just over": [
        f"""
        UPDATE deliveries SET state = 'claimed', ended_at = NULL, lease_until = :now - interval '50 minutes'
        WHERE {FIRST}
        """
    ],
    "in flight, its witness is out of reach": [
        f"""
        UPDATE deliveries SET state = 'in_flight', ended_at = NULL, lease_until = :now - interval '24 hours'
        WHERE {FIRST}
        """
    ],
    "unknown, and somebody has ended it": [
        f"UPDATE deliveries SET state = 'unknown' WHERE {FOLLOW_UP}",
        f"""
        UPDATE enrollments SET status = 'ended', ending = 'removed', due_at = NULL, ended_at = :now
        WHERE id = ({RECIPIENT})
        """,
    ],
    "bytes that are forgotten": ["UPDATE deliveries SET message = NULL"],
    "a trouble of long ago": [
        f"""
        UPDATE deliveries SET claimed_at = claimed_at - interval '31 days', message_id = '<o@x.example>' WHERE {FIRST}
        """
    ],
}


def broken_by(world: Any, *statements: str) -> dict[str, int]:
    """The contracts that statements break, with how many rows break each; what they do is taken back."""
    with world.runtime.engine.connect() as connection:
        for statement in statements:
            connection.execute(text(statement), {"now": world.now})
        chapters = judge(connection, world.runtime, 30)
        connection.rollback()
    return {promise.code: promise.broken for promise in promises_in(chapters) if not promise.is_kept}


def promises_in(chapters: Iterable[Chapter]) -> list[Promise]:
    return [promise for chapter in chapters for promise in chapter.promises]


def test_an_installation_in_which_all_went_well_keeps_every_contract(healthy: Any) -> None:
    promises = promises_in(check_contracts.fn(30))
    assert [promise for promise in promises if not promise.is_kept] == []
    checked = {promise.code: promise.checked for promise in promises}
    mails = healthy.one("SELECT count(*) FROM deliveries WHERE state = 'sent'")
    follow_ups = healthy.one("SELECT count(*) FROM deliveries WHERE position > 1")
    assert (mails, follow_ups) == (22, 11)
    assert (checked["STEP_SENT_TWICE"], checked["WINDOW_MISSED"]) == (mails, follow_ups)
    assert checked["ADDRESS_MISSING"] == healthy.one("SELECT count(*) FROM contacts")
    idle = {code for code, count in checked.items() if not count}
    assert idle == {"LEASE_FORGOTTEN", "STEP_OVERDUE", "BARRED_OVERDUE"}


def test_there_is_a_case_for_every_contract() -> None:
    assert set(BROKEN) == {contract.code for subject in SUBJECTS for contract in subject.contracts}


@pytest.mark.parametrize(
    ("code", "statements"),
    [pytest.param(code, case, id=f"{code} {name}") for code, cases in BROKEN.items() for name, case in cases.items()],
)
def test_what_breaks_a_contract_is_seen_by_it_and_by_no_other(healthy: Any, code: str, statements: list[str]) -> None:
    assert set(broken_by(healthy, *statements)) == {code}


@pytest.mark.parametrize("statements", [pytest.param(case, id=name) for name, case in KEPT.items()])
def test_what_is_in_order_is_no_alarm(healthy: Any, statements: list[str]) -> None:
    assert broken_by(healthy, *statements) == {}


def test_a_mail_between_two_suppressions_of_an_address_is_no_alarm(healthy: Any) -> None:
    id_ = healthy.one(RECIPIENT)
    with healthy.runtime.engine.connect() as connection:
        connection.execute(
            text(f"""
                INSERT INTO suppressions (kind, value, reason, created_at, until)
                SELECT 'address', to_address, 'wish', ({BEFORE}) - interval '2 hours', ({BEFORE})
                FROM enrollments WHERE id = :id
            """),
            {"id": id_},
        )
        opt_out(connection, [id_], OptOutScope.ALL, "mail", healthy.now)
        chapters = judge(connection, healthy.runtime, 30)
        connection.rollback()
    assert [promise.code for promise in promises_in(chapters) if not promise.is_kept] == []


def test_rows_that_break_a_contract_are_counted_one_by_one(healthy: Any) -> None:
    broken = broken_by(
        healthy,
        "UPDATE enrollments SET user_id = 999 WHERE id <= 3",
        "UPDATE deliveries SET message_id = '<x' || id || '@x.example>' WHERE position = 2",
    )
    assert broken == {"REFERENCE_BROKEN": 3, "MESSAGE_ID_CHANGED": 11}


@pytest.mark.parametrize(
    ("total", "surplus", "words"),
    [
        pytest.param(5, {"ADDRESS_REPEATED": 0}, "there are 5 of them", id="a row was lost"),
        pytest.param(3, {"ADDRESS_REPEATED": 0}, "there are 3 of them", id="a row was doubled"),
        pytest.param(4, {"ADDRESS_REPEATED": 1}, "ADDRESS_REPEATED is broken by 1", id="a broken row was missed"),
    ],
)
def test_two_counts_of_the_same_that_differ_are_an_error(total: int, surplus: dict[str, int], words: str) -> None:
    tally = pd.DataFrame({"applies": [1, 3], "broken": [0, 0], "rows": [3, 1]})
    assert judge_rows(CONTACTS, tally, 4, {"ADDRESS_REPEATED": 0}).promises
    with pytest.raises(ContractsDisagree, match=words):
        judge_rows(CONTACTS, tally, total, surplus)


@pytest.mark.parametrize(("missing", "is_kept"), [(20, True), (21, False)])
def test_a_contract_for_most_rows_is_kept_up_to_its_share(missing: int, is_kept: bool) -> None:
    bit = CONTACTS.bits["ADDRESS_MISSING"]
    tally = pd.DataFrame({"applies": [bit, bit], "broken": [0, bit], "rows": [100 - missing, missing]})
    [promise] = [p for p in judge_rows(CONTACTS, tally, 100, {}).promises if p.code == "ADDRESS_MISSING"]
    assert (promise.checked, promise.broken, promise.is_kept) == (100, missing, is_kept)
