"""The commands around what comes next: who gets which step when, and how is one put off?"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from cadenza.cli.connection import actor, transaction
from cadenza.cli.output import instant, rows, show, table
from cadenza.errors import WrongUse


def scheduled(
    sequence: Annotated[str | None, typer.Option("--sequence", "-s", help="Of this sequence.")] = None,
    sender: Annotated[str | None, typer.Option(help="Of this user (handle).")] = None,
    contact: Annotated[str | None, typer.Option("--contact", "-c", help="Of this contact (id or address).")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 50,
) -> None:
    """Show what comes next: one step for each contact, the soonest first."""
    from cadenza.store.schedule import coming_steps
    from cadenza.store.sequences import find_sequence
    from cadenza.store.users import find_user

    with transaction() as connection:
        if sequence:
            find_sequence(connection, sequence)
        if sender:
            find_user(connection, sender)
        found = coming_steps(connection, sequence=sequence, sender=sender, contact=contact, limit=limit)
    if not found:
        show("Nothing is scheduled: see 'cadenza enrollments' for what is paused or waits for a to-do.")
        return
    drawn = table("contact", "address", "sequence", "sender", "step", "local time", "zone", "UTC", "waits for")
    show(
        rows(
            drawn,
            (
                (
                    one.name or one.contact_id,
                    one.email,
                    one.sequence,
                    one.sender,
                    f"{one.position}/{one.steps} {one.kind}",
                    instant(one.expected_at, one.time_zone),
                    one.time_zone,
                    instant(one.expected_at),
                    one.held_reason,
                )
                for one in found
            ),
        )
    )
    if len(found) == limit:
        show(f"[dim]The first {limit}: more with --limit.[/]")


def reschedule(
    contact: Annotated[str, typer.Argument(metavar="CONTACT", help="The contact's id or address.")],
    at: Annotated[str, typer.Option("--at", help="Date and time where the contact is: 2026-12-01 09:30.")],
) -> None:
    """Let a contact's next step run at another time; the delays after it count from there."""
    from cadenza.cli.waves import plan_waves
    from cadenza.runtime import current
    from cadenza.store.schedule import reschedule as change

    try:
        local = datetime.fromisoformat(at)
    except ValueError as error:
        raise WrongUse(f"{at!r} is no date and time: write 2026-12-01 09:30.") from error
    if local.tzinfo is not None:
        raise WrongUse(f"{at!r} names a time zone: write the contact's local time.")
    with transaction() as connection:
        moved = change(connection, contact, local, actor(), current().clock.now())
    show(f"[green]✓[/] Step {moved.position} is due {instant(moved.due_at, moved.time_zone)} in {moved.time_zone}.")
    plan_waves()
