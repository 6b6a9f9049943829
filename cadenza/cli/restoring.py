"""The command after a backup of the database was restored."""

from __future__ import annotations

from cadenza.cli.connection import transaction
from cadenza.cli.output import show


def restored() -> None:
    """Say that a backup of the database was restored: nothing leaves until mailboxes have told what they sent since.

    A machine that has sent since notices by itself; where another one sends first, say so before it does.
    """
    from cadenza.runtime import current
    from cadenza.store.restored import stop_sending

    with transaction() as connection:
        paused = stop_sending(connection, current().clock.now())
    show(f"[green]✓[/] {paused} mailboxes are paused; catch-up asks each what it sent, and lets it go on.")
    show("[dim]One that does not tell stays paused: see 'cadenza doctor'.[/]")
