"""The commands around drafts: prepare an enrollment, review it, change it, begin it."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cadenza.cli.choosing import Files, keep_files, overrides_of
from cadenza.cli.connection import transaction
from cadenza.cli.output import console, instant, rows, show, table
from cadenza.cli.sharing import takes
from cadenza.errors import WrongUse

if TYPE_CHECKING:
    from cadenza.domain.report import ContactOutcome

draft_app = typer.Typer(
    no_args_is_help=True, help="Drafts: enrollments that are prepared with 'cadenza enroll --draft'."
)

Number = Annotated[int, typer.Argument(help="The number of the draft.")]
Contacts = Annotated[list[str] | None, typer.Option("--contact", "-c", help="A contact's id or address; repeatable.")]

#: Contacts that 'draft show' and 'draft enroll' list.
SHOWN = 50


@draft_app.command("list")
def list_drafts() -> None:
    """Show the drafts that there are."""
    from cadenza.store.drafts import list_drafts

    with transaction() as connection:
        found = list_drafts(connection)
    if not found:
        show("There are no drafts: 'cadenza enroll … --draft' prepares one.")
        return
    drawn = table("number", "created", "segment", "sequence", "sender", "left", "enrolled", "removed",
                  right=("number", "left", "enrolled", "removed"))  # fmt: skip
    show(
        rows(
            drawn,
            (
                (d.id, instant(d.created_at), d.segment, d.sequence, d.sender, d.waiting, d.enrolled, d.removed)
                for d in found
            ),
        )
    )


@draft_app.command("show")
def show_draft(draft: Number) -> None:
    """Review a draft: who would be enrolled when, who not and why, which tokens are missing, what was changed."""
    from cadenza.cli.forecast_view import show_forecast
    from cadenza.store.drafts import draft_contacts, find_draft
    from flows.prepare_draft import review

    with transaction() as connection:
        found, contacts = find_draft(connection, draft), draft_contacts(connection, draft)
    show(f"Draft {found.id}: {found.segment} into {found.sequence}, from {found.sender}")
    show(f"  {found.waiting:,} left, {found.enrolled:,} enrolled, {found.removed:,} removed")
    changed = [one for one in contacts if one.overrides or one.removed_at]
    if changed:
        drawn = table("contact", "name", "state", "its own options", right=("contact",))
        show(
            rows(
                drawn,
                (
                    (one.contact_id, one.name or one.email, _state(one.removed_at, one.enrolled_at),
                     json.dumps(one.overrides, ensure_ascii=False)[:200] if one.overrides else "")
                    for one in changed[:SHOWN]
                ),
            )
        )  # fmt: skip
    if found.waiting:
        with console().status("Review"):
            forecast = review(draft)
        show_forecast(forecast)


@draft_app.command("set")
@takes(overrides=overrides_of)
def set_(
    draft: Number,
    overrides: dict[str, Any],
    contacts: Contacts = None,
    start_step: Annotated[int | None, typer.Option(min=1, help="Start at this step.")] = None,
    time_zone: Annotated[str | None, typer.Option(help="The time zone of all steps.")] = None,
    send_at: Annotated[
        datetime | None,
        typer.Option(help="Local date and time of the first step.", formats=["%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"]),
    ] = None,
    mailbox: Annotated[int | None, typer.Option(help="Id of the mailbox.")] = None,
    files: Files = None,
    anew: Annotated[bool, typer.Option("--anew", help="Forget what the contacts had before.")] = False,
) -> None:
    """Change the options of a draft: for all contacts, or with --contact for these alone."""
    from cadenza.domain.overrides import Overrides
    from flows.prepare_draft import choose_for, choose_for_all

    given = overrides | {
        name: value
        for name, value in (
            ("start_position", start_step), ("time_zone", time_zone), ("send_at", send_at), ("mailbox_id", mailbox)
        )
        if value is not None
    }  # fmt: skip
    if not given and not (anew and contacts):
        raise WrongUse("Name what to change, such as --delay 2=3d or --subject 1='Hello'.")
    chosen = Overrides.from_data(given)
    keep_files(files)
    if contacts:
        count = choose_for(draft, _ids(contacts), chosen, anew=anew)
        show(f"[green]✓[/] Changed for {count:,} contact{'' if count == 1 else 's'}.")
    else:
        choose_for_all(draft, chosen)
        show("[green]✓[/] Changed for everybody who has no option of its own.")


@draft_app.command("fill")
def fill(
    draft: Number,
    token: Annotated[str, typer.Argument(help="contact.first_name=VALUE")],
    contacts: Contacts = None,
    write_back: Annotated[bool, typer.Option("--write-back", help="Keep it as the contacts' own, for ever.")] = False,
) -> None:
    """Give a missing token a value, for everybody who lacks it or with --contact for these alone."""
    from flows.prepare_draft import fill

    path, equals, value = token.partition("=")
    if not equals:
        raise WrongUse(f"{token!r} is not TOKEN=VALUE, such as contact.first_name=Kim.")
    count = fill(draft, path.strip(), value, _ids(contacts) if contacts else None, write_back=write_back)
    show(f"[green]✓[/] Filled for {count:,} contact{'' if count == 1 else 's'}.")


@draft_app.command("remove")
def remove(draft: Number, contacts: Annotated[list[str], typer.Argument(help="Ids or addresses.")]) -> None:
    """Take contacts out of a draft."""
    from flows.prepare_draft import remove

    show(f"[green]✓[/] {remove(draft, _ids(contacts)):,} removed; 'cadenza draft restore' puts them back.")


@draft_app.command("restore")
def restore(draft: Number, contacts: Annotated[list[str], typer.Argument(help="Ids or addresses.")]) -> None:
    """Put removed contacts back."""
    from flows.prepare_draft import restore

    show(f"[green]✓[/] {restore(draft, _ids(contacts)):,} put back.")


@draft_app.command("enroll")
def enroll(
    draft: Number,
    contacts: Contacts = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Enroll everybody who is left, or with --contact these alone."""
    from cadenza.cli.waves import plan_waves
    from cadenza.store.drafts import open_draft, waiting_contacts
    from flows.prepare_draft import enroll

    ids = _ids(contacts) if contacts else None
    with transaction() as connection:
        found = open_draft(connection, draft)
        count = len(waiting_contacts(connection, draft, ids))
    if not yes and count:
        typer.confirm(f"Enroll {count:,} of {found.waiting:,} contacts into {found.sequence}?", abort=True)
    _show(enroll(draft, ids))
    plan_waves()


@draft_app.command("discard")
def discard(draft: Number) -> None:
    """Give a draft up; what was enrolled out of it stays."""
    from flows.prepare_draft import discard

    discard(draft)
    show(f"[green]✓[/] Draft {draft} is discarded.")


def _show(outcomes: list[ContactOutcome]) -> None:
    counts = {name: sum(one.outcome.value == name for one in outcomes) for name in ("enrolled", "held", "refused")}
    show(", ".join(f"{count:,} {name}" for name, count in counts.items()))
    told = [one for one in outcomes if one.code]
    if told:
        drawn = table("contact", "outcome", "code", "detail", "remedy", right=("contact",))
        show(
            rows(
                drawn,
                ((one.contact_id, one.outcome.value, one.code, one.detail, one.remedy) for one in told[:SHOWN]),
            )
        )


def _state(removed_at: datetime | None, enrolled_at: datetime | None) -> str:
    return "removed" if removed_at else "enrolled" if enrolled_at else "left"


def _ids(named: list[str]) -> list[int]:
    from cadenza.store.contacts import contact_ids_of

    with transaction() as connection:
        return contact_ids_of(connection, named)
