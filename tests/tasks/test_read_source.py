"""Where does a list of contacts come from, and how is it opened?"""

from __future__ import annotations

import csv
import io
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from cadenza.errors import SourceUnreadable, WrongUse
from cadenza.sources import delimited, patient
from cadenza.store import database
from tasks.read_source import read_source

EXPECTED = [
    ["ana@x.example", "Zoë", "München\nSchwabing", "007", "NA"],
    ["ben@x.example", "None", 'a "quoted", cell; 50%', "+49 1", ""],
]
HEADER = ["Email", "First Name", "City", "Code", "Note"]


def read(path: Path, query: str | None = None):
    """Headers, rows, lines and rejected rows of a source."""
    source = read_source.fn(str(path), query)
    rows, lines, rejected = [], [], []
    for chunk in source.read():
        rows += [list(row.values()) for row in chunk.rows.to_pylist()]
        lines += chunk.lines.to_pylist()
        rejected += [(row.line, row.code) for row in chunk.rejected]
    return list(source.columns), rows, lines, rejected


def written(rows, delimiter=",", end="\r\n") -> str:
    buffer = io.StringIO(newline="")
    csv.writer(buffer, delimiter=delimiter, lineterminator=end).writerows(rows)
    return buffer.getvalue()


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_every_dialect_reads_the_same(tmp_path, encoding, delimiter, end):
    path = tmp_path / "list.csv"
    path.write_bytes(written([HEADER, *EXPECTED], delimiter, end).encode(encoding))
    assert read(path) == (HEADER, EXPECTED, [2, 4], [])


@pytest.mark.parametrize("start", ["sep=;\r\n", "\ufeffsep=;\r\n", "SEP=;\n", "\r\nsep=;\r\n", "\n\n"])
def test_what_stands_before_the_header_is_not_a_row(tmp_path, start):
    path = tmp_path / "list.csv"
    path.write_text(start + written([HEADER, *EXPECTED], ";"), encoding="utf-8", newline="")
    before = start.count("\n")
    assert read(path) == (HEADER, EXPECTED, [before + 2, before + 4], [])


def test_an_umlaut_late_in_a_long_file_decides_its_encoding(tmp_path):
    path = tmp_path / "list.csv"
    path.write_bytes(b"Email,City\n" + b"a@x.example,Rome\n" * 100_000 + "b@x.example,Köln\n".encode("cp1252"))
    _, rows, lines, _ = read(path)
    assert (rows[-1], lines[-1]) == (["b@x.example", "Köln"], 100_002)


def test_ragged_rows_are_kept_out_with_their_line(tmp_path):
    path = tmp_path / "list.csv"
    path.write_text('Email,City\na@x,"Aix\nles"\nb@x\n\nc@x,C,extra\nd@x,D\ne@x', encoding="utf-8")
    _, rows, lines, rejected = read(path)
    assert rows == [["a@x", "Aix\nles"], ["", ""], ["d@x", "D"]]
    assert (lines, rejected) == ([2, 5, 7], [(4, "RAGGED_ROW"), (6, "RAGGED_ROW"), (8, "RAGGED_ROW")])


def test_ragged_rows_are_numbered_across_blocks(tmp_path, monkeypatch):
    monkeypatch.setattr(delimited, "_BLOCK", 1 << 12)
    lines = ["sep=,", "Email,City"] + [f"p{n}@x,C" if n % 97 else f"p{n}@x" for n in range(1, 5_000)]
    path = tmp_path / "list.csv"
    path.write_text("\n".join(lines), encoding="utf-8")
    _, rows, numbers, rejected = read(path)
    assert all(lines[number - 1] == ",".join(row) for number, row in zip(numbers, rows, strict=True))
    assert [line for line, _ in rejected] == [n + 2 for n in range(1, 5_000) if n % 97 == 0]


def test_an_unclosed_quote_costs_one_row(tmp_path):
    path = tmp_path / "list.csv"
    path.write_text('Email,City\na@x,A\nb@x,"B\nc@x,C\nd@x,"D ""x"""\n', encoding="utf-8")
    _, rows, lines, rejected = read(path)
    assert rows == [["a@x", "A"], ["c@x", "C"], ["d@x", 'D "x"']]
    assert (lines, rejected) == ([2, 4, 5], [(3, "UNCLOSED_QUOTE")])


def test_two_unclosed_quotes_do_not_swallow_what_is_between(tmp_path):
    rows = [f"p{n}@x,C" for n in range(1_000)]
    rows[100] = 'p100@x,"C'
    rows[800] = 'p800@x,"C'
    path = tmp_path / "list.csv"
    path.write_text("\n".join(["Email,City", *rows, ""]), encoding="utf-8")
    _, found, _, rejected = read(path)
    assert (len(found), rejected) == (998, [(102, "UNCLOSED_QUOTE"), (802, "UNCLOSED_QUOTE")])


def test_a_line_of_another_encoding_costs_one_row(tmp_path):
    path = tmp_path / "list.csv"
    path.write_bytes("Email,City\na@x,Köln\nb@x,Zürich\n".encode() + b"c@x,K\xf6ln\n" + b"d@x,Ulm\n")
    _, rows, _, rejected = read(path)
    assert (rows, rejected) == ([["a@x", "Köln"], ["b@x", "Zürich"], ["d@x", "Ulm"]], [(4, "NOT_TEXT")])


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "is empty"),
        (b"\xef\xbb\xbf\r\n", "is empty"),
        (bytes(range(256)) * 100, "is not a text file"),
        (
            "Email,City\na@x,Köln".encode("shift_jis", "replace") + b"\x81\x90\x9d",
            "encoding of list.csv cannot be told",
        ),
    ],
)
def test_a_file_that_is_no_list_is_refused(tmp_path, content, complaint):
    path = tmp_path / "list.csv"
    path.write_bytes(content)
    with pytest.raises(SourceUnreadable, match=complaint):
        read(path)


