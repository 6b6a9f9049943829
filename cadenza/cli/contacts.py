"""The commands around lists: how do contacts get in, and how are they grouped?"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cadenza.cli.connection import actor, connect, transaction
from cadenza.cli.output import count, rows, show, table
from cadenza.errors import SourceUnreadable, WrongUse

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cadenza.domain.importing import ImportReport, RecordReport
    from cadenza.store.imports import ImportRow

contact_app = typer.Typer(no_args_is_help=True, help="Single contacts: forget who one is.")
segment_app = typer.Typer(no_args_is_help=True, help="Lists and segments: show them, create active ones.")


ListName = Annotated[str, typer.Option("--list", "-l", help="The list to put the contacts on.")]
Columns = Annotated[
    list[str] | None, typer.Option("--map", "-m", help="COLUMN=FIELD, where a column is not recognized.")
]
Query = Annotated[
    str | None, typer.Option("--query", "-q", help="SQL for the source: 'database', 'env:NAME' or a URL.")
]


def import_(
    source: Annotated[str, typer.Argument(help="A file (CSV, XLSX, Parquet); with --query a database.")],
    list_name: ListName = "",
    mapping: Columns = None,
    query: Query = None,
    records: Annotated[str, typer.Option(help="It is no list of contacts but of company, deal, ticket …")] = "",
) -> None:
    """Import a file, or the rows of a query: contacts into a list, or records with their contacts."""
    if records and list_name:
        raise WrongUse("Contacts go on a list, records do not: leave out --list or --records.")
    if records:
        run_record_import(source, records, _mapping(mapping or []), query)
        return
    run_import(source, list_name or Path(source).stem, _mapping(mapping or []), query)


@dataclass(frozen=True, slots=True)
class Brought:
    """A file, or a query, whose contacts are imported first."""

    source: str
    list_name: str
    mapping: dict[str, str] | None
    query: str | None

    def bring(self) -> str:
        """Import the contacts onto a list, and print what became of each row; returns the list's name."""
        from cadenza.runtime import current

        name = self.list_name or f"{Path(self.source).stem} {current().clock.now():%Y-%m-%d}"
        run_import(self.source, name, self.mapping, self.query)
        return name


def brought_of(
    file: Annotated[str, typer.Option("--file", help="A file to import first; with --query a database.")] = "",
    list_name: ListName = "",
    mapping: Columns = None,
    query: Query = None,
) -> Brought | None:
    """What the options of a command say is to be imported first.

    Raises:
        WrongUse: it is said how, but not what; or a query has no list.
    """
    if not file and (list_name or mapping or query):
        raise WrongUse("--list, --map and --query belong to --file: name the file.")
    if query and not list_name:
        raise WrongUse("A query has no name of its own: say --list NAME.")
    return Brought(file, list_name, _mapping(mapping or []), query) if file else None


def run_import(source: str, list_name: str, mapping: dict[str, str] | None, query: str | None) -> None:
    """Import through the deployment where a Prefect server runs, else in this process; print what became of it."""
    source = _place(source, query)
    if connect():
        from cadenza.cli.following import follow

        parameters = {"source": source, "list_name": list_name, "mapping": mapping, "query": query}
        follow("import-list/import-list", parameters, f"Import into '{list_name}'")
        with transaction() as connection:
            from cadenza.store.imports import latest_import

            report = latest_import(connection, list_name)
    else:
        from tasks.import_rows import import_rows
        from tasks.read_source import read_source

        report = import_rows.fn(read_source.fn(source, query), list_name, mapping)
    show_import(report)


def run_record_import(source: str, kind: str, mapping: dict[str, str] | None, query: str | None) -> None:
    """The same for companies, deals, tickets and other records."""
    from cadenza.domain.records import kind_named
    from cadenza.store.imports import latest_record_import

    source, kind = _place(source, query), kind_named(kind)
    if connect():
        from cadenza.cli.following import follow

        parameters = {"source": source, "kind": kind, "mapping": mapping, "query": query}
        follow("import-records/import-records", parameters, f"Import {kind} records")
        with transaction() as connection:
            report = latest_record_import(connection, kind)
    else:
        from tasks.import_records import import_records
        from tasks.read_source import read_source

        report = import_records.fn(read_source.fn(source, query), kind, mapping)
    show_import(report)
    show(f"{count(report.associations, 'contact')} associated.")
    if report.unknown_contacts:
        show(f"{count(report.unknown_contacts, 'row')} with a contact whom nobody knows: import the contacts first.")


