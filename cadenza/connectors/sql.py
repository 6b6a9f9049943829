"""What do queries on some database tell of contacts, lists and owners?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from cadenza.connectors.connector import Page
from cadenza.domain.feeds import Owner
from cadenza.errors import NotFound, WrongUse
from cadenza.store import queries

if TYPE_CHECKING:
    from sqlalchemy import Engine

#: Rows of one page.
PAGE_ROWS: Final = 5_000

#: How a cursor is read, by the type of the column's values.
_READ: Final[Mapping[str, Callable[[str], Any]]] = {
    "int": int,
    "float": float,
    "Decimal": Decimal,
    "str": str,
    "datetime": datetime.fromisoformat,
    "date": date.fromisoformat,
}


@dataclass
class Database:
    """Any database that SQLAlchemy speaks to; nothing is written there."""

    url: str = field(repr=False)
    #: The query of all contacts.
    contacts_query: str = ""
    #: A column of it that grows whenever a contact is added or changed; without one each sync reads all of them.
    cursor_column: str = ""
    #: The query of the members of each list: their addresses are enough.
    list_queries: Mapping[str, str] = field(default_factory=dict)
    #: A query of e-mail and name.
    owners_query: str = ""

    @cached_property
    def _engine(self) -> Engine:
        return queries.open_engine(self.url)

    def check(self) -> str:
        """Every query is understood."""
        wanted = {"contacts_query": self.contacts_query, "owners_query": self.owners_query, **self.list_queries}
        columns = {name: queries.query_columns(self._engine, query) for name, query in wanted.items() if query}
        if self.cursor_column and self.cursor_column not in columns.get("contacts_query", ()):
            raise NotFound(f"The query of contacts has no column {self.cursor_column!r}: choose one of it.")
        return f"{self._engine.dialect.name}; queries: {len(columns)}"

    def contacts(self, cursor: str | None) -> Iterator[Page]:
        """The rows of the query, behind a cursor those with this value of the column or a higher one."""
        if not self.contacts_query:
            return
        if not self.cursor_column:
            yield from self._pages(self.contacts_query)
            return
        column, since = self.cursor_column, _value(cursor)
        for block in queries.rows_by(self._engine, self.contacts_query, column, since, PAGE_ROWS):
            rows = [row._asdict() for row in block]
            cursor = next((_cursor(value) for row in reversed(rows) if (value := row[column]) is not None), cursor)
            yield Page(rows, cursor)

    def lists(self) -> Sequence[str]:
        """Those that have a query."""
        return sorted(self.list_queries)

    def members(self, name: str, cursor: str | None) -> Iterator[Page]:
        """The rows of the list's query."""
        if name not in self.list_queries:
            raise NotFound(f"There is no query for the list {name!r}: write it below list_queries.")
        return self._pages(self.list_queries[name])

    def owners(self) -> Sequence[Owner]:
        """The rows of the query."""
        pages = self._pages(self.owners_query) if self.owners_query else iter(())
        return [
            Owner(str(row["email"]), str(row.get("name") or row["email"]))
            for page in pages
            for row in page.rows
            if row.get("email")
        ]

    def _pages(self, query: str) -> Iterator[Page]:
        for block in queries.query_rows(self._engine, query, PAGE_ROWS):
            yield Page([row._asdict() for row in block])


def _cursor(value: Any) -> str:
    """A value as text that tells its type: databases compare timestamps with timestamps only."""
    kind = type(value).__name__
    if kind not in _READ:
        raise WrongUse(f"The cursor_column holds a {kind}: choose a column of {', '.join(_READ)}.")
    return f"{kind} {value.isoformat() if isinstance(value, date) else value}"


def _value(cursor: str | None) -> Any:
    if cursor is None:
        return None
    kind, _, text = cursor.partition(" ")
    if kind not in _READ:
        raise WrongUse("The last sync was of another kind of connector: sync with --whole.")
    return _READ[kind](text)
