"""Can a person read why contacts were not enrolled, and is it safe to open?"""

from __future__ import annotations

import csv
import json
import re
import stat
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prefect import flow
from prefect.testing.utilities import prefect_test_harness

from cadenza.domain.refusals import CATALOGUE
from cadenza.errors import ContractsDisagree, NotFound
from tasks.publish_report import publish_report

#: A contact's way through the batch: its outcome and its broken rules with details, the reason first.
Entry = tuple[str, list[tuple[str, str]]]


def stored_batch(world: Any, entries: list[Entry], counts: dict[str, int] | None = None) -> int:
    """A batch as an enrollment leaves it in the database."""
    mailbox, version = world.mailbox("ana"), world.sequence()
    batch = world.one(
        """
        INSERT INTO batches (sequence_version_id, segment, sender, options, counts, started_at)
        VALUES (:v, 'fair', 'ana', '{}', CAST(:counts AS jsonb), :now) RETURNING id
        """,
        v=version,
        counts=json.dumps(counts or {}),
        now=world.now,
    )
    for ordinal, (id, (outcome, rules)) in enumerate(zip(world.contacts(len(entries)), entries, strict=True), 1):
        if outcome != "refused":
            world.enroll([id], version, mailbox, batch_id=batch)
        for place, (code, detail) in enumerate(rules):
            world.rows(
                "INSERT INTO refusals VALUES (:b, :o, :c, :code, :reason, :outcome, :detail)",
                b=batch,
                o=ordinal,
                c=id,
                code=code,
                reason=place == 0,
                outcome=outcome,
                detail=detail,
            )
    return int(batch)


def lines(path: Any) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


MIXED: list[Entry] = [
    ("enrolled", []),
    ("refused", [("HARD_BOUNCED", "on 2026-01-02"), ("EMAIL_ROLE_ADDRESS", "")]),
    ("held", [("DAILY_LIMIT", "left today: 0")]),
    ("enrolled", [("EMAIL_ROLE_ADDRESS", "")]),
    ("refused", [("HARD_BOUNCED", "on 2026-01-03")]),
    ("refused", [("ALREADY_IN_THIS_SEQUENCE", "enrollment 7")]),
]


def test_every_contact_is_counted_once_and_every_code_is_explained(world: Any) -> None:
    report = publish_report.fn(stored_batch(world, MIXED))
    assert (report.enrolled, report.held, report.refused, report.candidates) == (2, 1, 3, 6)
    assert [(line.code, line.outcome.value, line.count, line.mentions) for line in report.by_code] == [
        ("HARD_BOUNCED", "refused", 2, 2),
        ("ALREADY_IN_THIS_SEQUENCE", "refused", 1, 1),
        ("DAILY_LIMIT", "held", 1, 1),
        ("EMAIL_ROLE_ADDRESS", "enrolled", 1, 1),
        ("EMAIL_ROLE_ADDRESS", "refused", 0, 1),
    ]
    assert all(line.cause and line.remedy for line in report.by_code)
    assert [line.code for line in report.by_code if not line.is_error] == ["ALREADY_IN_THIS_SEQUENCE"]


def test_the_file_has_a_line_for_each_contact_with_an_error_or_a_warning(world: Any) -> None:
    report = publish_report.fn(stored_batch(world, MIXED))
    first, *rest = lines(report.errors)
    assert [line["line"] for line in (first, *rest)] == ["2", "3", "4", "5", "6"]
    assert first["name"] == "Kim"
    assert first["email"].endswith("@customer.example")
    assert (first["outcome"], first["code"], first["detail"]) == ("refused", "HARD_BOUNCED", "on 2026-01-02")
    assert first["cause"] == CATALOGUE["HARD_BOUNCED"].cause
    assert first["remedy"] == CATALOGUE["HARD_BOUNCED"].remedy
    assert first["other_broken_rules"] == "EMAIL_ROLE_ADDRESS"


