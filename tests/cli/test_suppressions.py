"""The suppression list on the command line."""

from __future__ import annotations


def test_entries_are_added_from_words_and_files_shown_and_removed(terminal, database_url):
    where = {"CADENZA_DATABASE_URL": database_url}

    def suppression(*arguments: str, code: int = 0) -> str:
        done = terminal.run("suppression", *arguments, **where)
        assert done.returncode == code, done.stdout + done.stderr
        return " ".join((done.stdout + done.stderr).split())

    (terminal.folder / "plain.txt").write_text("jo@kunde.example\nKim <KIM@kunde.example>\n")
    (terminal.folder / "export.csv").write_text("Name,Email Address\nKim,kim@kunde.example\nLee,lee@kunde.example\n")
    (terminal.folder / "other.csv").write_text("Name,City\nKim,Kiel\n")
    assert "Nobody is on" in suppression("list")
    shown = suppression("add", "@Rival.example", "müller.example", "???", "--reason", "competitor")
    assert "2 entries added." in shown
    assert "'???' is neither" in shown
    assert "2 entries added." in suppression("add", "--file", "plain.txt")
    assert "1 entry added, 1 there already." in suppression("add", "--file", "export.csv")
    assert "call one 'email'" in suppression("add", "--file", "other.csv", code=2)
    assert "rival.example domain competitor" in suppression("list")
    assert "xn--mller-kva.example" in suppression("list", "mller")
    assert "… and more" in suppression("list", "--limit", "1")
    assert "1 entry removed." in suppression("remove", "rival.example")
    assert "not on the suppression list" in suppression("remove", "rival.example", code=2)
    assert "is over" in suppression("add", "x.example", "--until", "2020-01-01", code=2)
    assert "Name addresses" in suppression("add", code=2)
