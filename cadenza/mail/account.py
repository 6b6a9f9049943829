"""Where is a mailbox's account, and where is its secret? What transports and IMAP settings say, checked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from cadenza.errors import SettingsInvalid
from cadenza.mail.login import Login, Reference, Secrets
from cadenza.mail.oauth import OAuth, Tokens
from cadenza.mail.oauth.endpoint import LOCAL

Security = Literal["none", "starttls", "tls"]
Found = TypeVar("Found", bound="AccountSettings")


class AccountSettings(BaseModel):
    """A server and the account there; the secret is named, never written down."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: str = Field(pattern=r"^[A-Za-z0-9.:_-]+$")
    port: int = Field(ge=1, le=65535)
    security: Security
    username: str | None = Field(None, pattern=r"^[^\x00-\x1f\x7f]+$")
    password_env: str | None = None
    password_file: str | None = None
    #: Of our own table; of a Prefect Secret block.
    password_secret: str | None = None
    password_block: str | None = None
    #: Access tokens instead of a password; the secret is what they are asked for with.
    oauth: OAuth | None = None

    @model_validator(mode="after")
    def _one_secret_never_in_the_open(self) -> Self:
        references = self._references()
        if self.username and self.security == "none" and self.host not in LOCAL:
            raise ValueError("a password may not travel in the open: choose security starttls or tls")
        if len(references) > 1:
            raise ValueError(f"one place for the password is enough, not {' and '.join(references)}")
        if bool(references) != bool(self.username):
            raise ValueError("a username and the place of its password (password_secret, …) belong together")
        if self.oauth and not references:
            raise ValueError("oauth needs a secret: name it with password_secret")
        return self

    def _references(self) -> dict[str, str]:
        names = ("password_env", "password_file", "password_secret", "password_block")
        return {name: value for name in names if (value := getattr(self, name))}

    def login(self, secrets: Secrets, tokens: Tokens) -> Login | None:
        """How to log in; None: the server wants nobody to."""
        references = self._references()
        if self.username is None or not references:
            return None
        [(name, value)] = references.items()
        reference = Reference(name.removeprefix("password_"), value)  # type: ignore[arg-type]
        return Login(self.username, reference, self.oauth, secrets, tokens)


class SmtpSettings(AccountSettings):
    """A mailbox's own server for sending."""

    kind: Literal["smtp"]
    port: int = Field(587, ge=1, le=65535)
    security: Security = "starttls"
    #: Where an accepted mail can be found again: in the folder that the provider files it in by itself; in a copy to
    #: the mailbox itself; nowhere.
    witness: Literal["sent", "self", "none"] = "none"
    #: Where copies to the mailbox itself end up, by a rule of the mailbox.
    witness_folder: str = "INBOX"
    #: The largest mail that the provider takes, in megabytes; None: as is known of the provider, or as its server says.
    largest_mail_mb: int | None = Field(None, ge=1)


class ImapSettings(AccountSettings):
    """A mailbox's own server for reading. What it does not say of the login is as for sending."""

    port: int = Field(993, ge=1, le=65535)
    security: Security = "tls"

    @classmethod
    def beside(cls, imap: Mapping[str, Any], transport: Mapping[str, Any]) -> dict[str, Any]:
        """The settings with the login of the transport where they have none of their own."""
        shared = {
            name: value for name, value in transport.items() if name in ("username", "oauth") or name.startswith("pass")
        }
        has_own = any(name.startswith("password_") for name in imap)
        return {**({} if has_own else shared), **imap}


def check_account(mailbox: str, transport: Mapping[str, Any] | None, imap: Mapping[str, Any] | None) -> None:
    """Look whether settings that somebody wrote can be used.

    Raises:
        SettingsInvalid: names the mailbox and each wrong field.
    """
    if transport is not None and dict(transport) != {"kind": "sink"}:
        checked(SmtpSettings, transport, f"The transport of {mailbox}")
    if imap is not None:
        checked(ImapSettings, ImapSettings.beside(imap, transport or {}), f"The IMAP settings of {mailbox}")


def checked(model: type[Found], given: Mapping[str, Any], what: str) -> Found:
    """The settings, checked.

    Raises:
        SettingsInvalid: names each wrong field; no value is repeated.
    """
    try:
        return model.model_validate(given)
    except ValidationError as error:
        problems = "; ".join(": ".join([*map(str, problem["loc"]), problem["msg"]]) for problem in error.errors())
        raise SettingsInvalid(f"{what}: {problems}. See docs/mailboxes.md.") from None