def test_only_the_owner_of_the_installation_may_read_the_file(world: Any) -> None:
    report = publish_report.fn(stored_batch(world, MIXED))
    assert stat.S_IMODE(report.errors.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "name",
    ["=1+1", "+49 40 1", "-2", "@SUM(A1)", "\t=1", " =1", "\r=1", '=HYPERLINK("x")', "|calc", "＝1", "%0A=1"],
)
def test_no_cell_starts_like_a_formula(world: Any, name: str) -> None:
    batch = stored_batch(world, [("refused", [("TOKEN_MISSING", "=cmd"), ("EMAIL_MISSING", "@x")])])
    world.rows("UPDATE contacts SET first_name = :n, email = :n", n=name)
    (line,) = lines(publish_report.fn(batch).errors)
    assert line["name"] == "'" + name
    assert line["email"] == "'" + name
    assert line["detail"] == "'=cmd"


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20))
def test_any_name_comes_back_as_it_is_or_with_an_apostrophe(world: Any, name: str) -> None:
    batch = stored_batch(world, [("refused", [("EMAIL_MISSING", "")])])
    world.rows("UPDATE contacts SET first_name = :n WHERE id = (SELECT max(id) FROM contacts)", n=name)
    (line,) = lines(publish_report.fn(batch).errors)
    assert line["name"] in (name, "'" + name)
    assert line["name"].strip()[:1] not in set("=+-@|%") or not line["name"].strip()


def test_the_page_has_no_address_and_asks_for_nothing_from_the_network(world: Any) -> None:
    report = publish_report.fn(stored_batch(world, MIXED))
    for page in (report.data_docs, report.data_docs.parent / "index.html"):
        html = page.read_text()
        assert "@customer" not in html
        assert "Kim" not in html
        assert not re.search(r"https?:|//[a-z]|\bsrc=|<script|<link|@import|url\(", html)
    html = report.data_docs.read_text()
    assert "Enrollment 1 into hello" in html
    assert CATALOGUE["HARD_BOUNCED"].remedy.split(",")[0] in html
    assert 'href="enrollment-1.html"' in (report.data_docs.parent / "index.html").read_text()


def test_a_picture_shows_the_reasons_and_there_is_none_without_any(world: Any) -> None:
    report = publish_report.fn(stored_batch(world, MIXED))
    assert report.plot
    assert report.plot.read_bytes().startswith(b"\x89PNG")
    assert publish_report.fn(stored_batch(world, [("enrolled", [])])).plot is None


def test_an_empty_batch_has_a_report_too(world: Any) -> None:
    report = publish_report.fn(stored_batch(world, []))
    assert report.candidates == 0
    assert lines(report.errors) == []


def test_a_batch_that_does_not_exist_is_named(world: Any) -> None:
    with pytest.raises(NotFound, match="987"):
        publish_report.fn(987)


def test_a_batch_that_counted_itself_otherwise_than_its_rows_is_noticed(world: Any) -> None:
    right = {"candidates": 6, "enrolled": 2, "held": 1, "refused": 3}
    publish_report.fn(stored_batch(world, MIXED, right))
    with pytest.raises(ContractsDisagree, match="held: counted 2, stored 1"):
        publish_report.fn(stored_batch(world, MIXED, right | {"held": 2}))


def test_a_code_that_no_rule_has_is_noticed(world: Any) -> None:
    with pytest.raises(ContractsDisagree, match="SEND_UNKNOWN: stored 1, recounted 0"):
        publish_report.fn(stored_batch(world, [("refused", [("SEND_UNKNOWN", "")])]))


@pytest.fixture(scope="module")
def prefect() -> Iterator[None]:
    with prefect_test_harness():
        yield


@pytest.mark.usefixtures("prefect")
def test_the_artifact_has_counts_and_no_contact(world: Any) -> None:
    from prefect.artifacts import Artifact

    @flow
    def reporting(batch_id: int) -> None:
        publish_report(batch_id)

    batch = stored_batch(world, MIXED)
    reporting(batch)
    artifact = Artifact.get(f"enrollment-{batch}-errors")
    assert artifact is not None
    assert json.loads(str(artifact.data))[0]["code"] == "HARD_BOUNCED"
    shown = f"{artifact.data} {artifact.description}"
    assert not re.search(r"\w@\w", shown)
    assert "Kim" not in shown
