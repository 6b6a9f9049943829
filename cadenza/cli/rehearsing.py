"""What would happen in all the weeks of a sequence? Played in this process, with or without a Prefect server."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from cadenza.cli.connection import connect
from cadenza.cli.enrolling import SendAt, Sequence, StartStep, TimeZone, check_names
from cadenza.cli.sharing import takes
from cadenza.cli.whom import Whom, whom_of
from cadenza.domain.enrollment import CONTACT_OWNER
from cadenza.errors import WrongUse

Sender = Annotated[str, typer.Option("--sender", "-s", help="A user's handle; default: each contact's owner.")]
Replies = Annotated[str, typer.Option(help="Share of the mails that are answered, such as 5% or 0.05.")]
Bounces = Annotated[str, typer.Option(help="Share of the mails that come back.")]
TodoDays = Annotated[str, typer.Option(help="Days until people are done with a to-do, or never.")]
Seed = Annotated[int, typer.Option(min=0, help="Another seed, other people answer.")]
EnrollAt = Annotated[
    datetime | None,
    typer.Option(help="When it would be enrolled, UTC; default: now.", formats=["%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"]),
]

NEVER = "never"
LONGEST_TODO_DAYS = 365


@takes(whom=whom_of)
def rehearse(
    sequence: Sequence,
    whom: Whom,
    sender: Sender = CONTACT_OWNER,
    start_step: StartStep = 1,
    time_zone: TimeZone = None,
    send_at: SendAt = None,
    replies: Replies = "0%",
    bounces: Bounces = "0%",
    todo_days: TodoDays = "1",
    seed: Seed = 1,
    enroll_at: EnrollAt = None,
) -> None:
    """Play all the weeks of a sequence in seconds, on copies: nothing is written, nothing leaves this machine."""
    replied, bounced = _share("--replies", replies), _share("--bounces", bounces)
    people = {"replies": replied, "bounces": bounced, "todo_days": _days(todo_days), "seed": seed}
    if replied + bounced > 1:
        raise WrongUse("--replies and --bounces together are more than all mails: lower one of them.")
    whom.need()
    options = {"start_position": start_step, "time_zone": time_zone, "send_at": send_at}
    connect()
    check_names(sequence, sender, whom.segment)
    from cadenza.cli.rehearsal_view import run_rehearsal

    run_rehearsal(
        sequence,
        sender,
        whom,
        enroll_at and enroll_at.replace(tzinfo=UTC),
        options,
        people,
    )


def _share(option: str, given: str) -> float:
    """A share from "5%" or "0.05".

    Raises:
        WrongUse: it is neither, or not between nothing and all.
    """
    number, percent, rest = given.strip().partition("%")
    try:
        share = float(number) / (100 if percent else 1)
    except ValueError:
        share = -1
    if rest or not 0 <= share <= 1:
        raise WrongUse(f"{option} {given} is no share of the mails: write 5% or 0.05, and at most 100%.")
    return share


def _days(given: str) -> int | None:
    if given == NEVER:
        return None
    if not given.isdecimal() or int(given) > LONGEST_TODO_DAYS:
        raise WrongUse(f"--todo-days {given!r} is not known: write 'never' or up to {LONGEST_TODO_DAYS} days.")
    return int(given)
