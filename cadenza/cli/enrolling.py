"""The commands around an enrollment: try it, do it, rehearse it, read what came of it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import typer

from cadenza.cli.choosing import Files, FromColumns, keep_files, overrides_of
from cadenza.cli.connection import need_server, transaction
from cadenza.cli.contacts import Brought, brought_of
from cadenza.cli.output import instant, rows, show, table
from cadenza.cli.sharing import takes
from cadenza.cli.whom import Whom, whom_of
from cadenza.errors import WrongUse

Sequence = Annotated[str, typer.Argument(help="The name of the sequence.")]
Sender = Annotated[str, typer.Option("--sender", "-s", help="A user's handle; @owner: each contact's owner.")]
StartStep = Annotated[int, typer.Option(min=1, help="Start at this step.")]
TimeZone = Annotated[str | None, typer.Option(help="One time zone for all; default: each contact's own.")]
SendAt = Annotated[
    datetime | None,
    typer.Option(
        help="Local date and time of the first step, in each contact's zone; default: at once.",
        formats=["%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"],
    ),
]
Mailbox = Annotated[int | None, typer.Option(help="Id of the mailbox; default: the sender's own.")]
By = Annotated[str | None, typer.Option("--by", help="Handle of the user who asks; default: the sender.")]
OverLimit = Annotated[str | None, typer.Option(help="Beyond the daily limit: hold or refuse.")]
Roles = Annotated[str | None, typer.Option("--role-addresses", help="info@, sales@ …: allow, warn or refuse.")]
Cooldown = Annotated[int | None, typer.Option(min=0, help="Days since the contact's last sequence.")]
BatchLimit = Annotated[int | None, typer.Option(min=1, help="The most contacts in one enrollment.")]

NewOnly = Annotated[
    bool,
    typer.Option("--new-only", help="Of a list only whom no enrollment of this sequence from it has judged."),
]

AsDraft = Annotated[bool, typer.Option("--draft", help="Only prepare it: review, change and begin it later.")]


@takes(overrides=overrides_of)
def options_of(
    overrides: dict[str, Any],
    start_step: StartStep = 1,
    time_zone: TimeZone = None,
    send_at: SendAt = None,
    mailbox: Mailbox = None,
    from_columns: FromColumns = False,
    new_only: NewOnly = False,
    by: By = None,
    over_daily_limit: OverLimit = None,
    role_addresses: Roles = None,
    cooldown_days: Cooldown = None,
    batch_limit: BatchLimit = None,
) -> dict[str, Any]:
    """The options of an enrollment as the flow's form takes them.

    Raises:
        WrongUse: an option has no such value.
    """
    for option, given, allowed in (
        ("over-daily-limit", over_daily_limit, ("hold", "refuse")),
        ("role-addresses", role_addresses, ("allow", "warn", "refuse")),
    ):
        if given not in (None, *allowed):
            raise WrongUse(f"--{option} {given!r} is not known: choose one of {', '.join(allowed)}.")
    options = {
        "start_position": start_step,
        "time_zone": time_zone,
        "send_at": send_at.isoformat() if send_at else None,
        "mailbox_id": mailbox,
        "enrolled_by": by,
        "over_daily_limit": over_daily_limit,
        "role_addresses": role_addresses,
        "cooldown_days": cooldown_days,
        "batch_limit": batch_limit,
        "overrides": overrides or None,
        "from_columns": from_columns or None,
        "new_only": new_only or None,
    }
    return {name: value for name, value in options.items() if value is not None}


@takes(whom=whom_of, brought=brought_of, options=options_of)
def enroll(
    sequence: Sequence,
    whom: Whom,
    brought: Brought | None,
    options: dict[str, Any],
    sender: Sender = "",
    files: Files = None,
    draft: AsDraft = False,
) -> None:
    """Enroll every contact of a segment, or of a file, that may be enrolled; explain each one that may not."""
    if brought is None:
        whom.need()
    elif whom != Whom():
        raise WrongUse("--file brings the contacts: name nobody besides, or leave it out.")
    if not draft:
        need_server()
    check_names(sequence, sender, whom.segment)
    keep_files(files)
    if brought:
        whom = Whom(brought.bring())
    if draft:
        _create_draft(sequence, sender, whom, options)
    else:
        show_batch(enroll_segment(sequence, sender, whom, options))


@takes(whom=whom_of, options=options_of)
def preflight(sequence: Sequence, whom: Whom, options: dict[str, Any], sender: Sender = "") -> None:
    """Show what an enrollment would do, and when each mail would go; nothing is written."""
    from cadenza.cli.forecast_view import run_preflight

    whom.need()
    need_server()
    check_names(sequence, sender, whom.segment)
    run_preflight(sequence, sender, whom, options)


def report(
    batch: Annotated[int | None, typer.Argument(help="The number of the enrollment; default: the latest.")] = None,
    all_: Annotated[bool, typer.Option("--list", help="Show which enrollments there were.")] = False,
    filed: Annotated[bool, typer.Option("--filed", help="Show what came of mails that were filed to enroll.")] = False,
) -> None:
    """Show what came of an enrollment: counts, causes, remedies, and where the files are."""
    from cadenza.store.batch_list import latest_batch, list_batches

    if filed:
        from cadenza.cli.filed_view import show_filed

        show_filed()
        return
    with transaction() as connection:
        if not all_:
            batch_id = batch if batch is not None else latest_batch(connection)
        else:
            found = list_batches(connection)
    if not all_:
        show_batch(batch_id)
        return
    drawn = table("number", "started", "segment", "sequence", "sender", "enrolled", "held", "refused",
                  right=("number", "enrolled", "held", "refused"))  # fmt: skip
    show(
        rows(
            drawn,
            (
                (b.id, instant(b.started_at), b.segment, b.sequence, b.sender,
                 *(f"{b.counts[name]:,}" if name in b.counts else "…" for name in ("enrolled", "held", "refused")))
                for b in found
            ),
        )
    )  # fmt: skip


def enroll_segment(sequence: str, sender: str, whom: Whom, options: dict[str, Any]) -> int:
    """Enroll through the deployment and show how far it is; returns the id of the batch."""
    from cadenza.cli.following import follow
    from cadenza.store.batch_list import batch_of_run

    check_names(sequence, sender, whom.segment)
    parameters = {"sequence": sequence, "sender": sender, **whom.parameters(), "options": options}
    run_id = follow("enroll-segment/enroll-segment", parameters, f"Enroll {whom.words} into '{sequence}'")
    with transaction() as connection:
        return batch_of_run(connection, run_id)


def show_batch(batch_id: int) -> None:
    """Print the report of an enrollment, its next waves, and the files."""
    from datetime import timedelta

    from cadenza.cli.report_view import show_files, show_report, show_waves
    from cadenza.runtime import current
    from cadenza.store.waves import waves_due
    from tasks.publish_report import publish_report

    report = publish_report.fn(batch_id)
    show_report(report)
    now = current().clock.now()
    with transaction() as connection:
        waves = waves_due(connection, now, timedelta(days=7), current().settings.limits, batch_id)
    if report.enrolled + report.held:
        show_waves(waves, now)
    show_files(report)


def check_names(sequence: str, sender: str, segment: str) -> None:
    """Fail at once, naming what comes nearest, when a name is wrong.

    Raises:
        NotFound: there is no such sequence, sender or list.
        WrongUse: no sender is named.
    """
    from cadenza.domain.enrollment import CONTACT_OWNER
    from cadenza.store.lists import find_list
    from cadenza.store.sequences import find_sequence
    from cadenza.store.users import find_user

    if not sender:
        raise WrongUse("Name the sender: --sender HANDLE, or --sender @owner for each contact's owner.")
    with transaction() as connection:
        find_sequence(connection, sequence)
        if sender != CONTACT_OWNER:
            find_user(connection, sender)
        if segment:
            find_list(connection, segment)


def _create_draft(sequence: str, sender: str, whom: Whom, options: dict[str, Any]) -> None:
    from cadenza.cli.connection import actor
    from flows.enroll_segment import EnrollmentForm, RecordsForm
    from flows.prepare_draft import create
    from tasks.begin_batch import segment_of

    named = whom.parameters()
    chosen = segment_of(**named | {"records": RecordsForm(**named["records"]).as_records()})
    draft = create(sequence, sender, chosen, EnrollmentForm(**options).as_options(), actor())
    show(
        f"[green]✓[/] Draft {draft.id} with {draft.waiting:,} contacts: nothing is sent yet.",
        f"  cadenza draft show {draft.id}     what would come of it",
        f"  cadenza draft enroll {draft.id}   begin",
    )
