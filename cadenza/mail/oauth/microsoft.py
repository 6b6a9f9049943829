"""How does Microsoft 365 give access to a mailbox?"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from cadenza.errors import MailboxRefused, MailServerUnavailable, SettingsInvalid
from cadenza.mail.oauth import ANSWER_SECONDS, Grant

#: What a user allows; a refresh token comes with it by itself.
USER_SCOPES = ("https://outlook.office.com/IMAP.AccessAsUser.All", "https://outlook.office.com/SMTP.Send")
#: What an administrator allowed an application: IMAP.AccessAsApp and SMTP.SendAsApp.
APP_SCOPES = ("https://outlook.office365.com/.default",)

# The library tells whom it asks, and for what, in its debug log.
logging.getLogger("msal").setLevel(logging.WARNING)

#: Errors of a token endpoint that go away by themselves (RFC 6749, 4.1.2.1).
_PASSING = ("temporarily_unavailable", "server_error")


def ask_for_user(client_id: str, authority: str, refresh_token: str) -> Grant:
    """A token for the mailbox of a user, by a refresh token; the grant has its successor.

    Raises:
        MailboxRefused: the refresh token is good no more.
        MailServerUnavailable: Microsoft does not answer (transient).
    """
    return _grant(
        _answer(lambda: _public(client_id, authority).acquire_token_by_refresh_token(refresh_token, list(USER_SCOPES)))
    )


def ask_for_app(client_id: str, authority: str, client_secret: str) -> Grant:
    """A token for an application, by its client secret. Raises what ``ask_for_user`` raises."""
    from msal import ConfidentialClientApplication

    def ask() -> dict[str, Any]:
        application = ConfidentialClientApplication(client_id, client_credential=client_secret, **_where(authority))
        found: dict[str, Any] = application.acquire_token_for_client(list(APP_SCOPES))
        return found

    return _grant(_answer(ask))


def sign_in(client_id: str, authority: str, show: Callable[[str], None]) -> str:
    """The refresh token of whoever enters the code that ``show`` tells (device code flow, RFC 8628).

    Raises:
        MailboxRefused: nobody did in time, or was allowed to.
        MailServerUnavailable: Microsoft does not answer (transient).
    """

    def ask() -> dict[str, Any]:
        application = _public(client_id, authority)
        flow: dict[str, Any] = application.initiate_device_flow(list(USER_SCOPES))
        if "user_code" not in flow:
            return flow
        show(flow["message"])
        found: dict[str, Any] = application.acquire_token_by_device_flow(flow)
        return found

    grant = _grant(_answer(ask))
    if grant.refresh_token is None:
        raise MailboxRefused("Microsoft gave no refresh token: allow the application offline_access.")
    return grant.refresh_token


def _public(client_id: str, authority: str) -> Any:
    from msal import PublicClientApplication

    return PublicClientApplication(client_id, **_where(authority))


def _where(authority: str) -> dict[str, Any]:
    """Whoever set the authority vouches for it; asking Microsoft about it would fail on networks of their own."""
    return {"authority": authority, "instance_discovery": False, "timeout": ANSWER_SECONDS}


def _answer(ask: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    from msal.exceptions import MsalServiceError
    from requests import RequestException

    try:
        return ask()
    except (RequestException, MsalServiceError) as error:
        raise MailServerUnavailable(
            "Microsoft's token endpoint does not answer: mails of this mailbox wait and are tried again."
        ) from error
    except ValueError as error:
        raise SettingsInvalid(
            f"Microsoft's authority is not right ({_line(error)}): check tenant and client id."
        ) from None


def _grant(answer: dict[str, Any]) -> Grant:
    if "access_token" in answer:
        return Grant(answer["access_token"], float(answer.get("expires_in", 3_600)), answer.get("refresh_token"))
    if answer.get("error") in _PASSING:
        raise MailServerUnavailable("Microsoft cannot give tokens at present: mails wait and are tried again.")
    words = _line(answer.get("error_description") or answer.get("error") or "no reason given")
    raise MailboxRefused(f"Microsoft gives no access to this mailbox ({words}): connect it again.")


def _line(words: object) -> str:
    return (str(words).strip().splitlines() or ["no reason given"])[0].rstrip(".")[:200]
