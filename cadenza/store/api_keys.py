"""Which programs may use the API, and for whom do they act?"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, Row, text

from cadenza.domain.access import Scope
from cadenza.errors import KeyInvalid, NotFound
from cadenza.store.users import find_user

#: What a key looks like: its number, and 256 random bits.
_SHAPE: Final = re.compile(r"cdz_(\d{1,18})_[A-Za-z0-9_-]{43}")


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as lists show it: never the key itself, which nobody keeps."""

    id: int
    name: str
    scopes: frozenset[Scope]
    #: Handle and id of the user whom it acts for; None: each request says so.
    user: str | None
    user_id: int | None
    created_by: str
    created_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None


_KEYS: Final = """
    SELECT k.id, k.name, k.hash, k.scopes, u.handle AS user, k.user_id, k.created_by, k.created_at, k.last_used_at,
           k.revoked_at
    FROM api_keys k LEFT JOIN users u ON u.id = k.user_id
"""


def create_key(
    connection: Connection, name: str, scopes: Collection[Scope], user: str | None, actor: str, now: datetime
) -> tuple[int, str]:
    """Make a key; returns its number and the key, which is shown this once: only its hash is stored.

    Raises:
        NotFound: there is no such user.
    """
    user_id = find_user(connection, user).id if user else None
    key_id = int(connection.scalar(text("SELECT nextval(pg_get_serial_sequence('api_keys', 'id'))")) or 0)
    key = f"cdz_{key_id}_{secrets.token_urlsafe(32)}"
    connection.execute(
        text("""
            INSERT INTO api_keys (id, name, hash, scopes, user_id, created_by, created_at) OVERRIDING SYSTEM VALUE
            VALUES (:id, :name, :hash, :scopes, :user_id, :actor, :now)
        """),
        {
            "id": key_id,
            "name": name,
            "hash": _hash(key),
            "scopes": sorted(scope.value for scope in scopes),
            "user_id": user_id,
            "actor": actor,
            "now": now,
        },
    )
    return key_id, key


def open_key(connection: Connection, key: str, now: datetime) -> ApiKey:
    """The key that a request came with; notes, to the minute, that it is in use.

    Raises:
        KeyInvalid: it is none of ours, or was revoked.
    """
    shape = _SHAPE.fullmatch(key)
    row = connection.execute(text(f"{_KEYS} WHERE k.id = :id"), {"id": int(shape[1])}).first() if shape else None
    if row is None or not hmac.compare_digest(bytes(row.hash), _hash(key)):
        raise KeyInvalid()
    if row.revoked_at:
        raise KeyInvalid("The API key was revoked: make a new one with 'cadenza key create'.")
    connection.execute(
        text("""
            UPDATE api_keys SET last_used_at = :now
            WHERE id = :id AND (last_used_at IS NULL OR last_used_at < :now - interval '1 minute')
        """),
        {"id": row.id, "now": now},
    )
    return _key(row)


def list_keys(connection: Connection) -> list[ApiKey]:
    """Every key, revoked ones too, the newest first."""
    return [_key(row) for row in connection.execute(text(f"{_KEYS} ORDER BY k.id DESC"))]


def revoke_key(connection: Connection, key_id: int, actor: str, now: datetime) -> None:
    """Let a key open nothing any more, from the next request on.

    Raises:
        NotFound: there is no such key, or it was revoked before.
    """
    revoked = connection.execute(
        text("""
            UPDATE api_keys SET revoked_at = :now, revoked_by = :actor
            WHERE id = :id AND revoked_at IS NULL RETURNING id
        """),
        {"id": key_id, "actor": actor, "now": now},
    ).first()
    if revoked is None:
        raise NotFound(f"There is no key {key_id} that could be revoked: see 'cadenza key list'.")


def _key(row: Row[tuple[object, ...]]) -> ApiKey:
    fields = {name: value for name, value in row._mapping.items() if name != "hash"}
    known = frozenset(Scope(scope) for scope in row.scopes if scope in list(Scope))
    return ApiKey(**{**fields, "scopes": known})


def _hash(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()
