"""How do the rows of a query become a frame?"""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any, Final

import pandas as pd
import pyarrow as pa
import pyarrow.csv as pa_csv
from sqlalchemy import Connection, text
from sqlalchemy.dialects import postgresql

from cadenza.store.database import driver_connection

FLAG: Final = pa.bool_()
NUMBER: Final = pa.int64()
INSTANT: Final = pa.timestamp("us", tz="UTC")
WORDS: Final = pa.string()

_WORDS_IN_PANDAS: Final = pd.StringDtype(na_value=float("nan"))


def copy_frame(
    connection: Connection,
    statement: str,
    parameters: Mapping[str, Any],
    columns: Mapping[str, pa.DataType],
    never_missing: frozenset[str] = frozenset(),
) -> pd.DataFrame:
    """The rows of a query as a frame of these columns, by COPY: five times as fast as fetching them.

    Numbers are Int64, which may be missing, except those that are ``never_missing``: int64. Flags are never missing.
    """
    compiled = text(statement).compile(dialect=postgresql.psycopg.dialect())  # type: ignore[no-untyped-call]
    buffer = io.BytesIO()
    copy = f"COPY ({compiled}) TO STDOUT (FORMAT csv, HEADER true)"
    with driver_connection(connection).cursor() as cursor, cursor.copy(copy, parameters) as rows:
        for block in rows:
            buffer.write(block)
    buffer.seek(0)
    table = pa_csv.read_csv(
        buffer,
        parse_options=pa_csv.ParseOptions(newlines_in_values=True),
        convert_options=pa_csv.ConvertOptions(
            column_types=dict(columns),
            include_columns=list(columns),
            true_values=["t"],
            false_values=["f"],
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        ),
    )
    frame: pd.DataFrame = table.to_pandas(types_mapper={pa.string(): _WORDS_IN_PANDAS}.get)
    for name, kind in columns.items():
        if kind == NUMBER and name not in never_missing:
            frame[name] = table.column(name).to_pandas(types_mapper={pa.int64(): pd.Int64Dtype()}.get)
    return frame
