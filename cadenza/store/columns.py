"""How do columns get into a table fast?"""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import psycopg
import pyarrow as pa
import pyarrow.csv as pa_csv
from psycopg import errors
from sqlalchemy import Connection

from cadenza.errors import DatabaseUnavailable, DiskFull, RowsRefused
from cadenza.store.database import driver_connection

#: Rows written out in one go: while the server reads these, the next are made.
_ROWS: Final = 2_048


def copy_columns(connection: Connection, table: str, columns: pa.Table) -> None:
    """Append rows to a table by COPY; the names of the columns are the table's.

    Raises:
        UniqueViolation: a row is there already.
        DatabaseUnavailable: the server is away (transient).
        RowsRefused: the database does not take the rows for another reason.
    """
    statement = f"COPY {table} ({', '.join(columns.column_names)}) FROM STDIN (FORMAT csv)"
    blocks = columns.to_batches(max_chunksize=_ROWS)
    try:
        with (
            driver_connection(connection).cursor() as cursor,
            cursor.copy(statement.encode()) as copy,
            ThreadPoolExecutor(1) as writer,
        ):
            for written in writer.map(_written, blocks):
                copy.write(written)
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


def _written(block: pa.RecordBatch) -> memoryview:
    buffer = io.BytesIO()
    pa_csv.write_csv(block, buffer, pa_csv.WriteOptions(include_header=False))
    return buffer.getbuffer()
