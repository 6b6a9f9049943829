"""What rows does a damaged CSV file have? Slower, but one bad row never takes others with it."""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pyarrow as pa

from cadenza.domain.importing import LONGEST_CELL, RejectedRow
from cadenza.sources.chunk import CHUNK_ROWS, Chunk
from cadenza.sources.dialect import Dialect

#: Lines that one row may span; more means that a quote was not closed.
MOST_LINES = 100

#: Rows of one chunk: as many as the quick reader's, unless they are huge.
_CHUNK_CHARACTERS = 64 << 20


def read_patiently(path: Path, dialect: Dialect, first_line: int) -> Iterator[Chunk]:
    """The rows from a line on; rows that are ragged, unclosed or no text are rejected one by one."""
    errors = "surrogateescape" if dialect.encoding.startswith("utf-8") else "replace"
    with path.open(encoding=dialect.encoding, errors=errors, newline="") as file:
        rows: list[list[str]] = []
        lines: list[int] = []
        rejected: list[RejectedRow] = []
        characters = 0
        for line, row in _records(islice(file, first_line - 1, None), dialect, first_line):
            if isinstance(row, RejectedRow):
                rejected.append(row)
            else:
                rows.append(row)
                lines.append(line)
                characters += sum(map(len, row))
            if len(rows) + len(rejected) >= CHUNK_ROWS or characters > _CHUNK_CHARACTERS:
                yield _chunk(rows, lines, rejected, dialect)
                rows, lines, rejected, characters = [], [], [], 0
        if rows or rejected:
            yield _chunk(rows, lines, rejected, dialect)


def _chunk(rows: list[list[str]], lines: list[int], rejected: list[RejectedRow], dialect: Dialect) -> Chunk:
    columns = list(zip(*rows, strict=True)) if rows else [() for _ in dialect.columns]
    table = pa.table(
        {name: pa.array(column, pa.string()) for name, column in zip(dialect.columns, columns, strict=True)}
    )
    return Chunk(table, pa.array(lines, pa.int32()), tuple(rejected))


class _Lines:
    """Lines that a row can be read from, and taken back from."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines
        self._ahead: deque[str] = deque()
        #: The lines of the present row.
        self.taken: list[str] = []
        self.is_over = False

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        if len(self.taken) >= MOST_LINES:
            self.is_over = True
            raise StopIteration
        line = self._ahead.popleft() if self._ahead else next(self._lines, None)
        if line is None:
            self.is_over = True
            raise StopIteration
        self.taken.append(line)
        return line

    def begin(self) -> None:
        """A new row."""
        self.taken = []
        self.is_over = False

    def keep_first(self) -> None:
        """Take back all but the first line of the present row."""
        self._ahead.extendleft(reversed(self.taken[1:]))
        del self.taken[1:]


def _records(source: Iterator[str], dialect: Dialect, line: int) -> Iterator[tuple[int, list[str] | RejectedRow]]:
    """Every row with the line where it starts."""
    lines = _Lines(source)
    width = len(dialect.columns)
    while True:
        lines.begin()
        try:
            row = next(csv.reader(lines, delimiter=dialect.delimiter, strict=True), None)
        except csv.Error as error:
            yield line, _damaged(lines, dialect, line, str(error))
        else:
            if row is None:
                return
            yield line, _judge(row, line, width)
        line += len(lines.taken)


def _damaged(lines: _Lines, dialect: Dialect, line: int, problem: str) -> list[str] | RejectedRow:
    """What to make of a row that breaks the rules of quoting; only its first line is to blame."""
    if len(lines.taken) > 1 or lines.is_over:
        lines.keep_first()
        return RejectedRow(line, "UNCLOSED_QUOTE", "a quote opens in this line and is not closed where a cell ends")
    if "field limit" in problem:
        return RejectedRow(line, "CELL_TOO_LONG", f"a cell of more than {csv.field_size_limit()} characters")
    return _judge(next(csv.reader(lines.taken, delimiter=dialect.delimiter)), line, len(dialect.columns))


def _judge(row: list[str], line: int, width: int) -> list[str] | RejectedRow:
    if not row:
        return [""] * width
    if len(row) != width:
        return RejectedRow(line, "RAGGED_ROW", f"{len(row)} cells instead of {width}")
    for cell in row:
        if len(cell) > LONGEST_CELL:
            return RejectedRow(line, "CELL_TOO_LONG", f"a cell of {len(cell)} characters, {LONGEST_CELL} at most")
        if not cell.isascii() and any("\ud800" <= character <= "\udfff" for character in cell):
            return RejectedRow(line, "NOT_TEXT", "bytes that are not UTF-8")
    return row
