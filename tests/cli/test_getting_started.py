"""docs/getting-started.md, as it stands there, prints what stands there."""

from __future__ import annotations

import re
import shlex
import urllib.request
from email import message_from_bytes
from pathlib import Path

import pytest

PAGE = (Path(__file__).parents[2] / "docs" / "getting-started.md").read_text(encoding="utf-8")


def block(beginning: str) -> str:
    """The code block that begins like this, without a comment that names its file."""
    found = re.search(rf"^```\w*\n(?:# \S+\n)?({re.escape(beginning)}.*?)^```", PAGE, flags=re.M | re.S)
    assert found, beginning
    return found[1]


def calls() -> list[tuple[str, list[str]]]:
    """Each command of the page with the lines that it prints there."""
    found = []
    for console in re.findall(r"^```console\n(.*?)^```", PAGE, flags=re.M | re.S):
        for part in re.split(r"^\$ cadenza ", console, flags=re.M)[1:]:
            command, *lines = part.splitlines()
            found.append((command, [line for line in lines if line.strip(" ─")]))
    return found


def timeless(text: str) -> str:
    """A text without the widths of its columns, durations and instants."""
    words = " ".join(text.split())
    return re.sub(r"\w{3} \d{4}-\d\d-\d\d \d\d:\d\d", "…", re.sub(r"\(\d+\.\d s\)", "(… s)", words))


@pytest.mark.slow
def test_every_command_of_the_page_prints_what_the_page_says(up, until):
    (up.folder / "sequences").mkdir()
    (up.folder / "sequences" / "win_back.yaml").write_text(block("title:"))
    (up.folder / "team.yaml").write_text(block("users:"))
    (up.folder / "customers.csv").write_text(block("E-Mail;"))
    inbox = up.home / "sink" / "Maildir" / "new"
    for command, lines in calls():
        if command.startswith("enrollments --sequence"):
            until(lambda: len(list(inbox.iterdir())) == 3, 240, "the sending of three mails")
        if command.startswith("enrollments --contact"):
            mails = [message_from_bytes(path.read_bytes()) for path in inbox.iterdir()]
            (mail,) = (mail for mail in mails if "kim.lee" in mail["To"])
            link = re.search(r"<(http\S+)>", mail["List-Unsubscribe"])[1]
            assert urllib.request.urlopen(link, data=b"List-Unsubscribe=One-Click").status == 200
        shown = up.run(*shlex.split(command), COLUMNS="160")
        assert shown.returncode == 0, shown.stderr
        for line in lines:
            assert timeless(line) in timeless(shown.stdout), (command, shown.stdout)
    assert len(calls()) == 9
