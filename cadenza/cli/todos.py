"""The commands around to-dos: what waits for a person?"""

from __future__ import annotations

from typing import Annotated

import typer

from cadenza.cli.connection import actor, transaction
from cadenza.cli.output import instant, rows, show, table

todo_app = typer.Typer(no_args_is_help=True, help="To-dos: what sequences ask people to do.")


@todo_app.command("list")
def list_todos(
    user: Annotated[str | None, typer.Option("--user", "-u", help="Of this user only (handle).")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 50,
) -> None:
    """Show open to-dos, urgent and old ones first."""
    from cadenza.store.todos import open_todos
    from cadenza.store.users import find_user

    with transaction() as connection:
        if user:
            find_user(connection, user)
        found = open_todos(connection, user, limit)
    if not found:
        show("Nothing to do.")
        return
    drawn = table("id", "user", "kind", "title", "contact", "phone", "sequence", "since", right=("id",))
    show(
        rows(
            drawn,
            (
                (t.id, t.user, t.kind, t.title, t.name or t.email, t.phone, t.sequence, instant(t.created_at))
                for t in found
            ),
        )
    )


@todo_app.command("done")
def done(todo_ids: Annotated[list[int], typer.Argument(help="Numbers from 'cadenza todo list'.")]) -> None:
    """Complete to-dos; a sequence that waited for one goes on."""
    from cadenza.cli.waves import plan_waves
    from cadenza.runtime import current
    from cadenza.store.todos import complete_todo

    with transaction() as connection:
        completed = [complete_todo(connection, id_, actor(), current().clock.now()) for id_ in todo_ids]
    for completion in completed:
        after = f"; the next step is due {instant(completion.next_due_at)}" if completion.next_due_at else ""
        show(f"[green]✓[/] To-do {completion.todo_id} is done{after}.")
    plan_waves()
