"""What a person reads and a script gets from the command line."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from cadenza.cli.whom import Whom, whom_of

COMMANDS = (
    "up", "demo", "import", "preflight", "enroll", "rehearse", "report", "enrollments", "pause", "resume", "unenroll",
    "todo", "segment", "sequences", "team", "mailbox", "deliveries", "quality", "doctor",
)  # fmt: skip
HEAVY = ("pandas", "numpy", "prefect", "sqlalchemy", "great_expectations", "pydantic", "httpx", "yaml")


def test_help_names_every_command_in_under_half_a_second_of_cpu(terminal):
    before = os.times()
    shown = terminal.run("--help")
    after = os.times()
    used = after.children_user + after.children_system - before.children_user - before.children_system
    assert shown.returncode == 0
    assert [command for command in COMMANDS if f" {command} " not in shown.stdout] == []
    assert used < 0.5


def test_help_imports_nothing_heavy():
    code = (
        "import sys\n"
        "from cadenza.cli.commands import build_app\n"
        "build_app()\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param({"segment": "fair"}, Whom("fair"), id="a list"),
        pytest.param({"filter": "a = b"}, Whom(filter="a = b"), id="a filter"),
        pytest.param({"contacts": ["17", "jo@x.example"]}, Whom(contacts=("17", "jo@x.example")), id="contacts"),
        pytest.param(
            {"companies": ["Acme"], "deals": ["1"], "tickets": ["2"], "records": ["ship:3"], "record_contacts": "all"},
            Whom(records={"named": ["company:Acme", "deal:1", "ticket:2", "ship:3"], "kind": "", "filter": "",
                          "contacts": "all"}),
            id="records by name",
        ),
        pytest.param(
            {"record_kind": "deal", "filter": "a = b"},
            Whom(records={"named": [], "kind": "deal", "filter": "a = b", "contacts": None}),
            id="records by filter",
        ),
    ],
)  # fmt: skip
def test_whom_a_command_line_names(given, expected):
    assert whom_of(**given) == expected


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(terminal, command):
    shown = terminal.run(command, "--help")
    assert shown.returncode == 0
    assert "Usage: cadenza" in shown.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        pytest.param(["enrol"], "enroll", id="a misspelt command"),
        pytest.param(["import"], "--help", id="no file"),
        pytest.param(["import", "nowhere.csv"], "There is no file nowhere.csv", id="a file that is not there"),
        pytest.param(["import", "x.csv", "--map", "mail"], "COLUMN=FIELD", id="a mapping without a field"),
        pytest.param(["enroll", "hello", "list", "--send-at", "soon"], "soon", id="no date"),
        pytest.param(["enroll", "hello", "--sender", "ana"], "exactly one way", id="nobody named"),
        pytest.param(
            ["enroll", "hello", "list", "--role-addresses", "no"], "allow, warn, refuse", id="an unknown policy"
        ),
        pytest.param(["enroll", "hello", "--records", "deal"], "needs --filter", id="a kind without a filter"),
        pytest.param(
            ["enroll", "hello", "--deal", "1", "--record-contacts", "some"], "primary, all", id="no such rule"
        ),
        pytest.param(["enroll", "hello", "list", "--record-contacts", "all"], "name some", id="a rule without records"),
        pytest.param(["import", "x.csv", "--list", "x", "--records", "deal"], "leave out", id="records on a list"),
        pytest.param(["enroll", "hello", "--list", "x", "-s", "ana"], "name the file", id="a list without a file"),
        pytest.param(
            ["enroll", "hello", "x", "--file", "a.csv", "-s", "ana"], "nobody besides", id="a list and a file"
        ),
        pytest.param(
            ["enroll", "hello", "--file", "env:A", "--query", "SELECT"], "say --list", id="a query without one"
        ),
        pytest.param(["enrollments", "--status", "gone"], "active, paused", id="an unknown status"),
        pytest.param(["pause"], "exactly one", id="nobody to pause"),
        pytest.param(["segment", "create", "x", "country ="], "character", id="a broken filter"),
        pytest.param(["segment", "create"], "--help", id="a segment without a name"),
        pytest.param(["sequences", "check", "nowhere.yaml"], "nowhere.yaml", id="a sequence file that is not there"),
        pytest.param(["sequences", "check", "."], "no sequence file", id="a folder without sequence files"),
        pytest.param(["team", "load", "nowhere.yaml"], "nowhere.yaml", id="a team file that is not there"),
        pytest.param(["pause", "nobody@customer.example"], "nobody@customer.example", id="an unknown contact"),
        pytest.param(["todo", "done", "7"], "cadenza todo list", id="an unknown to-do"),
        pytest.param(["report", "7"], "7", id="an unknown enrollment"),
    ],
)
def test_wrong_use_exits_2_with_one_line_that_names_the_remedy(terminal, database_url, arguments, words):
    shown = terminal.run(*arguments, CADENZA_DATABASE_URL=database_url)
    assert shown.returncode == 2, shown.stderr
    assert shown.stderr.count("\n") == 1, shown.stderr
    assert words in shown.stderr
    assert shown.stdout == ""


@pytest.mark.parametrize(
    ("environment", "words", "code"),
    [
        pytest.param({"CADENZA_PREFECT_PORT": "many"}, "prefect_port", 2, id="a setting that is no number"),
        pytest.param(
            {"CADENZA_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"}, "does not answer", 1, id="no database"
        ),
    ],
)
def test_a_wrong_setting_is_named_in_one_line(terminal, environment, words, code):
    shown = terminal.run("enrollments", **environment)
    assert shown.returncode == code, shown.stderr
    assert shown.stderr.count("\n") == 1, shown.stderr
    assert words in shown.stderr


def test_enrolling_needs_a_running_cadenza(terminal, database_url):
    shown = terminal.run("enroll", "hello", "list", "--sender", "ana", CADENZA_DATABASE_URL=database_url)
    assert shown.returncode == 1
    assert "cadenza up" in shown.stderr


def test_a_reader_that_leaves_early_is_no_error(terminal, database_url):
    command = f"{sys.executable} -m cadenza.cli team list | true"
    shown = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        env={**terminal.environment, "CADENZA_DATABASE_URL": database_url},
        capture_output=True,
        text=True,
        check=False,
    )
    assert shown.stderr == ""


def test_a_mistake_of_ours_is_one_line_and_its_traceback_a_file(terminal):
    code = (
        "import sys\nfrom cadenza.cli import run, doctor\n"
        "def broken(*_): raise ZeroDivisionError('division by zero')\n"
        "doctor._findings = broken\nsys.exit(run(['doctor']))"
    )
    shown = subprocess.run(
        [sys.executable, "-c", code], env=terminal.environment, capture_output=True, text=True, check=False
    )
    assert shown.returncode == 1
    assert "Traceback" not in shown.stderr
    assert "ZeroDivisionError" in (terminal.home / "logs" / "cadenza.log").read_text()
