"""How is a mailbox opened for reading?"""

from __future__ import annotations

import logging
import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from imapclient import IMAPClient, SocketTimeout
from imapclient.exceptions import CapabilityError, IMAPClientAbortError, IMAPClientError, LoginError

from cadenza.errors import MailboxRefused, MailServerUnavailable
from cadenza.mail.login import Login, Proof, logged_in, xoauth2

#: Seconds to wait for a connection, and for any answer.
TIMEOUT = SocketTimeout(connect=20.0, read=60.0)

#: Refusals of a login that are not about the account (RFC 5530; Gmail and Microsoft say the rest in words).
_PASSING = re.compile(
    r"\[(UNAVAILABLE|INUSE|LIMIT|SERVERBUG)\]|too many|temporar|try again|not connected", re.IGNORECASE
)

#: What LOGIN takes without quotes, which imaplib does not put around it.
_PLAIN_NAME = re.compile(r"[A-Za-z0-9.@_+=/-]+")

# The library writes every line to its debug log.
logging.getLogger("imapclient").setLevel(logging.WARNING)


@dataclass(frozen=True, slots=True)
class ImapServer:
    """Where to connect, and as whom."""

    host: str
    port: int
    security: str
    login: Login


@contextmanager
def opened(server: ImapServer) -> Iterator[IMAPClient]:
    """A logged-in connection inside the block.

    Raises:
        MailboxRefused: the server refuses the login, or does not offer what the settings ask for.
        MailServerUnavailable: the server does not answer, or breaks off (transient).
        SettingsInvalid: the secret is not where the settings say.
    """
    client = logged_in(server.login, lambda proof: _open(server, proof))
    try:
        with _answering(server):
            yield client
    finally:
        _leave(client)


def _open(server: ImapServer, proof: Proof | None) -> IMAPClient:
    context = ssl.create_default_context()
    client: IMAPClient | None = None
    try:
        with _answering(server):
            is_tls = server.security == "tls"
            client = IMAPClient(
                server.host, server.port, ssl=is_tls, ssl_context=context if is_tls else None, timeout=TIMEOUT
            )
            # Instants with their offset, as the server tells them.
            client.normalise_times = False
            if server.security == "starttls":
                client.starttls(context)
            if proof:
                _log_in(client, server.login.username, proof)
    except BaseException:
        if client is not None:
            _leave(client)
        raise
    return client


def _log_in(client: IMAPClient, username: str, proof: Proof) -> None:
    if proof.is_token:
        answers = iter([xoauth2(username, proof.value)])
        # What follows a refusal is its reason: an empty answer ends the exchange.
        client.sasl_login("XOAUTH2", lambda _: next(answers, ""))
    elif proof.value.isascii() and _PLAIN_NAME.fullmatch(username):
        client.login(username, proof.value)
    else:
        client.plain_login(username, proof.value)


@contextmanager
def _answering(server: ImapServer) -> Iterator[None]:
    """Errors of the library as ours."""
    try:
        yield
    except LoginError as error:
        if isinstance(error.__context__, IMAPClientAbortError) or _PASSING.search(str(error)):
            raise MailServerUnavailable(f"{server.host} cannot log anybody in at present: it is tried again.") from None
        raise MailboxRefused(
            f"{server.host} refused the login to read mail: check user name and password of the mailbox."
        ) from None
    except CapabilityError as error:
        raise MailboxRefused(
            f"{server.host}:{server.port} does not offer what the mailbox asks for ({error}): check its security."
        ) from error
    except IMAPClientAbortError as error:
        raise MailServerUnavailable(f"{server.host} broke off the connection: it is tried again.") from error
    except IMAPClientError as error:
        raise MailServerUnavailable(f"{server.host} did not do what it was asked ({_first(error)}).") from error
    except OSError as error:
        raise MailServerUnavailable(
            f"The IMAP server {server.host}:{server.port} does not answer ({type(error).__name__}): it is tried again."
        ) from error


def _leave(client: IMAPClient) -> None:
    """Say goodbye without waiting long for an answer."""
    try:
        client.socket().settimeout(2.0)
        client.logout()
    except (OSError, IMAPClientError, AttributeError):
        try:
            client.shutdown()
        except (OSError, IMAPClientError, AttributeError):
            logging.getLogger(__name__).debug("a connection was gone already")


def _first(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
