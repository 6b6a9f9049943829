"""Who calls, and may it do this?"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer, SecurityScopes

from cadenza.domain.access import Scope
from cadenza.errors import KeyInvalid
from cadenza.runtime import Runtime
from cadenza.store import database
from cadenza.store.api_keys import ApiKey, open_key
from cadenza.web.api.errors import Problem

_BEARER: Final = HTTPBearer(
    scheme_name="key", auto_error=False, description="`Authorization: Bearer cdz_…`, from `cadenza key create`."
)


@dataclass
class KnownKeys:
    """The names of keys that opened something: what the door counts requests by, before any key is looked up."""

    most: int = 10_000
    _names: dict[bytes, str] = field(default_factory=dict)

    def name_of(self, authorization: str) -> str | None:
        """What a request's key is called, if it was good before."""
        return self._names.get(self._trace(authorization))

    def know(self, authorization: str, name: str) -> None:
        """Remember a good key."""
        if len(self._names) >= self.most:
            self._names.clear()
        self._names[self._trace(authorization)] = name

    def forget(self, authorization: str) -> None:
        """Forget a key that opens nothing any more."""
        self._names.pop(self._trace(authorization), None)

    @staticmethod
    def _trace(authorization: str) -> bytes:
        return hashlib.sha256(authorization.encode("utf-8", "replace")).digest()


@dataclass(frozen=True)
class Caller:
    """A program with a good key."""

    runtime: Runtime
    key: ApiKey

    @property
    def actor(self) -> str:
        """Who did it, for the record."""
        return self.key.user or f"key {self.key.id}"

    @property
    def now(self) -> datetime:
        """The present instant."""
        return self.runtime.clock.now()

    @contextmanager
    def transaction(self) -> Iterator[Any]:
        """One transaction on the database."""
        with database.transaction(self.runtime.engine) as connection:
            yield connection

    def user_for(self, handle: str | None, name: str) -> str | None:
        """The user for whom something is done: the key's own; a key of nobody names him.

        Raises:
            Problem: the key acts for somebody else.
        """
        if handle and self.key.user and handle != self.key.user:
            raise Problem(
                403,
                f"The key acts for {self.key.user!r}, not for {handle!r}: leave {name} out, or use another key.",
                "ACTS_FOR_ANOTHER",
                field=name,
            )
        return self.key.user or handle


def check(
    request: Request,
    needed: SecurityScopes,
    given: Annotated[HTTPAuthorizationCredentials | None, Security(_BEARER)],
) -> Caller:
    """The caller, whose key has every needed scope.

    Raises:
        KeyInvalid: there is no key, or none of ours.
        Problem: it lacks a scope.
    """
    runtime: Runtime = request.app.state.runtime
    known: KnownKeys = request.app.state.known_keys
    authorization = request.headers.get("Authorization", "")
    if given is None:
        raise KeyInvalid("The request has no API key: send 'Authorization: Bearer' and the key.")
    try:
        with database.transaction(runtime.engine) as connection:
            key = open_key(connection, given.credentials, runtime.clock.now())
    except KeyInvalid:
        known.forget(authorization)
        raise
    known.know(authorization, f"key {key.id}")
    if missing := [scope for scope in needed.scopes if scope not in key.scopes]:
        raise Problem(
            403,
            f"The API key lacks the scope {', '.join(missing)}: make one that has it with 'cadenza key create'.",
            "MISSING_SCOPES",
            context={"missingScopes": missing},
        )
    return Caller(runtime, key)


def need(*scopes: Scope) -> Any:
    """The dependency of an endpoint that needs these permissions; its value is the ``Caller``."""
    return Security(check, scopes=[scope.value for scope in scopes])
