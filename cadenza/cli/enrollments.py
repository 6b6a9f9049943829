"""The commands around enrollments: where do they stand, and how does a person step in?"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any

import typer

from cadenza.cli.connection import actor, transaction
from cadenza.cli.output import count, instant, rows, show, table
from cadenza.errors import NotFound, WrongUse

#: A function of the store: connection, ids of enrollments, who asks, now; how many it changed.
Change = Callable[[Any, list[int], str, datetime], int]

STATUSES = ("active", "paused", "finished", "ended")

Contact = Annotated[str | None, typer.Argument(metavar="CONTACT", help="The contact's id or address.")]
InSequence = Annotated[str | None, typer.Option("--sequence", "-s", help="Every enrollment of this sequence.")]


def enrollments(
    sequence: Annotated[str | None, typer.Option("--sequence", "-s", help="Of this sequence.")] = None,
    status: Annotated[str | None, typer.Option(help="One of active, paused, finished, ended.")] = None,
    contact: Annotated[str | None, typer.Option("--contact", "-c", help="Of this contact (id or address).")] = None,
    batch: Annotated[int | None, typer.Option("--batch", "-b", help="Of one enrollment run.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 50,
) -> None:
    """Show enrollments, those that run next first."""
    from cadenza.store.enrollments import list_enrollments
    from cadenza.store.sequences import find_sequence

    if status is not None and status not in STATUSES:
        raise WrongUse(f"There is no status {status!r}: choose one of {', '.join(STATUSES)}.")
    with transaction() as connection:
        if sequence:
            find_sequence(connection, sequence)
        found = list_enrollments(
            connection, sequence=sequence, status=status, batch_id=batch, contact=contact, limit=limit
        )
    if not found:
        show("There are no such enrollments: 'cadenza enroll' makes some.")
        return
    drawn = table(
        "id", "contact", "address", "sequence", "sender", "step", "status", "local time", "zone", right=("id",)
    )
    show(
        rows(
            drawn,
            (
                (
                    e.id,
                    e.name or e.contact_id,
                    e.email,
                    e.sequence,
                    e.sender,
                    f"{min(e.next_position, e.steps)}/{e.steps} {e.next_kind or ''}",
                    e.held_reason or (f"{e.ending}" if e.ending else e.status),
                    instant(e.expected_at or e.due_at, e.time_zone),
                    e.time_zone,
                )
                for e in found
            ),
        )
    )
    if len(found) == limit:
        show(f"[dim]The first {limit}: more with --limit.[/]")


def pause(contact: Contact = None, sequence: InSequence = None) -> None:
    """Pause an enrollment: what is left of a running delay is kept."""
    from cadenza.store.enrollments import pause as change

    _apply(change, contact, sequence, "paused")


def resume(contact: Contact = None, sequence: InSequence = None) -> None:
    """Resume a paused enrollment: the rest of its delay runs on."""
    from cadenza.cli.waves import plan_waves
    from cadenza.store.enrollments import resume as change

    _apply(change, contact, sequence, "resumed")
    plan_waves()


def unenroll(contact: Contact = None, sequence: InSequence = None) -> None:
    """End an enrollment for good; what was sent and counted stays."""
    from cadenza.store.enrollments import unenroll as change

    _apply(change, contact, sequence, "ended")


def _apply(change: Change, contact: str | None, sequence: str | None, done: str) -> None:
    """Change the enrollment of one contact, or every one of a sequence.

    Raises:
        WrongUse: neither or both are named.
        NotFound: nothing was left to change.
    """
    from cadenza.runtime import current
    from cadenza.store.enrollments import running_in, running_of
    from cadenza.store.sequences import find_sequence

    if (contact is None) == (sequence is None):
        raise WrongUse("Name one contact, or a sequence with --sequence.")
    with transaction() as connection:
        if sequence is not None:
            find_sequence(connection, sequence)
            ids = running_in(connection, sequence)
        else:
            ids = [running_of(connection, contact or "")]
        changed = change(connection, ids, actor(), current().clock.now())
    if not changed:
        raise NotFound(f"No enrollment was {done}: see 'cadenza enrollments'.")
    show(f"[green]✓[/] {count(changed, 'enrollment')} {done}; it takes effect on the next claim.")
