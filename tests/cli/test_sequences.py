"""Whole sequences are paused and resumed from the command line."""

from __future__ import annotations


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
