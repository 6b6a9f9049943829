"""How does Google give access to a mailbox?"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import partial
from typing import Any

from cadenza.errors import MailboxRefused, MailServerUnavailable, SettingsInvalid
from cadenza.mail.oauth import ANSWER_SECONDS, Grant
from cadenza.mail.oauth.endpoint import checked_endpoint

#: The one scope that Gmail's SMTP and IMAP take.
SCOPE = "https://mail.google.com/"
TOKEN_URL = "https://oauth2.googleapis.com/token"  # noqa: S105 - an address
#: What a token lives for if the endpoint does not say.
HOUR = 3_600.0


def ask_google(secret: str, username: str) -> Grant:
    """A token for a mailbox, by the JSON file of a service account or of an authorized user.

    Raises:
        SettingsInvalid: the secret is neither.
        MailboxRefused: Google gives no token: access was withdrawn, or never granted.
        MailServerUnavailable: Google does not answer (transient).
    """
    from google.auth.exceptions import GoogleAuthError, RefreshError, TransportError
    from google.auth.transport.requests import Request

    credentials = _credentials(secret, username)
    try:
        credentials.refresh(partial(Request(), timeout=ANSWER_SECONDS))
    except TransportError as error:
        raise MailServerUnavailable(
            "Google's token endpoint does not answer: mails of this mailbox wait and are tried again."
        ) from error
    except GoogleAuthError as error:
        if error.retryable:
            raise MailServerUnavailable("Google gives no tokens at present: mails wait and are tried again.") from None
        words = str(error.args[0] if isinstance(error, RefreshError) and error.args else error)
        raise MailboxRefused(
            f"Google gives no access to {username} ({words.splitlines()[0][:200]}): connect the mailbox again, "
            "or grant the service account domain-wide delegation."
        ) from None
    expires_at = credentials.expiry
    seconds = (expires_at.replace(tzinfo=UTC) - datetime.now(UTC)).total_seconds() if expires_at else HOUR
    return Grant(credentials.token, seconds)


def _credentials(secret: str, username: str) -> Any:
    from google.oauth2 import credentials, service_account

    info = read_json(secret, f"The Google secret of {username}")
    endpoint = checked_endpoint(str(info.get("token_uri") or TOKEN_URL))
    try:
        if info.get("type") == "service_account":
            return service_account.Credentials.from_service_account_info(  # type: ignore[no-untyped-call]
                info | {"token_uri": endpoint}, scopes=[SCOPE], subject=username
            )
        return credentials.Credentials(  # type: ignore[no-untyped-call]
            None,
            refresh_token=info["refresh_token"],
            token_uri=endpoint,
            client_id=info["client_id"],
            client_secret=info["client_secret"],
        )
    except (KeyError, ValueError) as error:
        words = f"lacks {error}" if isinstance(error, KeyError) else "is not a service account's file"
        raise SettingsInvalid(f"The Google secret of {username} {words}: connect the mailbox again.") from None


def read_json(text: str, what: str) -> dict[str, Any]:
    """The object that a JSON text holds; its content is never repeated in an error.

    Raises:
        SettingsInvalid: it holds none.
    """
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise SettingsInvalid(f"{what} is not a JSON file of Google's: download it again.")
    return found
