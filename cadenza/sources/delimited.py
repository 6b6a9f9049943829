"""What rows does a CSV file have? Read by pyarrow where the file is sound, else by the patient reader."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from cadenza.domain.importing import RejectedRow
from cadenza.sources.chunk import CHUNK_ROWS, Chunk, Source
from cadenza.sources.dialect import Dialect, detect_dialect
from cadenza.sources.patient import MOST_LINES, read_patiently

#: Bytes that are parsed at once; a row that is longer goes to the patient reader.
_BLOCK = 8 << 20


def open_delimited(path: Path) -> Source:
    """A CSV file, in whatever dialect.

    Raises:
        SourceUnreadable: the file is missing, empty, no text, or in an encoding that cannot be told.
    """
    dialect = detect_dialect(path)
    return Source(path.name, dialect.columns, lambda: _read(path, dialect))


def _read(path: Path, dialect: Dialect) -> Iterator[Chunk]:
    next_line = dialect.first_line
    if dialect.is_sound and dialect.delimiter not in '"\r\n':
        reader = _QuickReader(path, dialect)
        try:
            yield from reader.chunks()
            return
        except pa.ArrowInvalid:
            next_line = reader.next_line
    yield from read_patiently(path, dialect, next_line)


class _QuickReader:
    """Reads with pyarrow and counts lines; gives up (ArrowInvalid) with ``next_line`` where another must go on."""

    def __init__(self, path: Path, dialect: Dialect) -> None:
        self._path = path
        self._dialect = dialect
        self._invalid: list[pa_csv.InvalidRow] = []
        #: The line of the first row that was not yielded.
        self.next_line = dialect.first_line
        #: Rows of the file that were yielded or skipped, the header and what stands before it included.
        self._records = dialect.skipped_lines + 1

    def chunks(self) -> Iterator[Chunk]:
        names = [str(number) for number in range(len(self._dialect.columns))]
        try:
            batches = self._open(names)
        except pa.ArrowInvalid as error:
            if "Empty CSV" in str(error):
                return
            raise
        for batch in batches:
            for start in range(0, batch.num_rows, CHUNK_ROWS):
                yield self._chunk(batch.slice(start, CHUNK_ROWS))
        if self._invalid:
            yield self._chunk(pa.RecordBatch.from_arrays([pa.array([], pa.string()) for _ in names], names))

    def _open(self, names: list[str]) -> pa_csv.CSVStreamingReader:
        return pa_csv.open_csv(
            self._path,
            read_options=pa_csv.ReadOptions(
                use_threads=False,
                block_size=_BLOCK,
                skip_rows=self._dialect.skipped_lines,
                column_names=names,
                skip_rows_after_names=1,
                encoding="utf8" if self._dialect.encoding == "utf-8-sig" else self._dialect.encoding,
            ),
            parse_options=pa_csv.ParseOptions(
                delimiter=self._dialect.delimiter,
                newlines_in_values=True,
                ignore_empty_lines=False,
                invalid_row_handler=self._keep_out,
            ),
            convert_options=pa_csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False
            ),
        )

    def _keep_out(self, row: pa_csv.InvalidRow) -> str:
        self._invalid.append(row)
        return "skip"

    def _chunk(self, batch: pa.RecordBatch) -> Chunk:
        """The batch, with the invalid rows that stood between its rows or right after them."""
        breaks = self._breaks(batch)
        if breaks is not None and (pc.max(breaks).as_py() or 0) > MOST_LINES:
            raise pa.ArrowInvalid("a cell of that many lines is an unclosed quote")
        invalid: list[pa_csv.InvalidRow] = []
        end = self._records + batch.num_rows
        while self._invalid and self._invalid[0].number <= end + 1:
            invalid.append(self._invalid.pop(0))
            end += 1
        return self._number(batch, invalid, breaks)

    def _breaks(self, batch: pa.RecordBatch) -> pa.Array | None:
        """The line breaks inside each row, where there may be some."""
        if not self._dialect.has_quotes or not batch.num_rows:
            return None
        total: pa.Array = None
        for column in batch.columns:
            found = pc.count_substring(column, "\n")
            total = found if total is None else pc.add(total, found)
        return total

    def _number(self, batch: pa.RecordBatch, invalid: list[pa_csv.InvalidRow], breaks: pa.Array | None) -> Chunk:
        count = batch.num_rows + len(invalid)
        is_invalid = np.zeros(count, dtype=bool)
        is_invalid[np.array([row.number - self._records - 1 for row in invalid], dtype=np.intp)] = True
        taken = np.ones(count, dtype=np.int64)
        if breaks is not None:
            taken[~is_invalid] += breaks.to_numpy(zero_copy_only=False)
        taken[is_invalid] += np.array([row.text.count("\n") for row in invalid], dtype=np.int64)
        lines = self.next_line + np.cumsum(taken) - taken
        expected = len(self._dialect.columns)
        rejected = tuple(
            RejectedRow(int(line), "RAGGED_ROW", f"{row.actual_columns} cells instead of {expected}")
            for line, row in zip(lines[is_invalid], invalid, strict=True)
        )
        self.next_line += int(taken.sum())
        self._records += count
        table = pa.Table.from_arrays(batch.columns, names=list(self._dialect.columns))
        return Chunk(table, pa.array(lines[~is_invalid], pa.int32()), rejected)
