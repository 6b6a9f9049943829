"""What comes from queries on a database, whichever it is?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from cadenza.connectors import sql
from cadenza.connectors.sql import Database
from cadenza.domain.feeds import Owner
from cadenza.errors import NotFound, SourceUnreadable, WrongUse
from cadenza.store.embedded import url_of

PEOPLE = "SELECT id, mail AS email, changed_at FROM people"


@pytest.fixture(params=["postgresql", "sqlite"])
def crm(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[..., list[Any]]]:
    """A CRM's own database; runs a statement there."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'crm.db'}"
    else:
        url = url_of(request.getfixturevalue("postgres"), "postgres")
    engine = create_engine(url)

    def run(statement: str) -> None:
        with engine.begin() as connection:
            connection.execute(text(statement))

    run.url = url  # type: ignore[attr-defined]
    run("CREATE TABLE people (id integer, mail text, changed_at timestamp, fair boolean)")
    run("INSERT INTO people VALUES (1, 'a@x.example', '2026-03-01 09:00:00', true)")
    run("INSERT INTO people VALUES (2, 'b@x.example', '2026-03-01 10:00:00', false)")
    run("INSERT INTO people VALUES (3, 'c@x.example', NULL, true)")
    yield run
    run("DROP TABLE people")
    engine.dispose()


def read(connector: Database, cursor: str | None = None) -> tuple[list[int], str | None]:
    ids: list[int] = []
    for page in connector.contacts(cursor):
        ids += [row["id"] for row in page.rows]
        cursor = page.cursor
    return ids, cursor


@pytest.mark.parametrize("column", ["changed_at", "id"])
def test_behind_a_cursor_come_only_those_that_changed_since(crm, column):
    connector = Database(crm.url, contacts_query=PEOPLE, cursor_column=column)
    ids, cursor = read(connector)
    assert sorted(ids) == [1, 2, 3]
    crm("INSERT INTO people VALUES (4, 'd@x.example', '2026-03-02 08:00:00.25', false)")
    crm("UPDATE people SET changed_at = '2026-03-02 07:00:00' WHERE id = 1")
    again, cursor = read(connector, cursor)
    assert again == ([2, 1, 4] if column == "changed_at" else [3, 4])
    assert read(connector, cursor) == ([4], cursor)


def test_an_interrupted_reading_goes_on_behind_its_last_page(crm, monkeypatch):
    monkeypatch.setattr(sql, "PAGE_ROWS", 2)
    connector = Database(crm.url, contacts_query=PEOPLE + " ORDER BY mail DESC", cursor_column="id")
    pages = list(connector.contacts(None))
    assert [page.cursor for page in pages] == ["int 2", "int 3"]
    assert read(connector, "int 2")[0] == [2, 3]


def test_without_a_column_to_go_by_everything_comes_each_time(crm):
    assert read(Database(crm.url, contacts_query=PEOPLE)) == ([1, 2, 3], None)


def test_lists_and_owners_are_queries_too(crm):
    connector = Database(
        crm.url,
        list_queries={"Fair": "SELECT mail AS email FROM people WHERE fair", "All": PEOPLE},
        owners_query="SELECT mail AS email, 'N:' || id AS name FROM people WHERE id < 2",
    )
    assert connector.lists() == ["All", "Fair"]
    (page,) = connector.members("Fair", None)
    assert page.rows == [{"email": "a@x.example"}, {"email": "c@x.example"}]
    assert connector.owners() == [Owner("a@x.example", "N:1")]
    assert connector.check().endswith("queries: 3")
    with pytest.raises(NotFound, match="no query for the list 'Gone'"):
        connector.members("Gone", None)


def test_wrong_queries_are_named(crm):
    with pytest.raises(SourceUnreadable, match="nowhere"):
        Database(crm.url, contacts_query="SELECT * FROM nowhere").check()
    with pytest.raises(NotFound, match="no column 'updated'"):
        Database(crm.url, contacts_query=PEOPLE, cursor_column="updated").check()
    with pytest.raises(WrongUse, match="driver is installed"):
        Database("nosuch://crm", contacts_query=PEOPLE).check()


def test_a_cursor_keeps_the_type_of_its_column():
    for value in (7, "x 1", 2.5, datetime(2026, 3, 1, 9, 0, 0, 250, tzinfo=UTC), datetime(2026, 3, 1).date()):  # noqa: DTZ001
        assert sql._value(sql._cursor(value)) == value
    with pytest.raises(WrongUse, match="holds a bytes"):
        sql._cursor(b"x")
