"""The commands around sequences: which are there, and are their files valid?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cadenza.cli.connection import connect, transaction
from cadenza.cli.output import count, rows, show, table

sequences_app = typer.Typer(no_args_is_help=True, help="Sequences: check and load their files, show them.")

Where = Annotated[str, typer.Argument(metavar="PATH", help="A file, or a folder of files; empty: as the settings say.")]


@sequences_app.command("check")
def check(path: Where = "") -> None:
    """Read sequence files and name every mistake with its line; nothing is stored."""
    from cadenza.mail.sequence_file import read_sequences
    from cadenza.settings import load_settings

    found = read_sequences(Path(path) if path else load_settings().sequences_folder)
    show(f"[green]✓[/] {count(len(found), 'sequence')}: {', '.join(one.name for one in found)}")


@sequences_app.command("load")
def load(path: Where = "") -> None:
    """Store sequences; one that did not change keeps its version."""
    from cadenza.cli.loading import load_sequences

    connect()
    load_sequences(path)


@sequences_app.command("list")
def list_() -> None:
    """Show every sequence with its steps."""
    from cadenza.store.sequences import list_sequences

    with transaction() as connection:
        found = list_sequences(connection)
    if not found:
        show("There are no sequences yet: 'cadenza sequences load FOLDER' stores some.")
        return
    drawn = table("name", "title", "version", "steps", "state", right=("version", "steps"))
    show(
        rows(
            drawn,
            (
                (
                    one.sequence.name,
                    one.sequence.title,
                    one.number,
                    len(one.sequence.steps),
                    "paused" if one.paused_at else "active" if one.is_active else "inactive",
                )
                for one in found
            ),
        )
    )
