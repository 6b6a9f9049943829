"""How do columns get into a table fast?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import numpy as np
import psycopg
import pyarrow as pa
import pyarrow.compute as pc
from psycopg import errors
from sqlalchemy import Connection

from cadenza.errors import DatabaseUnavailable, DiskFull, RowsRefused
from cadenza.store.database import driver_connection

#: Rows written out in one go: while the server reads these, the next are made.
_ROWS: Final = 8_192

#: PostgreSQL's binary format of COPY: what comes before the rows and behind them, and a field without a value.
_HEADER: Final = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_TRAILER: Final = b"\xff\xff"
_NULL: Final = b"\xff\xff\xff\xff"

#: By PostgreSQL's name of a type: the Arrow type that is written as it, and how numbers look on the wire.
_NUMBERS: Final[Mapping[str, tuple[pa.DataType, str]]] = {
    "bigint": (pa.int64(), ">i8"),
    "integer": (pa.int32(), ">i4"),
    "timestamp with time zone": (pa.timestamp("us", "UTC"), ">i8"),
    "boolean": (pa.bool_(), "?"),
}
#: What stands before the words of a type.
_PREFIXES: Final[Mapping[str, bytes]] = {"text": b"", "jsonb": b"\x01"}
#: Microseconds from 1970 to 2000, where PostgreSQL counts from.
_EPOCH: Final = 946_684_800_000_000


def copy_columns(connection: Connection, table: str, columns: pa.Table) -> None:
    """Append rows to a table by COPY; the names of the columns are the table's.

    In the binary format: the server spends more time on reading instants as words than on storing them.

    Raises:
        UniqueViolation: a row is there already.
        DatabaseUnavailable: the server is away (transient).
        RowsRefused: the database does not take the rows for another reason.
    """
    statement = f"COPY {table} ({', '.join(columns.column_names)}) FROM STDIN (FORMAT binary)"
    types = _types_of(connection, table)
    blocks = [block for block in columns.to_batches(max_chunksize=_ROWS) if len(block)]
    try:
        with (
            driver_connection(connection).cursor() as cursor,
            cursor.copy(statement.encode()) as copy,
            ThreadPoolExecutor(1) as writer,
        ):
            written = writer.map(lambda block: _written(block, types), blocks)
            copy.write(_HEADER)
            for piece in written:
                copy.write(piece)
            copy.write(_TRAILER)
    except errors.UniqueViolation:
        raise
    except errors.DiskFull as error:
        raise DiskFull from error
    except psycopg.OperationalError as error:
        raise DatabaseUnavailable(
            f"The database does not answer ({type(error).__name__}): check that PostgreSQL runs."
        ) from error
    except psycopg.Error as error:
        # Its own words show the row, addresses and all.
        where = error.diag.column_name or error.diag.constraint_name or error.sqlstate
        raise RowsRefused(f"The database refused rows for {table} ({where}). Please report it.") from None


def _types_of(connection: Connection, table: str) -> dict[str, str]:
    query = "SELECT attname, CAST(atttypid AS regtype)::text FROM pg_attribute WHERE attrelid = %s::regclass"
    return dict(driver_connection(connection).execute(query, [table]).fetchall())


def _written(block: pa.RecordBatch, types: Mapping[str, str]) -> bytes:
    """Rows in the binary format: the number of fields, then each field's length and value."""
    fields: Iterable[pa.Array] = (
        _field(column, types[name]) for name, column in zip(block.schema.names, block.columns, strict=True)
    )
    rows = pc.binary_join_element_wise(pa.scalar(block.num_columns.to_bytes(2, "big")), *fields, b"")
    _, offsets, data = rows.buffers()
    start, end = np.frombuffer(offsets, dtype=np.int32)[[0, len(rows)]]
    return memoryview(data)[start:end].tobytes()


def _field(column: pa.Array, kind: str) -> pa.Array:
    if kind in _NUMBERS:
        arrow, wire = _NUMBERS[kind]
        column = column.cast(arrow)
        values = column.cast(pa.int64()) if pa.types.is_timestamp(arrow) else column
        numbers = values.fill_null(False if pa.types.is_boolean(arrow) else 0).to_numpy(zero_copy_only=False)
        field = _sized(numbers - _EPOCH if pa.types.is_timestamp(arrow) else numbers, wire)
    else:
        prefix = _PREFIXES[kind]
        words = column.cast(pa.string()).fill_null("").cast(pa.binary())
        lengths = pc.binary_length(words).to_numpy(zero_copy_only=False) + len(prefix)
        field = pc.binary_join_element_wise(_wire(lengths.astype(">i4")), pa.scalar(prefix), words, b"")
    return field if not column.null_count else pc.if_else(column.is_valid(), field, pa.scalar(_NULL))


def _sized(numbers: np.ndarray, wire: str) -> pa.Array:
    """Numbers with their lengths before them."""
    records = np.empty(len(numbers), dtype=[("length", ">i4"), ("value", wire)])
    records["length"] = records.dtype["value"].itemsize
    records["value"] = numbers
    return _wire(records)


def _wire(records: np.ndarray) -> pa.Array:
    """Records of numbers as pieces of binary data."""
    width = records.dtype.itemsize
    return pa.Array.from_buffers(pa.binary(width), len(records), [None, pa.py_buffer(records)]).cast(pa.binary())
