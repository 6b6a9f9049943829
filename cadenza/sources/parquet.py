"""What rows does a Parquet file have?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from cadenza.errors import SourceUnreadable
from cadenza.sources.cells import as_text
from cadenza.sources.chunk import CHUNK_ROWS, Chunk, Source, unique_headers


def open_parquet(path: Path) -> Source:
    """A Parquet file; its rows are numbered from 1.

    Raises:
        SourceUnreadable: the file is missing or damaged.
    """
    try:
        columns = unique_headers(pq.read_schema(path).names)
    except (pa.ArrowInvalid, OSError) as error:
        raise SourceUnreadable(f"{path.name} cannot be read as Parquet ({error}): write it again.") from error
    return Source(path.name, columns, lambda: _read(path, columns))


def _read(path: Path, columns: tuple[str, ...]) -> Iterator[Chunk]:
    line = 1
    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=CHUNK_ROWS):
                yield _chunk(batch, columns, line)
                line += batch.num_rows
    except (pa.ArrowInvalid, OSError) as error:
        raise SourceUnreadable(f"{path.name} is damaged after row {line - 1} ({error}): write it again.") from error


def _chunk(batch: pa.RecordBatch, columns: tuple[str, ...], line: int) -> Chunk:
    """A batch of any types as text, its rows numbered from ``line``."""
    table = pa.Table.from_arrays([_text(column) for column in batch.columns], names=list(columns))
    return Chunk(table, pa.array(range(line, line + batch.num_rows), pa.int32()))


def _text(column: pa.Array) -> pa.Array:
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    kind = column.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_integer(kind):
        return pc.fill_null(pc.cast(column, pa.string()), "")
    return pa.array([as_text(cell) for cell in column.to_pylist()], pa.string())
