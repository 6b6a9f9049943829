"""The commands around mailboxes: through which accounts do mails leave?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from cadenza.cli.connecting import connect
from cadenza.cli.connection import actor, transaction
from cadenza.cli.output import count, instant, rows, show, table
from cadenza.errors import MailboxRefused, NotFound, WrongUse

if TYPE_CHECKING:
    from cadenza.store.connections import MailboxRow

mailbox_app = typer.Typer(no_args_is_help=True, help="Mailboxes: connect, probe, pause, move and disconnect them.")
mailbox_app.command("connect")(connect)

Address = Annotated[str, typer.Argument(metavar="ADDRESS", help="The mailbox's address.")]


@mailbox_app.command("list")
def list_all() -> None:
    """Show every mailbox: whether it works, when that was last looked at, and what waits for it."""
    from cadenza.store.connections import list_mailboxes

    with transaction() as connection:
        found = list_mailboxes(connection)
    if not found:
        show("There is no mailbox: connect one with 'cadenza mailbox connect'.")
        return
    drawn = table("id", "address", "user", "server", "reads", "witness", "state", "probed", "enrollments",
                  right=("id", "enrollments"))  # fmt: skip
    show(
        rows(
            drawn,
            (
                (
                    box.id,
                    box.address,
                    box.handle,
                    box.transport.get("host", "sink"),
                    "yes" if box.imap else "no",
                    box.transport.get("witness", "none") if box.transport["kind"] == "smtp" else "sink",
                    _state(box),
                    instant(box.probed_at),
                    box.running,
                )
                for box in found
            ),
        )
    )


def _state(box: MailboxRow) -> str:
    if not box.is_connected:
        return f"disconnected: {box.disconnected_reason or 'no reason given'}"
    if box.paused_at:
        return f"paused: {box.paused_reason or 'no reason given'}"
    return (box.probe or {}).get("trouble") or "well"


@mailbox_app.command("probe")
def probe(address: Annotated[str | None, typer.Argument(metavar="[ADDRESS]", help="Only this one.")] = None) -> None:
    """Log in to mailboxes and look what they may, without sending anything; one that is let in is connected again."""
    from cadenza.cli.probing import probe_now
    from cadenza.cli.waves import plan_waves
    from cadenza.store.connections import find_mailbox, list_mailboxes

    with transaction() as connection:
        wanted = [find_mailbox(connection, address).id] if address else [box.id for box in list_mailboxes(connection)]
    found = probe_now(wanted)
    with transaction() as connection:
        boxes = [box for box in list_mailboxes(connection) if box.id in wanted]
    for box in boxes:
        seen = found.get(box.id)
        if seen is None:
            show(f"[yellow]–[/] {box.address}: {box.disconnected_reason} Connect it with 'cadenza mailbox connect'.")
        elif seen.trouble:
            show(f"[red]✗[/] {box.address}: {seen.trouble}")
        else:
            facts = [
                f"mails up to {seen.size_limit:,} bytes" if seen.size_limit else "",
                f"sent mails in {seen.sent_folder!r}" if seen.sent_folder else "",
                f"its clock is {seen.clock_skew_seconds:+.0f} s off" if seen.clock_skew_seconds else "",
                *(f"may not send as {alias} ({code})" for alias, code in (seen.refused_senders or {}).items()),
            ]
            show(f"[green]✓[/] {box.address}: {'; '.join(fact for fact in facts if fact) or 'well'}")
    plan_waves()
    if any(seen.trouble for seen in found.values()):
        raise MailboxRefused("Not every mailbox works: see above.")


@mailbox_app.command("disconnect")
def disconnect(address: Address) -> None:
    """Use a mailbox no more and forget its stored secrets; its enrollments wait until it is connected again."""
    from cadenza.store.connections import disconnect_by_hand, find_mailbox, named_secrets
    from cadenza.store.secrets import forget_secrets

    with transaction() as connection:
        box = find_mailbox(connection, address)
        disconnect_by_hand(connection, box.id, actor())
        forget_secrets(connection, named_secrets(connection, box.address))
    show(f"[green]✓[/] {box.address} is disconnected. Its enrollments wait, or move them with 'cadenza mailbox move'.")


@mailbox_app.command("move")
def move(
    address: Address, other: Annotated[str, typer.Argument(metavar="OTHER", help="The mailbox to send from instead.")]
) -> None:
    """Let the coming mails of a mailbox's enrollments go through another one.

    If it belongs to another user, that user becomes the sender; every sequence must be shared with that user.
    """
    from cadenza.cli.waves import plan_waves
    from cadenza.runtime import current
    from cadenza.store.connections import find_mailbox
    from cadenza.store.moves import move_enrollments

    with transaction() as connection:
        box, goal = find_mailbox(connection, address), find_mailbox(connection, other)
        if box.id == goal.id:
            raise WrongUse("Name two different mailboxes.")
        moved = move_enrollments(connection, box.id, goal.id, actor(), current().clock.now())
    if not moved:
        raise NotFound(f"No running enrollment sends through {box.address}: see 'cadenza mailbox list'.")
    show(f"[green]✓[/] {count(moved, 'enrollment')} send through {goal.address} from the next claim on.")
    plan_waves()


@mailbox_app.command("pause")
def pause(address: Address, reason: Annotated[str, typer.Option(help="Why, for the record.")] = "") -> None:
    """Let nothing more out of a mailbox until it is resumed; its enrollments wait."""
    from cadenza.runtime import current
    from cadenza.store.connections import find_mailbox, pause_mailbox

    with transaction() as connection:
        box = find_mailbox(connection, address)
        pause_mailbox(connection, box.id, reason or f"Paused by {actor()}.", current().clock.now())
    show(f"[green]✓[/] {box.address} is paused; it takes effect on the next claim.")


@mailbox_app.command("resume")
def resume(address: Address) -> None:
    """Let a paused mailbox send again."""
    from cadenza.cli.waves import plan_waves
    from cadenza.runtime import current
    from cadenza.store.connections import find_mailbox, resume_mailbox

    with transaction() as connection:
        box = find_mailbox(connection, address)
        if not resume_mailbox(connection, box.id, current().clock.now()):
            raise NotFound(f"{box.address} is not paused.")
    show(f"[green]✓[/] {box.address} sends again.")
    plan_waves()


@mailbox_app.command("folders")
def folders(address: Address) -> None:
    """Make a folder in the mailbox for each sequence that is shared with its user: file a mail there to enroll."""
    from cadenza.domain.filing import address_of
    from cadenza.mail.filing import Filing
    from cadenza.mail.imap import opened
    from cadenza.mail.inbox import Inbox
    from cadenza.runtime import current
    from cadenza.store.connections import find_mailbox, list_mailboxes
    from cadenza.store.sequences import list_sequences
    from cadenza.store.users import find_user

    with transaction() as connection:
        box = find_mailbox(connection, address)
        [handle] = [row.handle for row in list_mailboxes(connection) if row.id == box.id]
        user = find_user(connection, handle)
        names = [
            stored.sequence.name
            for stored in list_sequences(connection)
            if stored.is_active and stored.sequence.is_shared_with(user.handle, user.teams)
        ]
    if not box.imap:
        raise WrongUse(f"{box.address} is not read: connect it again with --imap HOST:PORT.")
    if not names:
        raise NotFound(f"No active sequence is shared with {user.handle}: see 'cadenza sequences list'.")
    with opened(current().transports.imap_server(box.id, box.imap, box.transport)) as client:
        made = Filing(Inbox(client, box.address)).create(names)
    show(
        *(f"[green]✓[/] {made_as}  {address_of(name, box.address)}" for name, made_as in zip(names, made, strict=True))
    )
    show(
        "Move or copy a mail into one of them, or send a mail with a Bcc to its address: the other party is enrolled "
        "within a minute, as an answer to that mail."
    )
