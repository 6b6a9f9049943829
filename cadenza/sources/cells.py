"""How does a cell of any type read as text?"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time
from typing import Any

import pyarrow as pa

from cadenza.sources.chunk import Chunk


def text_chunk(columns: Sequence[str], rows: Sequence[Sequence[Any]], line: int) -> Chunk:
    """Rows of cells of any types as text, numbered from ``line``; there is at least one row."""
    cells = zip(*rows, strict=True)
    table = pa.table(
        {
            name: pa.array([as_text(cell) for cell in column], pa.string())
            for name, column in zip(columns, cells, strict=True)
        }
    )
    return Chunk(table, pa.array(range(line, line + len(rows)), pa.int32()))


def as_text(cell: Any) -> str:
    """A cell as a person reads it: nothing is empty, whole numbers have no point, dates are in ISO 8601."""
    match cell:
        case None:
            return ""
        case str():
            return cell.encode("utf-8", "replace").decode() if not cell.isascii() else cell
        case bool():
            return "true" if cell else "false"
        case float():
            return "" if cell != cell else str(int(cell)) if cell.is_integer() else repr(cell)
        case datetime():
            return cell.date().isoformat() if cell.timetz() == time() else cell.isoformat(" ")
        case date() | time():
            return cell.isoformat()
    return str(cell)
