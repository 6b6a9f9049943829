"""How good is the data that everything else relies on?"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import httpx
import pytest

from cadenza.errors import ContractsBroken
from flows.report_data_quality import report_data_quality
from tasks.claim_steps import claim_steps
from tasks.send_email import hand_over

PNG = b"\x89PNG"


@pytest.fixture
def busy(prefect_server: str, world: Any, sink: Any) -> Any:
    """Three contacts that were written to, and a batch that refused somebody."""
    world.api = prefect_server
    version = world.sequence(world.email(1), world.email(2, days=3))
    world.enroll(world.contacts(3, country="Germany"), version, world.mailbox())
    assert len(hand_over(claim_steps.fn("Europe/Berlin").delivery_ids)) == 3
    world.rows(
        """
        INSERT INTO batches (sequence_version_id, segment, sender, options, counts, started_at, finished_at)
        VALUES (:v, 'fair', 'ana', '{}', '{"candidates": 1, "enrolled": 0, "held": 0, "refused": 1}', :now, :now)
        """,
        v=version,
        now=world.now,
    )
    world.rows("INSERT INTO refusals VALUES (1, 1, 1, 'HARD_BOUNCED', true, 'refused', '')")
    return world


def artifacts(api: str, key: str) -> list[dict[str, Any]]:
    """The artifacts of a key, the newest first."""
    body = {"artifacts": {"key": {"any_": [key]}}, "sort": "CREATED_DESC"}
    found: list[dict[str, Any]] = httpx.post(f"{api}/artifacts/filter", json=body).raise_for_status().json()
    return found


def test_an_empty_installation_keeps_every_contract(prefect_server: str, world: Any) -> None:
    report = report_data_quality()
    assert report.alarm == ""
    assert report.plots == ()
    assert all(promise.is_kept for chapter in report.chapters for promise in chapter.promises)


def test_an_installation_that_works_gets_a_page_pictures_and_artifacts(busy: Any) -> None:
    report = report_data_quality()
    assert report.alarm == ""
    assert [path.name for path in report.plots] == [
        "data-quality-2026-03-02-refusals.png",
        "data-quality-2026-03-02-hours-local.png",
        "data-quality-2026-03-02-hours-utc.png",
    ]
    assert all(path.read_bytes().startswith(PNG) for path in report.plots)
    page = report.data_docs.read_text()
    assert "Data quality on 2026-03-02" in page
    assert page.count('src="data:image/png;base64,') == 3
    assert 'role="alert"' not in page
    [table, *_] = artifacts(busy.api, "data-quality-contracts")
    assert '"contract": "STEP_SENT_TWICE", "state": "kept", "broken": 0, "checked": 3' in table["data"]
    [shown, *_] = artifacts(busy.api, "data-quality")
    assert report.data_docs.as_uri() in shown["data"]


def test_a_broken_contract_fails_the_run_after_everything_is_published(busy: Any) -> None:
    busy.rows("UPDATE deliveries SET message_id = '<x' || id || '@northwind.example>' WHERE id < 3")
    state = report_data_quality(return_state=True)
    assert state.is_failed()
    assert state.message == "Data-quality alarm: MESSAGE_ID_CHANGED (2 of 3 deliveries)"
    page = (busy.runtime.settings.home / "data_docs" / "data-quality-2026-03-02.html").read_text()
    assert f'role="alert">{state.message}' in page
    [shown, *_] = artifacts(busy.api, "data-quality")
    assert shown["data"].startswith(f"# {state.message}")
    assert shown["description"] == state.message
    with pytest.raises(ContractsBroken, match="MESSAGE_ID_CHANGED"):
        report_data_quality()


def test_a_warning_is_shown_and_fails_nothing(busy: Any) -> None:
    busy.rows("UPDATE deliveries SET state = 'unknown' WHERE id = 1")
    report = report_data_quality()
    assert report.alarm == ""
    page = report.data_docs.read_text()
    assert re.search(r'class="promise broken warning">.*?FATE_UNKNOWN.*?1 of 3', page, re.DOTALL)
    [table, *_] = artifacts(busy.api, "data-quality-contracts")
    assert '"contract": "FATE_UNKNOWN", "state": "warning", "broken": 1' in table["data"]


def test_no_address_gets_into_a_page_an_artifact_a_message_or_a_log(busy: Any, caplog: Any) -> None:
    busy.rows("UPDATE contacts SET email_normalized = 'Kim@Customer.example' WHERE id = 1")
    busy.rows("UPDATE deliveries SET message_id = '<x' || id || '@northwind.example>'")
    state = report_data_quality(return_state=True)
    kept = [
        state.message,
        caplog.text,
        *(page.read_text() for page in (busy.runtime.settings.home / "data_docs").iterdir()),
        *(f"{one['data']} {one['description']}" for key in ("data-quality", "data-quality-contracts")
          for one in artifacts(busy.api, key)),
    ]  # fmt: skip
    assert "ADDRESS_MALFORMED" in state.message
    assert [re.search(r".{20}\w@\w.{20}", text) for text in kept if re.search(r"\w@\w", text)] == []


def test_the_page_asks_for_nothing_from_the_network(busy: Any) -> None:
    page = report_data_quality().data_docs.read_text()
    assert not re.search(r"https?:|<script|<link|@import|url\(|src=\"(?!data:)", page)


def test_old_messages_are_forgotten(busy: Any) -> None:
    busy.runtime.clock.at += timedelta(days=30)
    report_data_quality()
    assert busy.one("SELECT count(*) FROM deliveries WHERE message IS NOT NULL") == 3
    busy.runtime.clock.at += timedelta(days=1)
    report_data_quality()
    assert busy.one("SELECT count(message) FROM deliveries WHERE state = 'sent'") == 0


def test_hours_are_those_of_the_recipient_and_of_utc(busy: Any) -> None:
    from cadenza.store import database, quality

    busy.rows("UPDATE enrollments SET time_zone = 'Asia/Kolkata' WHERE id = 1")
    with database.transaction(busy.runtime.engine) as connection:
        hours = quality.sending_hours(connection, quality.Period(busy.now, 1))
    assert {hour: mails for hour, mails in enumerate(hours.first_local) if mails} == {10: 2, 14: 1}
    assert {hour: mails for hour, mails in enumerate(hours.first_utc) if mails} == {9: 3}
    assert sum(hours.follow_up_local + hours.follow_up_utc) == 0


@pytest.mark.parametrize("days", [0, -1, 4_000])
def test_a_period_that_makes_no_sense_is_refused(prefect_server: str, world: Any, days: int) -> None:
    with pytest.raises(Exception, match="days"):
        report_data_quality(days=days)
