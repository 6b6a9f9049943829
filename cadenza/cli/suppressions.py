"""The commands around the suppression list: whom do we not write to?"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from cadenza.cli.connection import actor, transaction
from cadenza.cli.output import count, instant, rows, show, table
from cadenza.errors import WrongUse

if TYPE_CHECKING:
    from cadenza.sources.entries import Entries

suppression_app = typer.Typer(no_args_is_help=True, help="Suppressions: addresses and domains that nobody writes to.")

Values = Annotated[list[str] | None, typer.Argument(metavar="ENTRY…", help="Addresses, or domains: firm.example.")]
File = Annotated[str, typer.Option("--file", help="A file (CSV, XLSX …) with a column 'email' or 'domain'.")]


@suppression_app.command("add")
def add(
    values: Values = None,
    file: File = "",
    reason: Annotated[str, typer.Option(help="Why, in a word or two.")] = "",
    until: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Up to this day; else for good.")] = None,
) -> None:
    """Write to these addresses, and to whoever is at these domains, never again. Sequences end before the next step."""
    from cadenza.runtime import current
    from cadenza.store.suppressions import suppress_entries

    entries = _entries(values, file)
    end = until.replace(tzinfo=UTC) if until else None
    with transaction() as connection:
        now = current().clock.now()
        if end and end <= now:
            raise WrongUse(f"--until {end:%Y-%m-%d} is over: name a later day.")
        changed = suppress_entries(connection, entries.by_kind, reason, actor(), now, end)
    there = len(entries.addresses) + len(entries.domains) - changed
    show(f"[green]✓[/] {count(changed, 'entry', 'entries')} added" + (f", {there:,} there already." if there else "."))
    for word in entries.unreadable[:20]:
        show(f"[yellow]![/] {word!r} is neither an address nor a domain: left out.")
    if len(entries.unreadable) > 20:
        show(f"… and {len(entries.unreadable) - 20:,} more that are neither.")


@suppression_app.command("remove")
def remove(
    values: Values = None,
    file: File = "",
    consent: Annotated[str, typer.Option(help="Where and when a person who had opted out agreed anew.")] = "",
) -> None:
    """Write to these again: a mailbox that had bounced exists again, or a person agreed anew."""
    from cadenza.runtime import current
    from cadenza.store.suppressions import lift_entries

    entries = _entries(values, file)
    if entries.unreadable:
        raise WrongUse(f"{entries.unreadable[0]!r} is neither an address nor a domain.")
    with transaction() as connection:
        lifted = lift_entries(connection, entries.by_kind, consent.strip(), actor(), current().clock.now())
    show(f"[green]✓[/] {count(lifted, 'entry', 'entries')} removed.")


@suppression_app.command("list")
def list_(
    like: Annotated[str, typer.Argument(metavar="WORDS", help="Only entries that contain these words.")] = "",
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 50,
) -> None:
    """Show the latest entries, with reason and source."""
    from cadenza.store.suppressions import list_suppressions

    with transaction() as connection:
        found = list_suppressions(connection, like, limit + 1)
    if not found:
        show("There is no such entry." if like else "Nobody is on the suppression list.")
        return
    drawn = table("entry", "kind", "reason", "source", "since", "until")
    show(
        rows(
            drawn,
            (
                (one.value, one.kind, one.reason, one.source, instant(one.created_at), instant(one.until))
                for one in found[:limit]
            ),
        )
    )
    if len(found) > limit:
        show("… and more: --limit shows them.")


def _entries(values: list[str] | None, file: str) -> Entries:
    from pathlib import Path

    from cadenza.sources.entries import entries_of, listed_words
    from tasks.read_source import read_source

    if bool(values) == bool(file):
        raise WrongUse("Name addresses or domains, or a file of them with --file.")
    return entries_of(values or listed_words(read_source.fn(str(Path(file).expanduser()))))
