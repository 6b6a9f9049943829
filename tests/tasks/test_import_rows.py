"""How do the rows of a source become contacts on a list?"""

from __future__ import annotations

import csv
import io

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from cadenza.domain.enrollment import Segment
from cadenza.errors import SourceContractBroken, SourceUnreadable, WrongUse
from cadenza.sources import chunk, delimited
from cadenza.sources.addresses import normalize_address, normalize_addresses
from cadenza.store import database
from cadenza.store.imports import import_rows as noted_rows
from cadenza.store.lists import count_members
from tasks.import_rows import import_rows
from tasks.read_source import read_source


@pytest.fixture
def load(runtime, tmp_path):
    """Import a text, or rows, as a CSV file."""

    def load(content: str | list[list[str]], list_name: str = "Fair", mapping: dict[str, str] | None = None):
        if not isinstance(content, str):
            buffer = io.StringIO(newline="")
            csv.writer(buffer).writerows(content)
            content = buffer.getvalue()
        path = tmp_path / "list.csv"
        path.write_bytes(content.encode())
        return import_rows.fn(read_source.fn(str(path)), list_name, mapping)

    return load


@pytest.fixture
def fetch(runtime):
    def fetch(query: str):
        with database.transaction(runtime.engine) as connection:
            return [tuple(row) for row in connection.execute(text(query))]

    return fetch


def test_who_bounced_or_opted_out_elsewhere_is_not_written_to_here(load, fetch):
    rows = [
        ["Email", "First Name", "Unsubscribed from all email", "Email hard bounce reason"],
        ["one@x.example", "One", "Yes", ""],
        ["two@x.example", "Two", "false", "UNKNOWN_USER"],
        ["three@x.example", "Three", "No", " "],
        ["not an address", "Four", "true", ""],
    ]
    barred = "SELECT first_name, opted_out_at IS NOT NULL, bounced_at IS NOT NULL FROM contacts ORDER BY id"
    expected = [("One", True, False), ("Two", False, True), ("Three", False, False), ("Four", False, False)]
    assert load(rows).barred == 2
    assert fetch(barred) == expected
    # A later list may say nothing of it: what was known stays.
    again = load([["Email", "Opted out", "Bounced"], ["one@x.example", "", ""], ["two@x.example", "no", "no"]])
    assert again.barred == 0
    assert fetch(barred) == expected
    assert fetch("SELECT value, reason, source FROM suppressions ORDER BY value DESC") == [
        ("two@x.example", "hard_bounce", "import 1"),
        ("one@x.example", "opted_out", "import 1"),
    ]


def test_rows_become_contacts_on_a_list(load, fetch, runtime):
    report = load(
        "E-Mail;Vorname;Nachname;Firma;Land;Messestand Nr.\n"
        "Jörg@MÜLLER.example;Jörg;Müller;Müller GmbH;Deutschland;007\n"
        " ANA@x.example ;None;NA;müller gmbh;;+5\n"
    )
    assert (report.rows, report.imported, report.merged, report.rejected) == (2, 2, 0, 0)
    assert report.mapping["Messestand Nr."] == "messestand_nr"
    assert fetch("SELECT email, email_normalized, first_name, last_name, country, properties FROM contacts") == [
        ("Jörg@MÜLLER.example", None, "Jörg", "Müller", "Deutschland", {"messestand_nr": "007"}),
        ("ANA@x.example", "ana@x.example", "None", "NA", None, {"messestand_nr": "+5"}),
    ]
    assert fetch("SELECT name FROM companies") == [("Müller GmbH",)]
    with database.transaction(runtime.engine) as connection:
        assert count_members(connection, Segment(name="Fair")) == 2


def test_the_same_address_is_one_contact_and_later_values_win(load, fetch):
    report = load(
        "Email,First Name,City,Note\n"
        "a@x.example,Ana,Rome,first\n"
        "b@x.example,Ben,,\n"
        "A@X.example,,Turin,\n"
        "a@x.example,Anna,,third\n"
    )
    assert (report.imported, report.merged) == (2, 2)
    assert fetch("SELECT first_name, city, properties FROM contacts ORDER BY id") == [
        ("Anna", "Turin", {"note": "third"}),
        ("Ben", None, {}),
    ]


