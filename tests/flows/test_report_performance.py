"""The report of how sequences do: files, pictures and artifacts, and nobody's address."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from prefect.client.orchestration import get_client
from prefect.testing.utilities import prefect_test_harness

from cadenza.domain.sequence import Variant
from flows.report_performance import report_performance
from tasks.claim_steps import claim_steps
from tasks.send_email import hand_over


@pytest.fixture(scope="module")
def harness():
    with prefect_test_harness():
        yield


def test_it_shows_each_sequence_and_step_and_no_contact(world, sink, harness):
    variants = (Variant("long", "Long", "", "A long text"), Variant("short", "Short", "", "Short"))
    version = world.sequence(replace(world.email(1), variants=variants), world.email(2, days=3))
    world.enroll(world.contacts(6), version, world.mailbox())
    hand_over(claim_steps.fn("Europe/Berlin").delivery_ids)
    report = report_performance(30)
    assert [(line.name, line.enrolled, line.sent) for line in report.lines] == [("hello", 6, 6)]
    assert [(step.position, step.variant, step.ran) for step in report.steps] == [(1, "long", 3), (1, "short", 3)]
    assert [path.name for path in report.plots] == [
        "performance-2026-03-02-rates.png",
        "performance-2026-03-02-hello.png",
    ]
    for path in (report.page, *report.tables, *report.plots):
        assert path.stat().st_size > 0
    with get_client(sync_client=True) as client:
        artifacts = {artifact.key: artifact.data for artifact in client.read_artifacts()}
    assert {"performance", "performance-sequences", "performance-steps"} <= set(artifacts)
    assert json.loads(artifacts["performance-steps"])[0]["variant"] == "long"
    written = str(artifacts) + report.page.read_text() + "".join(path.read_text() for path in report.tables)
    assert "customer.example" not in written


def test_nothing_to_show_is_no_error(world, harness):
    report = report_performance(30)
    assert (report.lines, report.plots) == ((), ())
