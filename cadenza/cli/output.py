"""How does output look, on a terminal and in a pipe?"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table


@cache
def console() -> Console:
    """Standard output; plain and unwrapped where it is no terminal."""
    from rich.console import Console

    is_terminal = sys.stdout.isatty()
    return Console(highlight=False, width=None if is_terminal else 160, soft_wrap=not is_terminal)


def show(*parts: RenderableType) -> None:
    """Print."""
    for part in parts:
        console().print(part)


def table(*columns: str, title: str | None = None, right: Sequence[str] = ()) -> Table:
    """An empty table; the columns named in ``right`` hold numbers."""
    from rich import box
    from rich.table import Table

    drawn = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        drawn.add_column(column, justify="right" if column in right else "left", overflow="fold")
    return drawn


def rows(drawn: Table, content: Iterable[Sequence[object]]) -> Table:
    """The table with rows; nothing is read as markup."""
    from rich.text import Text

    for row in content:
        drawn.add_row(*(Text("" if cell is None else str(cell)) for cell in row))
    return drawn


def instant(at: datetime | None, zone: str | None = None) -> str:
    """An instant as people read it: local to a zone, else UTC."""
    if at is None:
        return ""
    if zone is None:
        return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    from cadenza.domain.zones import zone_of

    return f"{at.astimezone(zone_of(zone)):%a %Y-%m-%d %H:%M}"


def count(number: int, noun: str, plural: str | None = None) -> str:
    """A number with its noun: "1 contact", "1,200 contacts"."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def near(path: Path) -> Path:
    """A path as seen from the working folder, where it lies below it."""
    here = Path.cwd()
    return path.resolve().relative_to(here) if path.resolve().is_relative_to(here) else path
