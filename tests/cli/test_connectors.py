"""Connectors as a person syncs them."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator

import pytest
from hubspot_rig import TOKEN, HubSpotRig
from sqlalchemy import Engine, text

from cadenza.cli.services import environment
from cadenza.settings import Settings

CONNECTOR = """
[connectors.crm]
kind = "hubspot"
token_env = "HUBSPOT_TOKEN"
host = "{url}"
lists = ["Trade fair"]
calls_per_second = 1000
tries = 0
"""


@pytest.fixture
def rig(terminal, database_url) -> Iterator[HubSpotRig]:
    """A HubSpot that the folder's cadenza.toml names."""
    with HubSpotRig() as rig:
        (terminal.folder / "cadenza.toml").write_text(CONNECTOR.format(url=rig.url))
        terminal.environment |= {"HUBSPOT_TOKEN": TOKEN, "CADENZA_DATABASE_URL": database_url}
        yield rig


def test_a_connector_is_checked_synced_and_listed(terminal, rig):
    rig.add(20)
    rig.add(1, city="x" * 40_000)
    rig.lists = {"Trade fair": [1, 2, 3], "[bold]Odd": []}
    rig.owners = [{"id": "1", "email": "ben@northwind.example"}]
    assert "crm" in (listed := terminal.run("connector", "list").stdout)
    assert "never" in listed
    checked = terminal.run("connector", "check", "crm")
    assert checked.stdout.splitlines() == [
        "✓ crm: contacts can be read; lists: 2, owners: 1.", "  Trade fair", "  [bold]Odd",
    ]  # fmt: skip
    synced = terminal.run("connector", "sync", "crm", "--owners")
    assert synced.returncode == 0, synced.stderr
    assert [line.split() for line in synced.stdout.splitlines() if line.strip().startswith(("crm", "Trade"))] == [
        ["crm", "21", "20", "0", "1", "0", "0"],
        ["Trade", "fair", "3", "0", "3", "0", "0", "0"],
    ]
    assert "contact 21: a cell of 40000 characters, 32767 at most" in synced.stdout
    assert "1 new user: ben" in synced.stdout
    assert "ended" in terminal.run("connector", "list").stdout
    again = terminal.run("connector", "sync", "crm", "--list", "Trade fair")
    assert "crm" not in again.stdout
    assert TOKEN not in synced.stdout + synced.stderr


@pytest.mark.parametrize(
    ("arguments", "words", "code"),
    [
        pytest.param(["check", "crn"], "there is no connector 'crn': is it crm?", 2, id="no such connector"),
        pytest.param(["sync", "crm", "--list", "Fare"], "no list 'Fare'", 2, id="no such list"),
        pytest.param(["sync", "crm"], "does not accept the token", 1, id="an expired token"),
        pytest.param(["check"], "--help", 2, id="no name"),
    ],
)
def test_a_mistake_is_one_line_with_the_remedy(terminal, rig, arguments, words, code):
    rig.lists = {"Trade fair": []}
    token = "expired" if code == 1 else TOKEN
    shown = terminal.run("connector", *arguments, HUBSPOT_TOKEN=token)
    assert (shown.returncode, shown.stderr.count("\n")) == (code, 1), shown.stderr
    assert words.lower() in shown.stderr.lower()


@pytest.mark.slow
def test_a_killed_sync_goes_on_where_it_was(terminal, rig, engine: Engine):
    rig.add(12_050)
    rig.lists = {"Trade fair": [5, 6]}
    stalled, free = threading.Event(), threading.Event()

    def stall(path: str, question: dict[str, object]) -> None:
        if question.get("after") == "11000" and not stalled.is_set():
            stalled.set()
            free.wait(60)

    rig.before = stall
    process = terminal.start("connector", "sync", "crm")
    assert stalled.wait(120), terminal.output()
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    free.set()
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM contacts")) == 10_000
    rig.asked.clear()
    done = terminal.run("connector", "sync", "crm")
    assert done.returncode == 0, done.stderr
    assert [question["after"] for question in rig.paths("/contacts")][:2] == ["10000", "10100"]
    with engine.connect() as connection:
        count = text("SELECT count(*), count(DISTINCT external_id), count(DISTINCT email) FROM contacts")
        assert tuple(connection.execute(count).one()) == (12_050, 12_050, 12_050)
    assert ["crm", "12,050", "12,050"] in [line.split()[:3] for line in done.stdout.splitlines()]


def test_a_worker_finds_ones_own_connectors_whatever_its_working_folder_is(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert environment(Settings(), "", "")["CADENZA_CONNECTORS_FOLDER"] == str(tmp_path)
