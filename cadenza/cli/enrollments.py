"""The commands around enrollments: where do they stand, and how does a person step in?"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cadenza.cli.connection import actor, transaction
from cadenza.cli.output import count, instant, rows, show, table
from cadenza.errors import NotFound, WrongUse

if TYPE_CHECKING:
    from cadenza.store.choices import Choice
    from cadenza.store.enrollments import EnrollmentRow

#: A function of the store: connection, ids of enrollments, who asks, now; how many it changed.
Change = Callable[[Any, list[int], str, datetime], int]

STATUSES = ("active", "paused", "finished", "ended")

Contact = Annotated[str | None, typer.Argument(metavar="CONTACT", help="The contact's id or address.")]
InSequence = Annotated[str | None, typer.Option("--sequence", "-s", help="Every enrollment of this sequence.")]
AtCompany = Annotated[str | None, typer.Option("--company", help="Everybody of this company (name or domain).")]
Every = Annotated[bool, typer.Option("--all", help="Every enrollment.")]
EnrolledBy = Annotated[str | None, typer.Option("--enrolled-by", help="Only what this user (handle) enrolled.")]


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
                    _status(e),
                    instant(e.expected_at or e.due_at, e.time_zone),
                    e.time_zone,
                )
                for e in found
            ),
        )
    )
    if len(found) == limit:
        show(f"[dim]The first {limit}: more with --limit.[/]")


def _status(e: EnrollmentRow) -> str:
    """Where it stands, why, and who brought it there if it was not the engine."""
    if e.status == "paused":
        return (
            f"paused by {e.paused_by}{f': {e.paused_reason}' if e.paused_reason else ''}" if e.paused_by else "paused"
        )
    who = f" by {e.ended_by}" if e.ended_by and e.ended_by != "engine" else ""
    return e.held_reason or f"{e.ending or e.status}{who}"


def pause(
    contact: Contact = None,
    sequence: InSequence = None,
    company: AtCompany = None,
    every: Every = False,
    enrolled_by: EnrolledBy = None,
    reason: Annotated[str | None, typer.Option("--reason", "-r", help="Why; people read it in the list.")] = None,
) -> None:
    """Pause enrollments: what is left of a running delay is kept."""
    from cadenza.store.choices import Choice
    from cadenza.store.enrollments import pause as change

    _apply(partial(change, reason=reason), Choice(contact, sequence, company, every, enrolled_by), "paused")


def resume(
    contact: Contact = None,
    sequence: InSequence = None,
    company: AtCompany = None,
    every: Every = False,
    enrolled_by: EnrolledBy = None,
    reason: Annotated[str | None, typer.Option("--reason", "-r", help="Only what was paused with this reason.")] = None,
) -> None:
    """Resume paused enrollments: the rest of each delay runs on."""
    from cadenza.cli.waves import plan_waves
    from cadenza.store.choices import Choice
    from cadenza.store.enrollments import resume as change

    _apply(change, Choice(contact, sequence, company, every, enrolled_by, reason), "resumed")
    plan_waves()


def unenroll(
    contact: Contact = None, sequence: InSequence = None, company: AtCompany = None, enrolled_by: EnrolledBy = None
) -> None:
    """End enrollments for good; what was sent and counted stays."""
    from cadenza.store.choices import Choice
    from cadenza.store.enrollments import unenroll as change

    _apply(change, Choice(contact, sequence, company, enrolled_by=enrolled_by), "ended")


def finish(
    contact: Contact = None, sequence: InSequence = None, company: AtCompany = None, enrolled_by: EnrolledBy = None
) -> None:
    """Finish enrollments before their last step: what was wanted is achieved, and they count as finished."""
    from cadenza.store.choices import Choice
    from cadenza.store.enrollments import finish as change

    _apply(change, Choice(contact, sequence, company, enrolled_by=enrolled_by), "finished")


def _apply(change: Change, choice: Choice, done: str) -> None:
    """Change the running enrollments that are meant.

    Raises:
        NotFound: nothing was left to change.
    """
    from cadenza.runtime import current
    from cadenza.store.choices import running

    with transaction() as connection:
        changed = change(connection, running(connection, choice), actor(), current().clock.now())
    if not changed:
        raise NotFound(f"No enrollment was {done}: see 'cadenza enrollments'.")
    show(f"[green]✓[/] {count(changed, 'enrollment')} {done}; it takes effect on the next claim.")
