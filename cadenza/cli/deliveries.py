"""The commands around deliveries that nobody knows the fate of: a person decides."""

from __future__ import annotations

from typing import Annotated

import typer

from cadenza.cli.connection import actor, transaction
from cadenza.cli.output import instant, rows, show, table
from cadenza.errors import WrongUse

deliveries_app = typer.Typer(
    no_args_is_help=True, help="Deliveries whose answer never came, and that no witness can tell about."
)

DONE = {
    "sent": "counts as sent; its sequence goes on",
    "resend": "goes out again with the next wave",
    "end": "is left as it is; its enrollment has ended",
}


@deliveries_app.command("unknown")
def unknown(limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 50) -> None:
    """Show deliveries that wait for a decision, oldest first. Look into the mailbox whether they were sent."""
    from cadenza.store.decisions import unknown_deliveries

    with transaction() as connection:
        found = unknown_deliveries(connection, limit)
    if not found:
        show("No delivery waits for a decision.")
        return
    drawn = table("id", "contact", "sequence", "step", "mailbox", "subject", "handed over", right=("id", "step"))
    show(
        rows(
            drawn,
            (
                (d.id, d.name or d.email, d.sequence, d.position, d.mailbox, d.subject, instant(d.in_flight_at))
                for d in found
            ),
        )
    )
    show("[dim]Decide with 'cadenza deliveries decide ID sent', 'resend' or 'end'.[/]")


@deliveries_app.command("decide")
def decide(
    delivery_id: Annotated[int, typer.Argument(metavar="ID", help="A number from 'cadenza deliveries unknown'.")],
    decision: Annotated[
        str, typer.Argument(metavar="sent|resend|end", help="It arrived; send it again; end the enrollment.")
    ],
) -> None:
    """Say what became of a delivery: it was sent, it is to be sent again, or its enrollment ends."""
    from cadenza.cli.waves import plan_waves
    from cadenza.domain.delivery import Decision
    from cadenza.runtime import current
    from cadenza.store.decisions import decide as settle

    if decision not in DONE:
        raise WrongUse(f"There is no decision {decision!r}: choose one of {', '.join(DONE)}.")
    with transaction() as connection:
        settle(connection, delivery_id, Decision(decision), actor(), current().clock.now())
    show(f"[green]✓[/] Delivery {delivery_id} {DONE[decision]}.")
    plan_waves()
