"""What rows does the first sheet of a workbook have?"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook

from cadenza.errors import SourceUnreadable
from cadenza.sources.cells import as_text, text_chunk
from cadenza.sources.chunk import CHUNK_ROWS, Chunk, Source, unique_headers


def open_workbook(path: Path) -> Source:
    """The first sheet of an XLSX, XLS or ODS file; its first row with values is the header.

    Raises:
        SourceUnreadable: the file is damaged, locked or empty.
    """
    try:
        sheet = CalamineWorkbook.from_path(str(path)).get_sheet_by_index(0)
    except (CalamineError, OSError, ValueError) as error:
        raise SourceUnreadable(
            f"{path.name} cannot be read as a workbook ({error}): save it again without a password, or as CSV."
        ) from error
    if sheet.start is None or sheet.height == 0:
        raise SourceUnreadable(f"The first sheet of {path.name} is empty: put the list there, with its header.")
    header = next(iter(sheet.iter_rows()))
    columns = unique_headers([as_text(cell) for cell in header])
    return Source(path.name, columns, lambda: _read(sheet, columns))


def _read(sheet: CalamineSheet, columns: tuple[str, ...]) -> Iterator[Chunk]:
    rows = islice(sheet.iter_rows(), 1, None)
    line = (sheet.start[0] if sheet.start else 0) + 2
    while block := list(islice(rows, CHUNK_ROWS)):
        yield text_chunk(columns, block, line)
        line += len(block)