@pytest.mark.parametrize("name", ["gone.csv", "gone.xlsx", "gone.parquet"])
def test_a_missing_file_is_refused(tmp_path, name):
    with pytest.raises(SourceUnreadable, match="There is no file gone"):
        read(tmp_path / name)


@pytest.mark.parametrize("name", ["damaged.xlsx", "damaged.parquet"])
def test_a_damaged_file_is_refused(tmp_path, name):
    (tmp_path / name).write_bytes(b"PK\x03\x04 no more")
    with pytest.raises(SourceUnreadable, match="damaged"):
        read(tmp_path / name)


def test_a_header_without_rows_has_no_rows(tmp_path):
    path = tmp_path / "list.csv"
    path.write_text("Email,City\n", encoding="utf-8")
    assert read(path) == (["Email", "City"], [], [], [])


def test_headers_are_told_apart(tmp_path):
    path = tmp_path / "list.csv"
    path.write_text('Email,Email," First\nName ",,\na,b,c,d,e\n', encoding="utf-8")
    columns, rows, lines, _ = read(path)
    assert columns == ["Email", "Email (2)", "First Name", "column 4", "column 5"]
    assert (rows, lines) == ([["a", "b", "c", "d", "e"]], [3])


def test_parquet_reads_as_text(tmp_path):
    path = tmp_path / "list.parquet"
    pq.write_table(
        pa.table(
            {
                "Email": ["a@x", None],
                "n": [7, None],
                "f": [4915112345678.0, 1.5],
                "on": [date(2026, 3, 2), None],
                "b": [True, None],
                "category": pa.array(["x", None]).dictionary_encode(),
                "tags": [["a"], None],
            }
        ),
        path,
    )
    _, rows, lines, _ = read(path)
    assert rows == [["a@x", "7", "4915112345678", "2026-03-02", "true", "x", "['a']"], ["", "", "1.5", "", "", "", ""]]
    assert lines == [1, 2]


def test_a_query_on_the_own_database_reads_as_text(runtime):
    query = """SELECT 'a:b@x' AS "Email", 7 AS n, NULL AS nothing, TIMESTAMP '2026-03-02 10:00' AS at;"""
    columns, rows, lines, _ = read("database", query)
    assert (columns, rows, lines) == (["Email", "n", "nothing", "at"], [["a:b@x", "7", "", "2026-03-02 10:00:00"]], [1])


def test_a_query_cannot_write(runtime):
    with pytest.raises(SourceUnreadable, match="gives no rows"):
        read("database", "DELETE FROM contacts RETURNING email")


def test_a_query_on_another_database(tmp_path, runtime, monkeypatch):
    url = f"sqlite:///{tmp_path / 'crm.db'}"
    other = database.create_engine(url)
    with other.begin() as connection:
        connection.execute(text("CREATE TABLE people (mail text)"))
        connection.execute(text("INSERT INTO people VALUES ('a@x'), ('b@x')"))
    monkeypatch.setenv("CRM_URL", url)
    assert read("env:CRM_URL", "SELECT mail FROM people")[1] == [["a@x"], ["b@x"]]
    assert read(url, "SELECT mail FROM people")[1] == [["a@x"], ["b@x"]]
    with pytest.raises(SourceUnreadable, match="no such table"):
        read(url, "SELECT mail FROM persons")


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ("postgresql://me:secret@db/crm", "has a password"),
        ("env:NO_SUCH_VARIABLE", "There is no environment variable"),
        ("list.csv", "the source is 'database', env:NAME or the URL"),
        ("oracle://db", "whose driver is installed"),
    ],
)
def test_a_query_needs_a_database_and_keeps_its_secret(runtime, source, complaint):
    with pytest.raises(WrongUse, match=complaint) as caught:
        read(source, "SELECT 1")
    assert "secret" not in str(caught.value)


cells = st.text(alphabet="ab;,\"'\n\r\tü=+ ", max_size=6)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.tuples(cells, cells, cells), min_size=1, max_size=8), delimiter=st.sampled_from(",;\t"))
def test_quick_and_patient_reader_agree(tmp_path, rows, delimiter):
    path = tmp_path / "list.csv"
    path.write_bytes(written([HEADER[:3], *rows], delimiter).encode())
    expected = [list(row) for row in rows]
    dialect = delimited.detect_dialect(path)
    if dialect.delimiter != delimiter:
        return
    slow = [row for chunk in patient.read_patiently(path, dialect, 2) for row in chunk.rows.to_pylist()]
    assert [list(row.values()) for row in slow] == expected
    assert read(path)[1] == expected


def test_lines_are_right_below_a_header_of_two_lines(tmp_path):
    path = tmp_path / "list.csv"
    path.write_text('sep=,\nEmail,"City\nor town"\na@x,A\nb@x\nc@x,C\n', encoding="utf-8")
    _, _, lines, rejected = read(path)
    assert (lines, rejected) == ([4, 6], [(5, "RAGGED_ROW")])
