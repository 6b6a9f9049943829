"""Which commands are there?"""

from __future__ import annotations

import typer

from cadenza.cli import (
    automation,
    connectors,
    contacts,
    deliveries,
    drafts,
    enrolling,
    enrollments,
    keys,
    mailboxes,
    people,
    picking,
    schedule,
    sequences,
    suppressions,
    todos,
)
from cadenza.cli.demo import demo
from cadenza.cli.doctor import doctor
from cadenza.cli.quality import quality
from cadenza.cli.rehearsing import rehearse
from cadenza.cli.restoring import restored
from cadenza.cli.statistics import statistics
from cadenza.cli.up import up


def build_app() -> typer.Typer:
    """The command line. Commands import what they need when they run, so that --help costs next to nothing."""
    app = typer.Typer(
        name="cadenza",
        help="An open sequence engine: import lists, enroll segments, send in each contact's time zone.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_cadenza)
    app.command()(up)
    app.command()(demo)
    app.command("import")(contacts.import_)
    app.command()(enrolling.preflight)
    app.command()(enrolling.enroll)
    app.add_typer(drafts.draft_app, name="draft")
    app.command()(rehearse)
    app.command()(enrolling.report)
    app.command()(enrollments.enrollments)
    app.command()(enrollments.pause)
    app.command()(enrollments.resume)
    app.command()(enrollments.unenroll)
    app.command()(enrollments.finish)
    app.command()(schedule.scheduled)
    app.command()(schedule.reschedule)
    app.add_typer(todos.todo_app, name="todo")
    app.add_typer(contacts.segment_app, name="segment")
    app.add_typer(contacts.contact_app, name="contact")
    app.add_typer(suppressions.suppression_app, name="suppression")
    sequences.sequences_app.command("for")(picking.sequences_for)
    app.add_typer(sequences.sequences_app, name="sequences")
    app.add_typer(automation.automation_app, name="automation")
    app.add_typer(connectors.connector_app, name="connector")
    app.add_typer(people.team_app, name="team")
    app.add_typer(mailboxes.mailbox_app, name="mailbox")
    app.add_typer(keys.key_app, name="key")
    app.add_typer(deliveries.deliveries_app, name="deliveries")
    app.command()(statistics)
    app.command()(quality)
    app.command()(restored)
    app.command()(doctor)
    return app


def _cadenza() -> None:
    """An open sequence engine: import lists, enroll segments, send in each contact's time zone."""