def _place(source: str, query: str | None) -> str:
    """The source as a flow finds it, wherever it runs."""
    if query is not None:
        return source
    path = Path(source).expanduser().resolve()
    if not path.is_file():
        raise SourceUnreadable(f"There is no file {source} to import: check the path.")
    return str(path)


def show_import(report: ImportReport | RecordReport) -> None:
    """Print the counts, and the rejected rows with line and reason."""
    from cadenza.store.imports import import_rows

    show(
        f"{count(report.rows, 'row')}: {report.imported:,} imported, {report.merged:,} merged into known "
        f"{'contacts' if hasattr(report, 'list_name') else 'records'}, "
        f"{report.rejected:,} rejected."
    )
    if barred := getattr(report, "barred", 0):
        show(f"{count(barred, 'contact')} bounced or opted out elsewhere: nobody writes to them.")
    if not report.rejected:
        return
    with transaction() as connection:
        show_rejected(import_rows(connection, report.import_id, "rejected"))


def show_rejected(rejected: Sequence[ImportRow]) -> None:
    """Print rejected rows with line and reason."""
    from cadenza.domain.importing import REJECTIONS

    drawn = table("line", "reason", "remedy", title="Rejected rows", right=("line",))
    show(
        rows(
            drawn, ((row.line, row.detail or REJECTIONS[row.code][0], REJECTIONS[row.code][1]) for row in rejected[:20])
        )
    )
    if len(rejected) > 20:
        show(f"… and {len(rejected) - 20:,} more.")


@segment_app.command("list")
def list_segments() -> None:
    """Show every list and segment with its size now."""
    from cadenza.domain.enrollment import Segment
    from cadenza.store.lists import count_members, list_lists

    with transaction() as connection:
        found = [(one, count_members(connection, Segment(name=one.name))) for one in list_lists(connection)]
    if not found:
        show("There are no lists yet: 'cadenza import FILE' makes one.")
        return
    drawn = table("name", "kind", "contacts", "filter or source", right=("contacts",))
    show(rows(drawn, ((one.name, one.kind, f"{size:,}", one.filter or one.source) for one, size in found)))


@segment_app.command("create")
def create_segment(
    name: Annotated[str, typer.Argument(help="The name of the segment.")],
    filter: Annotated[str, typer.Argument(help="For example: country = Germany and job_title contains 'head'.")],
) -> None:
    """Create an active list: a filter that finds its contacts each time it is used."""
    from cadenza.domain.enrollment import Segment
    from cadenza.runtime import current
    from cadenza.store.lists import count_members, save_active_list

    with transaction() as connection:
        save_active_list(connection, name, filter, current().clock.now())
        size = count_members(connection, Segment(name=name))
    show(f"[green]✓[/] The segment '{name}' has {count(size, 'contact')} now.")


@contact_app.command("erase")
def erase(
    contact: Annotated[str, typer.Argument(metavar="CONTACT", help="The contact's id or address.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Forget who a contact is: end its sequence and leave only numbers behind. It cannot be undone."""
    from cadenza.runtime import current
    from cadenza.store.deletions import erase_contact

    if not yes:
        typer.confirm(f"Forget contact {contact} for good?", abort=True)
    with transaction() as connection:
        number = erase_contact(connection, contact, actor(), current().clock.now())
    show(f"[green]✓[/] Contact {number} is forgotten; what was counted stays.")


def _mapping(pairs: list[str]) -> dict[str, str] | None:
    mapping = {}
    for pair in pairs:
        column, separator, field = pair.rpartition("=")
        if not separator or not column or not field:
            raise WrongUse(f"--map {pair!r} is not COLUMN=FIELD, for example --map 'E-Mail-Adresse=email'.")
        mapping[column] = field
    return mapping or None
