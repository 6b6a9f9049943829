"""Whole sequences are paused and resumed from the command line."""

from __future__ import annotations

import re


def test_a_sequence_is_paused_with_a_reason_that_the_list_shows_and_resumed(terminal, database_url, world):
    world.sequence(name="hello")
    world.sequence(name="other")
    where = {"CADENZA_DATABASE_URL": database_url}
    paused = terminal.run("sequences", "pause", "hello", "--reason", "new prices", **where)
    assert paused.returncode == 0, paused.stderr
    listed = terminal.run("sequences", "list", **where).stdout
    assert "paused: new prices" in " ".join(listed.split())
    assert "Paused: other." in terminal.run("sequences", "pause", "--all", **where).stdout
    resumed = terminal.run("sequences", "resume", "--all", **where)
    assert resumed.stdout.count("goes on") == 2
    assert "paused" not in terminal.run("sequences", "list", **where).stdout


def test_wrong_use_is_told_in_one_line(terminal, database_url, world):
    world.sequence(name="hello")
    where = {"CADENZA_DATABASE_URL": database_url}
    for arguments, words in (
        (["pause"], "--all"),
        (["pause", "hello", "--all"], "--all"),
        (["pause", "helo"], "'hello'"),
        (["resume", "hello"], "No sequence was paused"),
    ):
        shown = terminal.run("sequences", *arguments, **where)
        assert shown.returncode == 2, shown.stderr
        assert words in shown.stderr
        assert shown.stderr.count("\n") == 1


def test_sequences_are_listed_by_folder_counted_and_deleted(terminal, database_url, world):
    world.sequence(name="hello", folder="Sales/Inbound")
    version = world.sequence(name="other")
    world.enroll(world.contacts(1), version, world.mailbox())
    where = {"CADENZA_DATABASE_URL": database_url}
    listed = terminal.run("sequences", "list", "--folder", "Sales", **where).stdout
    assert "hello" in listed
    assert "other" not in listed
    assert "1 sequence, 1 of them active" in listed
    refused = terminal.run("sequences", "delete", "other", **where)
    assert refused.returncode == 2
    assert "finish (they go on to the end)" in refused.stderr
    assert terminal.run("sequences", "delete", "other", "--running", "unenroll", **where).returncode == 0
    assert "1 of them active" in terminal.run("sequences", "list", **where).stdout


def test_statistics_are_shown_and_written_as_a_table(terminal, database_url, world):
    world.enroll(world.contacts(2), world.sequence(name="hello"), world.mailbox())
    where = {"CADENZA_DATABASE_URL": database_url}
    shown = terminal.run("statistics", "--csv", "all.csv", **where)
    assert shown.returncode == 0, shown.stderr
    assert "hello" in shown.stdout
    assert (terminal.folder / "all.csv").read_text("utf-8-sig").splitlines()[1].startswith("hello,2,2,0,0")
    for wrong in (["--by", "moon"], ["--rank", "name"], ["--since", "soon"], ["helo"]):
        refused = terminal.run("statistics", *wrong, **where)
        assert refused.returncode == 2
        assert refused.stderr.count("\n") == 1


def test_a_step_is_shown_and_put_off_and_a_contact_erased(terminal, database_url, world):
    world.enroll(world.contacts(1), world.sequence(name="hello"), world.mailbox())
    where = {"CADENZA_DATABASE_URL": database_url}
    assert "1/1 email" in terminal.run("scheduled", **where).stdout
    moved = terminal.run("reschedule", "1", "--at", "2099-01-01 09:30", **where)
    assert "Thu 2099-01-01 09:30 in Europe/Berlin" in moved.stdout, moved.stderr
    assert "no date and time" in terminal.run("reschedule", "1", "--at", "soon", **where).stderr
    assert terminal.run("pause", "--all", "--reason", "strike", **where).returncode == 0
    assert "strike" in terminal.run("enrollments", **where).stdout
    assert terminal.run("team", "deactivate", "ana", "--unenroll", **where).returncode == 0
    assert "is forgotten" in terminal.run("contact", "erase", "1", "--yes", **where).stdout
    assert world.one("SELECT count(*) FROM contacts WHERE email IS NOT NULL") == 0


def test_a_sequence_is_loaded_with_its_files_once_and_shown_with_their_sizes(terminal, database_url, world):
    where = {"CADENZA_DATABASE_URL": database_url}
    (terminal.folder / "brochure.pdf").write_bytes(b"%PDF" * 3_000)
    (terminal.folder / "fair.yaml").write_text(
        "steps:\n  - email: {subject: Hi, text: Hello., attachments: [brochure.pdf]}\n"
    )
    for _ in range(2):
        assert terminal.run("sequences", "load", "fair.yaml", **where).returncode == 0
    assert world.one("SELECT count(*) FROM sequence_versions") == 1
    assert "brochure.pdf (11.8 KB)" in terminal.run("sequences", "show", "fair", **where).stdout
    (terminal.folder / "brochure.pdf").write_bytes(b"%PDF" * 1_000_000)
    for command in ("check", "load"):
        refused = terminal.run("sequences", command, "fair.yaml", CADENZA_LARGEST_MAIL_MB="5", **where)
        assert refused.returncode == 2
        assert "5.3 MB with brochure.pdf (3.9 MB), and no mailbox takes more than 5 MB" in refused.stderr
    assert world.one("SELECT count(*) FROM documents") == 1


def test_the_sequences_for_a_contact_and_for_a_filter(terminal, database_url, world):
    world.mailbox()
    world.contacts(1, country="Germany", last_name="x")
    [id] = world.contacts(1, country="Germany")
    world.sequence()
    world.sequence(name="tokens", required_tokens=("contact.last_name",))
    where = {"CADENZA_DATABASE_URL": database_url}
    shown = terminal.run("sequences", "for", "--contact", str(id), "--sender", "ana", **where)
    assert re.search(r"^ hello +1 *$", shown.stdout, re.M)
    assert re.search(r"^ tokens +1 +TOKEN_MISSING +.*contact.last_name", shown.stdout, re.M)
    shown = terminal.run("sequences", "for", "--filter", "country = Germany", "--sender", "ana", **where)
    assert re.search(r"^ tokens +1 +1 +TOKEN_MISSING", shown.stdout, re.M)
    refused = terminal.run("sequences", "for", "--contact", str(id), **where)
    assert (refused.returncode, "--sender" in refused.stderr) == (2, True)
