"""Where does the secret of an account come from? Asked for, piped in, signed in for, or kept elsewhere."""

from __future__ import annotations

import json
import select
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from cadenza.errors import SourceUnreadable, WrongUse

if TYPE_CHECKING:
    from cadenza.mail.login import Secrets

#: How long a person may take to sign in in a browser.
SIGN_IN_SECONDS = 600.0


@dataclass
class Given:
    """A secret, and how settings refer to it."""

    #: ``password_…`` and ``oauth`` of the account.
    reference: dict[str, Any]
    #: What is to be stored under which name; None: it is kept elsewhere.
    name: str | None = None
    value: str | None = field(default=None, repr=False)

    def over(self, secrets: Secrets) -> Secrets:
        """Where secrets are found while this one is not stored yet."""
        return _Fresh(self, secrets)


@dataclass
class _Fresh:
    given: Given
    secrets: Secrets

    def stored(self, name: str) -> str:
        return self.given.value if name == self.given.name and self.given.value else self.secrets.stored(name)

    def store(self, name: str, value: str) -> None:
        """A refresh token that was replaced during the probe is the one to store."""
        if name == self.given.name:
            self.given.value = value

    def block(self, name: str) -> str:
        return self.secrets.block(name)


def given_secret(
    address: str,
    username: str,
    *,
    is_from_stdin: bool,
    env: str,
    file: str,
    block: str,
    google_service_account: str,
    google_login: str,
    microsoft_device: str,
    microsoft_app: str,
    tenant: str,
    authority: str,
) -> Given:
    """The secret that a person names or types.

    Raises:
        WrongUse: several ways are named at once, or there is no terminal to ask at.
    """
    ways = {"--google-service-account": google_service_account, "--google-login": google_login,
            "--microsoft-device": microsoft_device, "--microsoft-app": microsoft_app}  # fmt: skip
    places = {"--password-stdin": is_from_stdin, "--password-env": env, "--password-file": file,
              "--password-block": block}  # fmt: skip
    named = [name for name, value in ways.items() if value]
    kept = [name for name, value in places.items() if value]
    if len(named) > 1 or len(kept) > 1 or (kept and named and not microsoft_app):
        raise WrongUse(f"One way to log in is enough, not {' and '.join(named + kept)}.")
    if google_service_account:
        key = _text_of(google_service_account)
        return _stored(f"google:{_field(key, 'client_email', google_service_account)}", key, {"kind": "google"})
    if google_login:
        return _stored(f"google:{address}", _sign_in_at_google(_text_of(google_login), username), {"kind": "google"})
    where = authority or f"https://login.microsoftonline.com/{tenant or 'organizations'}"
    if microsoft_device:
        from cadenza.mail.oauth.microsoft import sign_in

        token = sign_in(microsoft_device, where, typer.echo)
        oauth = {"kind": "microsoft_user", "client_id": microsoft_device, "authority": where}
        return _stored(f"microsoft:{address}", token, oauth)
    oauth_of_app: dict[str, Any] = {}
    if microsoft_app:
        if not (tenant or authority):
            raise WrongUse("An application belongs to a tenant: name it with --tenant.")
        oauth_of_app = {"oauth": {"kind": "microsoft_app", "client_id": microsoft_app, "authority": where}}
    if env:
        return Given({"password_env": env, **oauth_of_app})
    if file:
        return Given({"password_file": str(Path(file).resolve()), **oauth_of_app})
    if block:
        return Given({"password_block": block, **oauth_of_app})
    name = f"microsoft:{microsoft_app}" if microsoft_app else f"mailbox:{address}"
    what = "Client secret" if microsoft_app else f"Password of {username}"
    return Given({"password_secret": name, **oauth_of_app}, name, _typed(what, is_from_stdin))


def _stored(name: str, value: str, oauth: dict[str, Any]) -> Given:
    return Given({"password_secret": name, "oauth": oauth}, name, value)


def _typed(what: str, is_from_stdin: bool) -> str:
    if is_from_stdin:
        typed = sys.stdin.readline().rstrip("\r\n")
    elif sys.stdin.isatty():
        import getpass

        typed = getpass.getpass(f"{what}: ")
    else:
        raise WrongUse(f"{what} is asked for at a terminal: pipe it in with --password-stdin, or say where it is.")
    if not typed:
        raise WrongUse(f"{what}: nothing was given.")
    return typed


def _sign_in_at_google(client: str, username: str) -> str:
    from cadenza.errors import MailboxRefused
    from cadenza.mail.oauth.google_sign_in import GoogleSignIn

    with GoogleSignIn.of_file(client, username) as sign_in:
        # Not by the console, which would break the address into lines.
        typer.echo(f"Sign in as {username} and allow access to mail. Open:\n\n{sign_in.url}\n")
        if sys.stdin.isatty():
            typer.echo("If the browser runs on another machine, paste here the address that it ends at.")
        left = SIGN_IN_SECONDS
        while left > 0 and not sign_in.answered.wait(0.5):
            left -= 0.5
            if sys.stdin.isatty() and select.select([sys.stdin], [], [], 0)[0]:
                sign_in.take(sys.stdin.readline().strip())
        if not sign_in.answered.is_set():
            raise MailboxRefused("Nobody signed in at Google: try again.")
        return sign_in.secret()


def _text_of(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SourceUnreadable(f"{path} cannot be read ({type(error).__name__}): name Google's JSON file.") from error


def _field(text: str, name: str, path: str) -> str:
    try:
        return str(json.loads(text)[name])
    except (ValueError, KeyError, TypeError) as error:
        raise WrongUse(f"{path} is not the key file of a service account: it has no {name}.") from error
