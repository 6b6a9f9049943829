"""As whom does a mailbox log in, and what proves it?"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple, Protocol, TypeVar

from cadenza.errors import MailboxRefused, SecretMissing
from cadenza.mail.oauth import OAuth, Tokens

Opened = TypeVar("Opened")


class Secrets(Protocol):
    """Where secrets are kept that settings only name."""

    def stored(self, name: str) -> str:
        """A secret of our own table."""
        ...

    def store(self, name: str, value: str) -> None:
        """Keep a new value of one."""
        ...

    def block(self, name: str) -> str:
        """What a Prefect Secret block holds."""
        ...


class NoSecrets:
    """Nothing is kept anywhere."""

    def stored(self, name: str) -> str:
        """Nothing."""
        raise SecretMissing(f"There is no secret {name!r}: nothing is kept here.")

    def store(self, name: str, value: str) -> None:
        """Nowhere."""
        raise SecretMissing(f"The secret {name!r} cannot be kept here.")

    def block(self, name: str) -> str:
        """Nothing."""
        raise SecretMissing(f"There is no Prefect block {name!r} here.")


@dataclass(frozen=True, slots=True)
class Reference:
    """Where a secret is, never the secret itself."""

    kind: Literal["env", "file", "secret", "block"]
    name: str


class Proof(NamedTuple):
    """What a server is shown: a password, or an access token."""

    value: str
    is_token: bool = False
    #: A token that was fetched for an earlier connection: the server may have had enough of it.
    is_kept: bool = False


@dataclass(frozen=True, slots=True)
class Login:
    """An account, and where its secret is found when a connection is opened; equal logins share connections."""

    username: str
    reference: Reference
    oauth: OAuth | None
    secrets: Secrets = field(compare=False, repr=False)
    tokens: Tokens = field(compare=False, repr=False)

    def secret(self) -> str:
        """The password, or what access tokens are asked for with.

        Raises:
            SecretMissing: it is not where the settings say.
            SecretUnreadable: it was stored with another key.
        """
        name = self.reference.name
        match self.reference.kind:
            case "env":
                if name not in os.environ:
                    raise SecretMissing(
                        f"The environment variable {name} holds no password for {self.username}: set it."
                    )
                return os.environ[name]
            case "file":
                try:
                    return Path(name).read_text(encoding="utf-8").strip()
                except OSError as error:
                    raise SecretMissing(
                        f"{name} holds no password for {self.username} ({error.strerror}): write it there."
                    ) from error
            case "secret":
                return self.secrets.stored(name)
            case "block":
                return self.secrets.block(name)

    def replace_secret(self, value: str) -> None:
        """Keep what the provider gave in exchange; a secret of somebody else's keeping stays as it is."""
        if self.reference.kind == "secret":
            self.secrets.store(self.reference.name, value)

    def proof(self, *, is_new: bool = False) -> Proof:
        """What to show to the server.

        Raises:
            MailboxRefused: the provider gives no token for this account any more.
            MailServerUnavailable: the provider does not answer (transient).
        """
        if self.oauth is None:
            return Proof(self.secret())
        token, is_kept = self.tokens.token_of(self, self.oauth, is_new=is_new)
        return Proof(token, is_token=True, is_kept=is_kept)


def logged_in(login: Login | None, opened_with: Callable[[Proof | None], Opened]) -> Opened:
    """What ``opened_with`` opens; once more with a new token if the server refuses one that was kept."""
    if login is None:
        return opened_with(None)
    proof = login.proof()
    try:
        return opened_with(proof)
    except MailboxRefused:
        if not proof.is_kept:
            raise
    return opened_with(login.proof(is_new=True))


def xoauth2(username: str, token: str) -> str:
    """The initial response of the mechanism XOAUTH2, as Google and Microsoft define it."""
    return f"user={username}\x01auth=Bearer {token}\x01\x01"
