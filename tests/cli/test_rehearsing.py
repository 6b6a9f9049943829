"""`cadenza rehearse`, as a person runs it: without a Prefect server."""

from __future__ import annotations

import re

import pytest


@pytest.fixture
def fair(world):
    """Eight contacts of ana in two zones, and a sequence of two mails and a call."""
    world.mailbox("ana", limits=[(3, 60)])
    for zone in ("Europe/Berlin", "Asia/Tokyo"):
        world.contacts(4, time_zone=zone, country="Atlantis", owner_email="ana@northwind.example")
    world.sequence(world.email(1), world.todo(2, days=1), world.email(3, days=40), name="fair")
    return world


def test_it_plays_all_weeks_and_shows_them(terminal, fair, database_url):
    shown = terminal.run(
        "rehearse", "fair", "--filter", "country = Atlantis", "--enroll-at", "2026-03-02T09:00",
        CADENZA_DATABASE_URL=database_url,
    )  # fmt: skip
    assert shown.returncode == 0, shown.stderr
    lines = [" ".join(line.split()) for line in shown.stdout.splitlines()]
    for line in (
        "1 email 8",
        "2 to-do: call, 1 day later 8 8",
        "3 email, 40 days later 8 8",
        "ana 16 3 of 3",
        "Europe/Berlin 4 8 02 Mar 10:01 13 Apr 10:02",
    ):
        assert any(found.startswith(line) for found in lines), (line, shown.stdout)
    assert "leaves the sequence 2026-04-13" in shown.stdout
    assert fair.one("SELECT count(*) FROM enrollments") == 0
    [plot] = (terminal.home / "reports").glob("rehearsal-fair-*.png")
    assert plot.as_uri() in shown.stdout


def test_the_same_call_prints_the_same_but_for_the_time_it_took(terminal, fair, database_url):
    command = [
        "rehearse",
        "fair",
        "--filter",
        "country = Atlantis",
        "--replies",
        "40%",
        "--enroll-at",
        "2026-03-02T09:00",
    ]
    shown = [terminal.run(*command, CADENZA_DATABASE_URL=database_url) for _ in range(2)]
    first, second = (re.sub(r"Played in .*? s|rehearsal-fair-[\d-]+", "", each.stdout) for each in shown)
    assert "replied" in first
    assert first == second


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        pytest.param(["--replies", "5"], "5% or 0.05", id="no share"),
        pytest.param(["--bounces", "nan"], "5% or 0.05", id="no number"),
        pytest.param(["--bounces", "5%%"], "5% or 0.05", id="a percent too many"),
        pytest.param(["--replies", "60%", "--bounces", "50%"], "more than all", id="more than all"),
        pytest.param(["--todo-days", "soon"], "never", id="no number of days"),
        pytest.param(["--todo-days", "9999"], "365", id="too many days"),
        pytest.param(["--filter", "country = X", "--contact", "1"], "exactly one way", id="named twice"),
        pytest.param(["--contact", "1", "--sender", "nobody"], "nobody", id="an unknown sender"),
        pytest.param(["--contact", "1", "--time-zone", "Mars"], "Europe/Berlin", id="an unknown time zone"),
        pytest.param(["--filter", "country ="], "character", id="a broken filter"),
    ],
)
def test_wrong_use_exits_2_with_one_line_that_names_the_remedy(terminal, fair, database_url, arguments, words):
    shown = terminal.run("rehearse", "fair", *arguments, CADENZA_DATABASE_URL=database_url)
    assert shown.returncode == 2, shown.stderr
    assert shown.stderr.count("\n") == 1, shown.stderr
    assert words in shown.stderr
