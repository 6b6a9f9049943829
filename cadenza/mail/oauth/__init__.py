"""How does a mailbox get access tokens, which stand for a password? From Google or Microsoft, until they expire."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import Annotated, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field

#: A token is renewed this long before it expires, or when half its life is over, whichever comes later.
EARLY_SECONDS = 300.0

#: How long a provider may take to answer.
ANSWER_SECONDS = 30.0


class _OAuth(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Google(_OAuth):
    """The secret is a JSON file of Google's: a service account with domain-wide delegation, or an authorized user.

    Its ``token_uri`` is where tokens are asked for.
    """

    kind: Literal["google"]


class MicrosoftUser(_OAuth):
    """The secret is a refresh token, which Microsoft replaces at each use."""

    kind: Literal["microsoft_user"]
    client_id: str
    #: Where the tenant's endpoints are described.
    authority: str = "https://login.microsoftonline.com/organizations"


class MicrosoftApp(_OAuth):
    """The secret is a client secret: the application sends and reads for mailboxes that it was given."""

    kind: Literal["microsoft_app"]
    client_id: str
    authority: str


OAuth = Annotated[Google | MicrosoftUser | MicrosoftApp, Field(discriminator="kind")]


@dataclass(frozen=True, slots=True)
class Grant:
    """What a token endpoint gave."""

    access_token: str
    seconds: float
    #: In exchange for the one that was shown; None: that one stays good.
    refresh_token: str | None = None


class Account(Protocol):
    """Whom tokens are for; hashable."""

    @property
    def username(self) -> str:
        """The mailbox at the provider."""
        ...

    def secret(self) -> str:
        """What tokens are asked for with."""
        ...

    def replace_secret(self, value: str) -> None:
        """Keep what the provider gave in exchange."""
        ...


class Tokens:
    """The access tokens of this process; safe to use from several threads."""

    def __init__(self) -> None:
        self._kept: dict[Account, tuple[str, float]] = {}
        self._locks: dict[Account, threading.Lock] = {}

    def token_of(self, account: Account, oauth: OAuth, *, is_new: bool = False) -> tuple[str, bool]:
        """An access token, and whether it was kept from before.

        Raises:
            MailboxRefused: the provider gives none for this account any more.
            MailServerUnavailable: the provider does not answer (transient).
        """
        with self._locks.setdefault(account, threading.Lock()):
            token, renewed_at = self._kept.get(account, ("", 0.0))
            if not is_new and time.monotonic() < renewed_at:
                return token, True
            secret = account.secret()
            grant = _ask(oauth, account.username, secret)
            if grant.refresh_token and grant.refresh_token != secret:
                account.replace_secret(grant.refresh_token)
            life = max(grant.seconds - EARLY_SECONDS, grant.seconds / 2)
            self._kept[account] = grant.access_token, time.monotonic() + life
            return grant.access_token, False


def _ask(oauth: OAuth, username: str, secret: str) -> Grant:
    if isinstance(oauth, Google):
        from cadenza.mail.oauth.google import ask_google

        return ask_google(secret, username)
    from cadenza.mail.oauth.microsoft import ask_for_app, ask_for_user

    if isinstance(oauth, MicrosoftUser):
        return ask_for_user(oauth.client_id, oauth.authority, secret)
    return ask_for_app(oauth.client_id, oauth.authority, secret)
