"""The commands around the team: who sends, and through which mailboxes?"""

from __future__ import annotations

from typing import Annotated

import typer

from cadenza.cli.connection import actor, connect, transaction
from cadenza.cli.output import count, rows, show, table

team_app = typer.Typer(no_args_is_help=True, help="Users and their mailboxes: load a team file, show them.")


@team_app.command("load")
def load(path: Annotated[str, typer.Argument(metavar="FILE", help="A YAML file such as examples/team.yaml.")]) -> None:
    """Add the users and mailboxes of a file, or bring them up to date."""
    from cadenza.cli.loading import load_team

    connect()
    load_team(path)


@team_app.command("list")
def list_team() -> None:
    """Show every user with what the user may do."""
    from cadenza.store.users import list_users

    with transaction() as connection:
        users = list_users(connection)
    drawn = table("handle", "name", "time zone", "teams", "may enroll", "in bulk", "active")
    yes = {True: "yes", False: "no"}
    show(
        rows(
            drawn,
            (
                (
                    user.handle,
                    user.name,
                    user.time_zone,
                    ", ".join(user.teams),
                    yes[user.may_enroll],
                    yes[user.may_bulk_enroll],
                    yes[user.is_active],
                )
                for user in users
            ),
        )
    )


@team_app.command("deactivate")
def deactivate(
    handle: Annotated[str, typer.Argument(metavar="HANDLE", help="The user.")],
    move_to: Annotated[str | None, typer.Option("--move-to", help="The user who writes to the contacts now.")] = None,
    unenroll: Annotated[bool, typer.Option("--unenroll", help="End the sequences of the contacts.")] = False,
) -> None:
    """Switch a user's account off; the contacts go on with another user, or are unenrolled."""
    from cadenza.runtime import current
    from cadenza.store.deletions import deactivate_user

    with transaction() as connection:
        number = deactivate_user(connection, handle, move_to, unenroll, actor(), current().clock.now())
    what = f" {count(number, 'contact')} {'unenrolled' if unenroll else f'go on with {move_to}'}." if number else ""
    show(f"[green]✓[/] {handle} is switched off.{what}")
