"""What does a mail look like that went out?"""

from __future__ import annotations

from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

#: The headers that people look at.
HEADERS = ("From", "To", "Subject", "Date")
#: Wide enough for the lines of most plain texts.
WIDTH = 120


def latest_mail(home: Path) -> Path | None:
    """The newest mail in the embedded sink."""
    folder = home / "sink" / "Maildir" / "new"
    mails = list(folder.iterdir()) if folder.exists() else []
    return max(mails, key=lambda path: path.stat().st_mtime_ns, default=None)


def show_mail(path: Path) -> None:
    """Print the headers and the text part of a mail in a frame."""
    from rich.panel import Panel
    from rich.text import Text

    from cadenza.cli.output import console

    mail = message_from_bytes(path.read_bytes(), EmailMessage, policy=policy.default)
    shown = Text()
    for name in HEADERS:
        shown.append(f"{name + ':':<9}", "dim").append(f"{mail[name]}\n")
    part = mail.get_body(("plain",))
    shown.append("\n" + (part.get_content().strip() if part else ""))
    console().print(
        Panel(shown, title="One of the mails", title_align="left", width=min(console().width, WIDTH)), soft_wrap=False
    )
