"""What do readers of sources hand on?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pyarrow as pa

from cadenza.domain.importing import RejectedRow

#: Rows of one chunk: memory stays flat however long the source is.
CHUNK_ROWS = 100_000


@dataclass(frozen=True, eq=False)
class Chunk:
    """Some rows of a source, as text: empty means no value."""

    #: One text column per header, in order, without nulls.
    rows: pa.Table
    #: The line where each row starts, from 1 (int32).
    lines: pa.Array
    #: Rows that could not be read.
    rejected: tuple[RejectedRow, ...] = ()
    #: What its rows are called where they come from, if lines tell nobody which they are.
    names: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Source:
    """A list of contacts that can be read once, chunk by chunk."""

    #: What to call it in reports: a file name, never a path or a secret.
    name: str
    #: The headers, each of them once.
    columns: tuple[str, ...]
    #: Opens the source and yields its chunks.
    read: Callable[[], Iterator[Chunk]]


def unique_headers(headers: list[str]) -> tuple[str, ...]:
    """The headers, trimmed, nameless ones numbered and repeated ones told apart: "Email", "Email (2)"."""
    seen: set[str] = set()
    unique = []
    for number, header in enumerate(headers, start=1):
        name = " ".join(header.split()) or f"column {number}"
        candidate, copy = name, 1
        while candidate in seen:
            copy += 1
            candidate = f"{name} ({copy})"
        seen.add(candidate)
        unique.append(candidate)
    return tuple(unique)
