"""Where does a list of contacts come from, and how is it opened?"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path

from prefect import task
from prefect.cache_policies import NO_CACHE

from cadenza.errors import SourceUnreadable
from cadenza.runtime import current
from cadenza.sources.cells import text_chunk
from cadenza.sources.chunk import CHUNK_ROWS, Chunk, Source, unique_headers
from cadenza.sources.delimited import open_delimited
from cadenza.store import queries

WORKBOOKS = (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods")
PARQUET = (".parquet", ".pq")


@task(cache_policy=NO_CACHE)
def read_source(source: str, query: str | None = None) -> Source:
    """Open a file of contacts (CSV in any dialect, workbook, Parquet), or with ``query`` a database.

    It is read chunk by chunk, later. With a query the source is ``database`` (Cadenza's own), ``env:NAME`` (an
    environment variable with a URL) or a URL without a password.

    Raises:
        SourceUnreadable: the source is missing, empty, damaged, or in an unknown encoding.
        WrongUse: with a query, the source names no database.
    """
    if query is not None:
        return _open_query(source, query)
    path = Path(source).expanduser()
    if not path.is_file():
        raise SourceUnreadable(f"There is no file {path.name} to import: check the path.")
    if path.suffix.lower() in WORKBOOKS:
        from cadenza.sources.workbook import open_workbook

        return open_workbook(path)
    if path.suffix.lower() in PARQUET:
        from cadenza.sources.parquet import open_parquet

        return open_parquet(path)
    return open_delimited(path)


def _open_query(source: str, query: str) -> Source:
    engine = queries.source_engine(source, current().engine)
    columns = unique_headers(queries.query_columns(engine, query))

    def read() -> Iterator[Chunk]:
        blocks = queries.query_rows(engine, query, CHUNK_ROWS)
        for line, rows in zip(count(1, CHUNK_ROWS), blocks, strict=False):
            yield text_chunk(columns, rows, line)

    return Source("a query", columns, read)