def test_merged_rows_are_noted_with_their_line_and_contact(load, runtime):
    first = load("Email\na@x.example\nb@x.example\nA@x.example\n")
    second = load("Email\na@x.example\nc@x.example\nC@x.example\n", "Webinar")
    with database.transaction(runtime.engine) as connection:
        notes = [(row.line, row.outcome, row.code) for row in noted_rows(connection, first.import_id)]
        assert notes == [(4, "merged", "SAME_IN_SOURCE")]
        notes = [(row.line, row.outcome, row.code) for row in noted_rows(connection, second.import_id)]
        assert notes == [(2, "merged", "ALREADY_KNOWN"), (4, "merged", "SAME_IN_SOURCE")]
        assert all(row.contact_id for row in noted_rows(connection, second.import_id))
        assert count_members(connection, Segment(name="Webinar")) == 2


def test_an_import_again_changes_nothing_but_what_is_new(load, fetch):
    rows = "Email,Name,Record ID\na@x.example,A,\n,B,17\n,C,\nnot an address,D,\n"
    content = rows + "b@x.example,,\nc@x.example,,\n"
    first, again = load(content), load(content)
    assert (first.imported, first.merged, first.without_address) == (6, 0, 3)
    assert (again.imported, again.merged) == (0, 6)
    assert fetch("SELECT count(*) FROM contacts") == [(6,)]


def test_an_empty_cell_never_erases(load, fetch):
    load("Email,First Name,Note\na@x.example,Ana,x\n")
    load("Email,First Name,Note\na@x.example,,\n")
    assert fetch("SELECT first_name, properties FROM contacts") == [("Ana", {"note": "x"})]


def test_rejected_rows_are_noted_with_their_line_and_reason(load, runtime):
    good = "".join(f"p{n}@x.example,C\n" for n in range(20))
    report = load(f"Email,City\n{good}b@x.example,{'B' * 10_000_000}\nc@x.example\nd@x.example,\x00\ne@x.example,E\n")
    assert (report.rows, report.imported, report.rejected) == (24, 21, 3)
    assert report.rejections == {"CELL_TOO_LONG": 1, "RAGGED_ROW": 1, "NOT_TEXT": 1}
    with database.transaction(runtime.engine) as connection:
        notes = [(row.line, row.code) for row in noted_rows(connection, report.import_id, "rejected")]
    assert notes == [(22, "CELL_TOO_LONG"), (23, "RAGGED_ROW"), (24, "NOT_TEXT")]


def test_lines_without_values_are_no_rows(load):
    report = load("Email,City\na@x.example,A\n\n , \n,\nb@x.example,B\n")
    assert (report.rows, report.blank_lines) == (2, 3)


def test_cells_that_are_guarded_against_formulas_are_freed(load, fetch):
    load('Email,Phone,Note\na@x.example,"=""0049 30""",=1+1\nb@x.example,\'+49 30,"say ""hi""\tand \\n"\n')
    assert fetch("SELECT phone, properties->>'note' FROM contacts ORDER BY id") == [
        ("0049 30", "=1+1"),
        ("+49 30", 'say "hi"\tand \\n'),
    ]


def test_an_explicit_mapping_goes_first(load, fetch):
    report = load(
        "Email,Private address,Name,Team\nx@x.example,a@x.example,Ana,red\n",
        mapping={"private ADDRESS": "email", "Email": "-", "Name": "first_name", "Team": "Favourite Team"},
    )
    assert report.mapping == {"Private address": "email", "Name": "first_name", "Team": "favourite_team"}
    assert fetch("SELECT email, first_name, properties FROM contacts") == [
        ("a@x.example", "Ana", {"favourite_team": "red"})
    ]


@pytest.mark.parametrize(
    ("mapping", "complaint"),
    [
        ({"Mial": "email"}, "'Mial' that is not there: is it Mail"),
        ({"Mail": "email", "Name": "Email"}, "fills 'email' from two columns"),
    ],
)
def test_a_mapping_that_does_not_fit_is_refused(load, mapping, complaint):
    with pytest.raises(WrongUse, match=complaint):
        load("Mail,Name\na@x.example,A\n", mapping=mapping)


def test_a_source_without_addresses_is_refused(load, fetch):
    with pytest.raises(SourceContractBroken, match=r"No column holds the e-mail addresses.*Name, City.*mapping"):
        load("Name,City\nAna,Rome\n")


def test_a_source_of_mostly_bad_rows_is_refused_and_leaves_nothing(load, fetch):
    rows = "".join(f"p{n},C\n" for n in range(60)) + "".join(f"p{n}@x.example,C\n" for n in range(40))
    with pytest.raises(SourceContractBroken, match=r"list.csv breaks.*100 rows.*40 with a valid.*at least 50%"):
        load("Email,City\n" + rows)
    ragged = "a@x.example,A\n" * 7 + "b@x.example\n" * 3
    with pytest.raises(SourceContractBroken, match="at least 80% of the rows can be read"):
        load("Email,City\n" + ragged)
    with pytest.raises(SourceContractBroken, match="a list has 1 to"):
        load("Email,City\n")
    assert fetch("SELECT count(*) FROM contacts UNION ALL SELECT count(*) FROM lists") == [(0,), (0,)]


