"""The commands around sequences: which are there, and are their files valid?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cadenza.cli.connection import actor, connect, transaction
from cadenza.cli.output import count, rows, show, table
from cadenza.errors import NotFound, WrongUse

if TYPE_CHECKING:
    from cadenza.store.sequences import StoredSequence

sequences_app = typer.Typer(no_args_is_help=True, help="Sequences: check and load their files, show them.")

Names = Annotated[list[str] | None, typer.Argument(metavar="NAME…", help="The sequences.")]
Every = Annotated[bool, typer.Option("--all", help="Every sequence.")]
Where = Annotated[str, typer.Argument(metavar="PATH", help="A file, or a folder of files; empty: as the settings say.")]


@sequences_app.command("check")
def check(path: Where = "") -> None:
    """Read sequence files and name every mistake with its line; nothing is stored."""
    from cadenza.domain.attachments import MEGABYTE
    from cadenza.mail.attachments import check_sizes
    from cadenza.mail.sequence_file import read_sequences
    from cadenza.settings import load_settings

    settings = load_settings()
    found = read_sequences(Path(path) if path else settings.sequences_folder)
    check_sizes(found, settings.largest_mail_mb * MEGABYTE)
    show(f"[green]✓[/] {count(len(found), 'sequence')}: {', '.join(one.name for one in found)}")


@sequences_app.command("load")
def load(path: Where = "") -> None:
    """Store sequences; one that did not change keeps its version."""
    from cadenza.cli.loading import load_sequences

    connect()
    load_sequences(path)


@sequences_app.command("list")
def list_(
    folder: Annotated[str | None, typer.Option("--folder", help="Of this folder, and of those below it.")] = None,
) -> None:
    """Show every sequence with its steps, by folder."""
    from cadenza.store.sequences import list_sequences

    with transaction() as connection:
        found = list_sequences(connection, folder)
    if not found:
        show(
            "There are no sequences yet: 'cadenza sequences load FOLDER' stores some."
            if folder is None
            else f"There are no sequences in the folder {folder!r}."
        )
        return
    drawn = table("folder", "name", "title", "version", "steps", "state", right=("version", "steps"))
    show(
        rows(
            drawn,
            (
                (
                    one.folder,
                    one.sequence.name,
                    one.sequence.title,
                    one.number,
                    len(one.sequence.steps),
                    _state(one),
                )
                for one in found
            ),
        )
    )
    running = sum(one.is_active and not one.paused_at for one in found)
    show(f"[dim]{count(len(found), 'sequence')}, {running:,} of them active.[/]")


@sequences_app.command("show")
def show_(name: Annotated[str, typer.Argument(metavar="NAME", help="The sequence.")]) -> None:
    """Show the steps of a sequence, with the files that its mails take along."""
    from cadenza.store.sequences import find_sequence

    with transaction() as connection:
        found = find_sequence(connection, name)
    show(
        rows(
            table("version", "state", "shared with"),
            [(found.number, _state(found), ", ".join(found.sequence.shared_with))],
        )
    )
    drawn = table("step", "what", "says", right=("step",))
    steps = found.sequence.steps
    show(rows(drawn, ((step.position, step.words, step.subject or step.title) for step in steps)))


def _state(one: StoredSequence) -> str:
    if one.paused_at:
        return f"paused: {one.paused_reason}" if one.paused_reason else "paused"
    return "active" if one.is_active else "inactive"


@sequences_app.command("pause")
def pause(
    names: Names = None,
    every: Every = False,
    reason: Annotated[str | None, typer.Option("--reason", "-r", help="Why; people read it in the list.")] = None,
) -> None:
    """Pause whole sequences: nothing of theirs is sent until they are resumed."""
    from cadenza.runtime import current
    from cadenza.store.sequence_pauses import pause_sequences

    with transaction() as connection:
        chosen = _chosen(connection, names, every)
        changed = pause_sequences(connection, chosen, actor(), reason, current().clock.now())
    if not changed:
        raise NotFound("No sequence was paused: see 'cadenza sequences list'.")
    show(f"[green]✓[/] Paused: {', '.join(one.name for one in changed)}. It takes effect on the next claim.")


@sequences_app.command("resume")
def resume(names: Names = None, every: Every = False) -> None:
    """Let paused sequences go on: what was left of each delay runs on, and the guard counts anew."""
    from cadenza.cli.waves import plan_waves
    from cadenza.runtime import current
    from cadenza.store.sequence_pauses import resume_sequences

    with transaction() as connection:
        chosen = _chosen(connection, names, every)
        changed = resume_sequences(connection, chosen, actor(), current().clock.now())
    if not changed:
        raise NotFound("No sequence was paused: see 'cadenza sequences list'.")
    for one in changed:
        show(f"[green]✓[/] {one.name} goes on: {count(one.moved, 'enrollment')} moved by the time of the pause.")
    plan_waves()


@sequences_app.command("delete")
def delete(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The sequence.")],
    running: Annotated[
        str | None, typer.Option("--running", help="What its contacts do: finish (go on to the end), or unenroll.")
    ] = None,
) -> None:
    """Delete a sequence: nobody can be enrolled any more; what was counted stays."""
    from cadenza.runtime import current
    from cadenza.store.deletions import delete_sequence

    if running not in (None, "finish", "unenroll"):
        raise WrongUse(f"--running {running!r}: choose finish or unenroll.")
    with transaction() as connection:
        number = delete_sequence(connection, name, running, actor(), current().clock.now())  # type: ignore[arg-type]
    rest = (
        f" {count(number, 'contact')} {'go on to the end' if running == 'finish' else 'unenrolled'}." if number else ""
    )
    show(f"[green]✓[/] {name} is deleted.{rest} Delete its file, too: loading it brings the sequence back.")


@sequences_app.command("winner")
def winner(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The sequence.")],
    step: Annotated[int, typer.Argument(metavar="STEP", min=1, help="The position of an email with variants.")],
    variant: Annotated[str | None, typer.Argument(metavar="VARIANT", help="The one that everybody gets.")] = None,
    none: Annotated[bool, typer.Option("--none", help="Nobody has won: all variants again.")] = False,
) -> None:
    """Choose by hand which variant of a step everybody gets from now on."""
    from cadenza.runtime import current
    from cadenza.store.variant_tests import decide

    if (variant is None) != none:
        raise WrongUse("Name the variant that has won, or say --none.")
    with transaction() as connection:
        decide(connection, name, step, variant, actor(), current().clock.now())
    what = f"everybody gets '{variant}'" if variant else "all variants go on"
    show(f"[green]✓[/] Step {step} of {name}: {what}. It takes effect on the next claim.")


def _chosen(connection: Any, names: list[str] | None, every: bool) -> list[str] | None:
    """The names of sequences that exist; None: all of them.

    Raises:
        WrongUse: neither or both are asked for.
        NotFound: there is no sequence of a name.
    """
    from cadenza.store.sequences import find_sequence

    if bool(names) == every:
        raise WrongUse("Name the sequences, or choose every one with --all.")
    return None if every else [find_sequence(connection, name).sequence.name for name in names or ()]
