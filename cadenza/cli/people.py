"""The commands around the team: who sends, and through which mailboxes?"""

from __future__ import annotations

from typing import Annotated

import typer

from cadenza.cli.connection import connect, transaction
from cadenza.cli.output import rows, show, table

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
