"""The commands around connectors: which other systems do contacts come from, and how far are they?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from cadenza.cli.connection import connect, transaction
from cadenza.cli.contacts import show_rejected
from cadenza.cli.output import console, count, instant, rows, show, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cadenza.domain.feeds import Feed

connector_app = typer.Typer(
    no_args_is_help=True, help="Connectors: other systems, such as HubSpot, that contacts come from."
)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The connector, as cadenza.toml names it.")]

#: What is counted of a pass.
COUNTS = ("rows", "imported", "merged", "rejected", "barred", "removed")


@connector_app.command("list")
def list_() -> None:
    """Show every connector with its lists and how far each is."""
    from cadenza.runtime import current
    from cadenza.store.feeds import list_feeds

    with transaction() as connection:
        entries = current().settings.connectors
        feeds = {name: list_feeds(connection, name) for name in entries}
    if not entries:
        show("There are no connectors yet: write [connectors.NAME] into cadenza.toml, see docs/connecting-sources.md.")
        return
    never = {name: entry for name, entry in entries.items() if not feeds[name]}
    drawn = table("connector", "kind", "list", "last sync", *COUNTS, right=COUNTS)
    lines = [(name, entries[name].kind, feed.list_name, _state(feed), *_counts(feed))
             for name, of_name in feeds.items() for feed in of_name]  # fmt: skip
    lines += [(name, entry.kind, "", "never", *("" for _ in COUNTS)) for name, entry in never.items()]
    show(rows(drawn, lines))


@connector_app.command("check")
def check(name: Name) -> None:
    """Try whether the other system lets us in, and show its lists."""
    from rich.markup import escape

    from cadenza.runtime import current

    connect()
    with console().status(f"Asking {name}"):
        connector = current().connector(name)
        said, lists = connector.check(), connector.lists()
    show(f"[green]✓[/] {name}: {said}.")
    for one in lists:
        show(f"  {escape(one)}")


@connector_app.command("sync")
def sync(
    name: Name,
    lists: Annotated[
        list[str] | None, typer.Option("--list", "-l", help="Only this list of the other system; may be repeated.")
    ] = None,
    owners: Annotated[bool, typer.Option("--owners", help="Make users of its owners, too.")] = False,
    whole: Annotated[bool, typer.Option("--whole", help="Read all contacts again, not only changed ones.")] = False,
) -> None:
    """Bring new and changed contacts, and the members of lists; an interrupted sync goes on where it was."""
    has_server = connect()
    from cadenza.runtime import current
    from cadenza.store.users import list_users

    current().settings.connector(name)
    with transaction() as connection:
        before = {user.handle for user in list_users(connection)}
    if has_server:
        from cadenza.cli.following import follow

        parameters = {"connector": name, "lists": lists or None, "owners": owners, "whole": whole}
        follow("sync-connector/sync-connector", parameters, f"Sync of {name}")
    else:
        _sync_here(name, lists or None, owners, whole)
    from cadenza.store.feeds import list_feeds, rejected_rows

    with transaction() as connection:
        feeds = [feed for feed in list_feeds(connection, name) if not lists or feed.remote_list in lists]
        rejected = [row for feed in feeds for row in rejected_rows(connection, feed)]
        new = [user.handle for user in list_users(connection) if user.handle not in before]
    show(rows(table("list", *COUNTS, right=COUNTS), ((feed.list_name, *_counts(feed)) for feed in feeds)))
    if rejected:
        show_rejected(rejected)
    if owners:
        show(f"{count(len(new), 'new user')}{': ' if new else ''}{', '.join(new)}")


def _sync_here(name: str, lists: Sequence[str] | None, owners: bool, whole: bool) -> None:
    """What flows/sync_connector.py does, in this process: there is no Prefect server."""
    from tasks.import_rows import import_rows
    from tasks.sync_feeds import begin_feeds, end_feed, mapping_of, stretches
    from tasks.take_owners import take_owners

    if owners:
        take_owners.fn(name)
    with console().status(f"Sync of {name}") as status:
        for feed in begin_feeds.fn(name, lists, whole):
            read = 0
            for source, stretch in stretches(feed):
                read += import_rows.fn(source, feed.list_name, mapping_of(feed, source), stretch).rows
                status.update(f"Sync of {name} [dim]'{feed.list_name}': {count(read, 'row')}[/]")
            end_feed.fn(feed)


def _state(feed: Feed) -> str:
    return f"ended {instant(feed.ended_at)}" if feed.ended_at else f"under way since {instant(feed.began_at)}"


def _counts(feed: Feed) -> list[str]:
    return [f"{feed.counts.get(name, 0):,}" for name in COUNTS]
