"""What can a person see of Cadenza with one command?"""

from __future__ import annotations

import time
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from cadenza.cli.output import console, count, show
from cadenza.cli.up import stay, watch, with_everything

LIST = "trade_fair"
SEQUENCE = "post_event"
#: How long the demo waits for the first mails: a mailbox sends three at once, then three a minute.
FIRST_MAILS_SECONDS = 120.0
#: The allowance of a mailbox before it has to wait.
AT_ONCE = 3


def demo(
    exit_: Annotated[bool, typer.Option("--exit", help="End after the summary instead of staying up.")] = False,
) -> None:
    """Start everything, import a trade fair's list, enroll it, send the first mails, and show what came of it."""

    def then() -> None:
        from cadenza.cli.contacts import run_import
        from cadenza.cli.enrolling import enroll_segment
        from cadenza.cli.loading import load_sequences, load_team
        from cadenza.cli.whom import Whom
        from cadenza.domain.enrollment import CONTACT_OWNER

        examples = examples_folder()
        load_team(str(examples / "team.yaml"))
        load_sequences(str(examples / "sequences"))
        run_import(str(examples / "trade_fair.csv"), LIST, None, None)
        batch_id = enroll_segment(SEQUENCE, CONTACT_OWNER, Whom(LIST), {})
        _wait_for_first_mails(batch_id)
        _show_summary(batch_id)
        if not exit_:
            show("", "[bold green]Cadenza stays up[/] and goes on sending. Ctrl-C ends it.")
            stay()

    with_everything(then)


def examples_folder() -> Path:
    """Where the examples lie: beside prefect.yaml."""
    from cadenza.cli.services import project_folder

    return project_folder() / "examples"


def _wait_for_first_mails(batch_id: int) -> None:
    """Wait until each mailbox that may send now has used its allowance of the first minute, or has nothing left."""
    from cadenza.cli.connection import transaction
    from cadenza.runtime import current
    from cadenza.store.batch_list import MailboxProgress, mail_progress

    def progress() -> list[MailboxProgress]:
        with transaction() as connection:
            return mail_progress(connection, batch_id, current().clock.now())

    deadline = time.monotonic() + FIRST_MAILS_SECONDS
    with console().status("First mails") as status:
        while time.monotonic() < deadline:
            watch()
            boxes = progress()
            sent = ", ".join(f"{box.sender} {box.sent}" for box in boxes)
            status.update(f"First mails, three a minute from each mailbox: {sent}")
            if all(box.sent >= min(AT_ONCE, box.sent + box.due) for box in boxes):
                break
            time.sleep(0.5)
    sent_now, waiting = sum(box.sent for box in boxes), sum(box.due for box in boxes)
    show(
        f"[green]✓[/] {count(sent_now, 'mail')} sent; {waiting:,} more are due and go at three a minute "
        "from each mailbox."
    )


def _show_summary(batch_id: int) -> None:
    """Print what a person wants to know and to click on."""
    from cadenza.cli import services
    from cadenza.cli.connection import transaction
    from cadenza.cli.mail_view import latest_mail, show_mail
    from cadenza.cli.report_view import show_files, show_report, show_waves
    from cadenza.runtime import current
    from cadenza.store.waves import waves_due
    from tasks.publish_report import publish_report

    runtime = current()
    report = publish_report.fn(batch_id)
    mail = latest_mail(runtime.settings.home)
    if mail:
        show_mail(mail)
    show_report(report)
    now = runtime.clock.now()
    with transaction() as connection:
        show_waves(waves_due(connection, now, timedelta(days=7), runtime.settings.limits), now)
    show("", "[bold]To look at[/]", f"  prefect ui            {services.ui_url(runtime.settings)}/runs")
    show_files(report)
    show(f"  mails                 {(runtime.settings.home / 'sink' / 'Maildir').resolve().as_uri()}")
