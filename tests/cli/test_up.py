"""Everything comes up with one command, survives being hurt, and leaves nothing behind."""

from __future__ import annotations

import email
import json
import os
import re
import signal
import time
import urllib.request
from collections import Counter
from pathlib import Path
from typing import Any

import psutil
import pytest

TEAM = """
users:
  - handle: ana
    email: ana@northwind.example
    name: Ana Petersen
    time_zone: Europe/Berlin
    mailboxes: [{address: ana@northwind.example, postal_address: "Kaistr. 14, Hamburg", limits: []}]
  - handle: ben
    email: ben@northwind.example
    name: Ben Okafor
    time_zone: Europe/Berlin
    mailboxes: [{address: ben@northwind.example, postal_address: "Kaistr. 14, Hamburg", limits: []}]
"""
SEQUENCE = """
title: Hello
language: en
shared_with: everyone
follow_ups: {eligible_days: everyday}
steps:
  - email: {subject: "Hello {{ contact.first_name }}", text: "Hello {{ contact.first_name }}, it is me."}
  - wait: 0 days
    email: {reply_to: previous, text: "And once more."}
"""
CONTACTS = 60


def processes_of(terminal, *words: str) -> list[psutil.Process]:
    """The processes of a running Cadenza whose command line has these words."""
    found = []
    for process in terminal.processes():
        try:
            line = " ".join(process.cmdline())
        except psutil.Error:
            continue
        if all(word in line for word in words):
            found.append(process)
    return found


def mails(terminal) -> Counter[str]:
    """How often the sink took each Message-ID."""
    folder = terminal.home / "sink" / "Maildir" / "new"
    return Counter(email.message_from_bytes(path.read_bytes())["Message-ID"] for path in folder.iterdir())


def ask(terminal, path: str, body: object = None) -> Any:
    """What the Prefect server says."""
    api = json.loads((terminal.home / "up.json").read_text())["api_url"]
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{api}/{path}", data=data, headers={"Content-Type": "application/json"})
    return json.load(urllib.request.urlopen(request))


def run(terminal, deployment: str, **parameters: str) -> str:
    """Start a run of a deployment at once; returns its id."""
    found = ask(terminal, f"deployments/name/{deployment}/{deployment}")
    body = {"parameters": parameters, "state": {"type": "SCHEDULED"}}
    return ask(terminal, f"deployments/{found['id']}/create_flow_run", body)["id"]


def test_doctor_finds_everything_in_order(up):
    (up.folder / "team.yaml").write_text(TEAM)
    assert up.run("team", "load", "team.yaml").returncode == 0
    shown = up.run("doctor")
    assert shown.returncode == 0, shown.stdout
    assert "Everything is as it should be" in shown.stdout
    assert f"public pages     http://127.0.0.1:{up.environment['CADENZA_WEB_PORT']}" in shown.stdout


def test_a_second_up_in_the_folder_says_where_the_first_is(up):
    shown = up.run("up")
    assert shown.returncode == 1
    assert "already running" in shown.stderr
    assert f"process {up.started[0].pid}" in shown.stderr


def test_a_port_that_is_taken_is_named_with_a_free_one(up, tmp_path):
    shown = up.run("up", CADENZA_HOME=str(tmp_path / "other"))
    assert shown.returncode == 1
    assert re.search(r"Port \d+ is taken .* CADENZA_\w+_PORT=\d+", shown.stderr)
    assert shown.stderr.count("\n") == 1


def test_each_step_is_accepted_once_when_waves_race_and_wave_and_server_are_killed(up, until):
    (up.folder / "hello.yaml").write_text(SEQUENCE)
    rows = [f"Kim {n},kim{n}@customer{n % 2}.example,Europe/Berlin" for n in range(CONTACTS)]
    (up.folder / "people.csv").write_text("\n".join(["First Name,Email,Time Zone", *rows]))
    for arguments in (
        ("team", "load", "team.yaml"),
        ("sequences", "load", "hello.yaml"),
        ("import", "people.csv", "--list", "people"),
        ("segment", "create", "even", "email contains customer0"),
        ("enroll", "hello", "even", "--sender", "ana"),
        ("enroll", "hello", "people", "--sender", "ben"),
    ):
        shown = up.run(*arguments)
        assert shown.returncode == 0, f"{arguments}: {shown.stdout}{shown.stderr}"
    assert "30 enrolled" in shown.stdout
    assert "ALREADY_IN_THIS_SEQUENCE" in shown.stdout

    run(up, "send-wave", time_zone="Europe/Berlin")  # races the one that the enrollments scheduled
    until(lambda: sum(mails(up).values()) >= 10, 90, "the first mails")
    waves = processes_of(up, "prefect", "flow-run") or processes_of(up, "prefect.engine")
    assert waves, [process.cmdline() for process in up.processes()]
    [server, *_] = processes_of(up, "prefect", "server", "start")
    waves[0].kill()
    server.kill()

    until(lambda: "started again" in up.output(0), 60, "the server's second start")
    until(lambda: up.run("doctor").returncode == 0, 120, "the server's answer")
    # The claims of the killed wave run out after 100 seconds, and what was in flight is looked for twice. Not to wait
    # for the schedule of catch-up, five minutes each time:
    for _ in range(20):
        if len(mails(up)) == CONTACTS * 2:
            break
        run(up, "catch-up")
        time.sleep(25)
    assert len(mails(up)) == CONTACTS * 2
    assert set(mails(up).values()) == {1}


def test_ctrl_c_ends_everything(up, until):
    up.started[0].send_signal(signal.SIGINT)
    assert up.started[0].wait(60) == 0
    assert "nothing is left running" in up.output(0)
    assert up.processes() == []


def test_what_a_killed_up_leaves_is_cleaned_up(up, until):
    process = up.start("up")
    until(lambda: "Cadenza is up" in up.output(), 120, "the second start")
    watch = run(up, "automate")
    until(lambda: ask(up, f"flow_runs/{watch}")["state"]["type"] == "RUNNING", 120, "the run")
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    until(lambda: not up.processes(), 60, "the end of everything")

    # What was running when it was killed holds no place of a concurrency limit any more.
    up.start("up")
    until(lambda: "Cadenza is up" in up.output(), 120, "the third start")
    assert "marked as crashed" in up.output()
    assert ask(up, f"flow_runs/{watch}")["state"]["type"] == "CRASHED"
    limit = ask(up, "deployments/name/automate/automate")["global_concurrency_limit"]
    assert limit["active_slots"] < limit["limit"]


@pytest.mark.slow
def test_the_demo_runs_to_its_end_twice(terminal):
    for number in (1, 2):
        shown = terminal.run("demo", "--exit")
        assert shown.returncode == 0, shown.stdout + shown.stderr
        for words in ("enrolled", "refused", "Next waves", "/runs", "enrollment-errors-", "One of the mails"):
            assert words in shown.stdout, shown.stdout
        assert terminal.processes() == []
        if number == 2:
            assert "nothing to do" in shown.stdout
    reports = list((terminal.home / "reports").glob("enrollment-errors-*.csv"))
    assert len(reports) == 2
    assert Path(terminal.home / "data_docs" / "index.html").exists()
