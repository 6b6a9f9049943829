"""Which contacts does somebody look for?"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, text

from cadenza.domain.filter import parse_filter
from cadenza.store.filters import condition_sql


def find_contacts(
    connection: Connection, filter: str | None, email: str | None, after: int, limit: int
) -> list[dict[str, Any]]:
    """The fields and properties of the next contacts behind an id that a filter finds, or an address.

    Raises:
        FilterInvalid: names the position and what may stand there.
    """
    condition, parameters = _condition(filter, email)
    rows = connection.execute(
        text(f"SELECT c.* FROM contacts c WHERE c.id > :after AND {condition} ORDER BY c.id LIMIT :limit"),  # noqa: S608
        {"after": after, "limit": limit, **parameters},
    )
    return [dict(row) for row in rows.mappings()]


def count_found(connection: Connection, filter: str | None, email: str | None) -> int:
    """How many contacts that are, over all pages."""
    condition, parameters = _condition(filter, email)
    return int(connection.scalar(text(f"SELECT count(*) FROM contacts c WHERE {condition}"), parameters) or 0)  # noqa: S608


def _condition(filter: str | None, email: str | None) -> tuple[str, dict[str, Any]]:
    if filter is not None:
        return condition_sql(parse_filter(filter))
    return ("true", {}) if email is None else ("c.email_normalized = lower(:email)", {"email": email.strip()})
