"""Columns arrive in a table as they were, whatever their values are and however many rows there are."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pytest
from sqlalchemy import text

from cadenza.errors import RowsRefused
from cadenza.store import columns, database

TABLE = "CREATE TABLE kept (id bigint, small integer, at timestamptz, is_so boolean, words text, facts jsonb)"


@pytest.fixture
def kept(engine):
    """Copies columns into a table and gives back what is there."""
    with database.transaction(engine) as connection:
        connection.execute(text(TABLE))

    def copy(given: pa.Table) -> list[tuple[object, ...]]:
        with database.transaction(engine) as connection:
            columns.copy_columns(connection, "kept", given)
            return [tuple(row) for row in connection.execute(text(f"SELECT {', '.join(given.column_names)} FROM kept"))]

    return copy


def test_values_of_every_kind_arrive(kept):
    rows = [
        (1, -5, datetime(2026, 3, 2, 9, 0, 0, 123456, tzinfo=UTC), True, 'Zoë, "x"\t\n\\N', {"a": "ü"}),
        (-(2**62), 2**31 - 1, datetime(1905, 1, 1, tzinfo=UTC), False, "", {}),
        (None, None, None, None, None, None),
        (0, 0, datetime(1970, 1, 1, tzinfo=UTC), False, "x" * 100_000, {"b": "'"}),
    ]
    ids, small, at, flags, words, facts = zip(*rows, strict=True)
    given = pa.table(
        {
            "small": pa.array(small, pa.int64()),
            "id": pa.array(ids, pa.int64()),
            "at": pa.array(at, pa.timestamp("us", "UTC")),
            "is_so": pa.array(flags),
            "words": pa.array(words).dictionary_encode(),
            "facts": pa.array([None if fact is None else json.dumps(fact) for fact in facts]),
        }
    )
    assert kept(given) == [(small, id_, at, is_so, words, facts) for id_, small, at, is_so, words, facts in rows]


@pytest.mark.parametrize("rows", [0, 1, columns._ROWS, columns._ROWS + 1])
def test_every_row_arrives_in_its_order(kept, rows):
    numbers = np.arange(rows)
    words = pa.array([f"row {number}" if number % 3 else None for number in numbers])
    assert kept(pa.table({"id": numbers, "words": words})) == [
        (number, f"row {number}" if number % 3 else None) for number in numbers
    ]


def test_a_zero_byte_is_refused_without_the_row_s_words(kept):
    with pytest.raises(RowsRefused, match="kept") as refused:
        kept(pa.table({"id": [1], "words": ["secret\0"]}))
    assert "secret" not in str(refused.value)