def test_a_source_that_breaks_while_it_is_read_leaves_nothing(load, fetch):
    def broken():
        raise SourceUnreadable("the disk is gone")
        yield

    with pytest.raises(SourceUnreadable, match="the disk is gone"):
        import_rows.fn(chunk.Source("x", ("Email",), broken), "Fair")
    assert fetch("SELECT count(*) FROM imports") == [(0,)]


@pytest.mark.parametrize(
    ("cell", "address"),
    [
        ("Ana.Lovelace@Example.ORG", "ana.lovelace@example.org"),
        ("  ana@x.example\u00a0", "ana@x.example"),
        ("jörg@müller.example", None),
        ("info@Müller.example", "info@xn--mller-kva.example"),
        ("a@xn--mller-kva.example", "a@xn--mller-kva.example"),
        ("Ana Lovelace <ana@x.example>", "ana@x.example"),
        ("mailto:ana@x.example", "ana@x.example"),
        ("ana@x.example; ben@x.example", "ana@x.example"),
        ("ana@ , ben@x.example", "ben@x.example"),
        ("ana@x.example oder ben@x.example", "ana@x.example"),
        ("ana@x.example/ben@x.example", "ana@x.example"),
        ("ana b@x.example", None),
        ("ana@x", None),
        ("ana@localhost", None),
        ("a..b@x.example", None),
        (".a@x.example", None),
        ("a@-x.example", None),
        ("a@x_y.example", None),
        ("a@b@x.example", None),
        ("n/a", None),
        ("", None),
        ('=HYPERLINK("mailto:a@x.example")', None),
        ("a@x.test", None),
        (f"{'a' * 65}@x.example", None),
        (f"{'a' * 64}@x.example", f"{'a' * 64}@x.example"),
        ("o'neil@x.example", "o'neil@x.example"),
    ],
)
def test_a_cell_holds_an_address(cell, address):
    assert normalize_address(cell) == address
    assert normalize_addresses(pa.array([cell, "plain@x.example"])).to_pylist() == [address, "plain@x.example"]


@settings(max_examples=300, deadline=None)
@given(st.lists(st.text(alphabet="aB1.-_+@ ü,'", max_size=12).map(lambda start: start + "@x-1.co.example"), max_size=5))
def test_looking_at_many_cells_or_at_one_gives_the_same(cells):
    assert normalize_addresses(pa.array(cells, pa.string())).to_pylist() == [normalize_address(cell) for cell in cells]


words = st.sampled_from(
    ["", " ", "Ana", "NA", "None", "007", "+49", 'say "x"', "two\nlines", "x" * 40_000, "a,b", "\x00"]
)
addresses = st.sampled_from(
    ["a@x.example", "A@X.example", "b@x.example", "c@ü.example", "no", "", "d@x.example;e@x.example"]
)
rows = st.lists(st.tuples(addresses, words, words).map(list) | st.lists(words, max_size=5), max_size=12)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(rows=rows, block=st.sampled_from([3, 100_000]))
def test_every_row_has_exactly_one_outcome(load, fetch, runtime, monkeypatch, rows, block):
    monkeypatch.setattr(delimited, "CHUNK_ROWS", block)
    with database.transaction(runtime.engine) as connection:
        connection.execute(text("TRUNCATE contacts, lists, imports CASCADE"))
    ballast = [[f"ballast{n}@x.example", "x", "y"] for n in range(40)]
    report = load([["Email", "First Name", "Note"], *ballast, *rows])
    is_blank = [len(row) in (0, 3) and not any(cell.strip() for cell in row) for row in rows]
    assert report.rows == 40 + len(rows) - sum(is_blank)
    assert report.rows == report.imported + report.merged + report.rejected
    assert report.rejected == sum(report.rejections.values())
    names = ("rows", "imported", "merged", "rejected", "barred")
    assert fetch("SELECT counts FROM imports") == [({name: getattr(report, name) for name in names},)]
    assert dict(fetch("SELECT outcome, count(*) FROM import_rows GROUP BY 1")) == {
        outcome: number for outcome, number in (("merged", report.merged), ("rejected", report.rejected)) if number
    }
    assert fetch("SELECT count(*) FROM contacts") == [(report.imported,)]
    with database.transaction(runtime.engine) as connection:
        assert count_members(connection, Segment(name="Fair")) == report.imported
