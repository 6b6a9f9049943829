"""The commands around API keys: which programs may do what?"""

from __future__ import annotations

from typing import Annotated

import typer

from cadenza.cli.connection import actor, transaction
from cadenza.cli.output import instant, rows, show, table

key_app = typer.Typer(no_args_is_help=True, help="Keys of the API: make them, show them, revoke them.")


@key_app.command("create")
def create(
    name: Annotated[str, typer.Argument(help="What the key is for: people read it in the list.")],
    scopes: Annotated[
        list[str], typer.Option("--scope", "-s", help="A permission, such as contacts.read; may be repeated; or all.")
    ],
    user: Annotated[
        str | None, typer.Option("--user", "-u", help="Handle of the user whom the key acts for; default: anybody.")
    ] = None,
) -> None:
    """Make a key and show it, this once."""
    from cadenza.domain.access import scopes_of
    from cadenza.runtime import current
    from cadenza.store.api_keys import create_key

    granted = scopes_of(scopes)
    with transaction() as connection:
        key_id, key = create_key(connection, name, granted, user, actor(), current().clock.now())
    show(f"[green]✓[/] Key {key_id} for {name}. It is shown this once: keep it where your program finds it.", key)


@key_app.command("list")
def list_() -> None:
    """Show every key with what it may do."""
    from cadenza.store.api_keys import list_keys

    with transaction() as connection:
        found = list_keys(connection)
    if not found:
        show("There are no keys yet: 'cadenza key create' makes one.")
        return
    drawn = table("id", "name", "acts for", "scopes", "last used", "state", right=("id",))
    show(
        rows(
            drawn,
            (
                (
                    key.id,
                    key.name,
                    key.user or "anybody",
                    ", ".join(sorted(key.scopes)),
                    instant(key.last_used_at) or "never",
                    f"revoked {instant(key.revoked_at)}" if key.revoked_at else "valid",
                )
                for key in found
            ),
        )
    )


@key_app.command("revoke")
def revoke(key_id: Annotated[int, typer.Argument(help="Its number from 'cadenza key list'.")]) -> None:
    """Let a key open nothing any more, from the next request on."""
    from cadenza.runtime import current
    from cadenza.store.api_keys import revoke_key

    with transaction() as connection:
        revoke_key(connection, key_id, actor(), current().clock.now())
    show(f"[green]✓[/] Key {key_id} opens nothing any more.")
