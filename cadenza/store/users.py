"""Who may enroll, and from whom are the mails?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from sqlalchemy import Connection, text

from cadenza.errors import NotFound


@dataclass(frozen=True, slots=True)
class User:
    """A person who enrolls, sends or works to-dos."""

    id: int
    handle: str
    email: str
    name: str
    time_zone: str | None
    teams: Sequence[str]
    is_active: bool
    may_enroll: bool
    may_bulk_enroll: bool


_COLUMNS = "id, handle, email, name, time_zone, teams, is_active, may_enroll, may_bulk_enroll"


def find_user(connection: Connection, handle: str) -> User:
    """The user with a handle.

    Raises:
        NotFound: names the nearest handles.
    """
    row = connection.execute(text(f"SELECT {_COLUMNS} FROM users WHERE handle = :handle"), {"handle": handle}).first()  # noqa: S608
    if row is None:
        handles = connection.scalars(text("SELECT handle FROM users ORDER BY handle")).all()
        near = get_close_matches(handle, handles, n=3) or list(handles[:5])
        hint = f"did you mean {', '.join(near)}?" if near else "load a team first: cadenza up reads team.yaml."
        raise NotFound(f"There is no user {handle!r}: {hint}")
    return User(**row._mapping)


def user_named(connection: Connection, name: str) -> User:
    """The user of a number, a handle or an address.

    Raises:
        NotFound: there is none.
    """
    row = connection.execute(
        text(f"""
            SELECT {_COLUMNS} FROM users
            WHERE CAST(id AS text) = :name OR handle = :name OR email = lower(:name)
            ORDER BY CAST(id AS text) = :name DESC LIMIT 1
        """),  # noqa: S608
        {"name": name.strip()},
    ).first()
    if row is None:
        raise NotFound(f"There is no user {name!r}: give a user's number, handle or address.")
    return User(**row._mapping)


def list_users(connection: Connection) -> list[User]:
    """Every user, by handle."""
    return [User(**row._mapping) for row in connection.execute(text(f"SELECT {_COLUMNS} FROM users ORDER BY handle"))]  # noqa: S608
