"""Where does a mailbox send, and how does a connection begin?"""

from __future__ import annotations

import base64
import smtplib
import socket
import ssl
from dataclasses import dataclass
from typing import Any

from cadenza.errors import MailboxRefused, MailServerUnavailable
from cadenza.mail.login import Login, Proof, logged_in, xoauth2

#: Seconds to wait for any answer but that to the final dot (RFC 5321, 4.5.3.2: five minutes are for slow queues).
ANSWER_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Server:
    """Where to connect, and as whom; hashable, so that mailboxes of one login share connections."""

    host: str
    port: int
    security: str = "starttls"
    login: Login | None = None
    dot_timeout_seconds: float = 600.0

    def __repr__(self) -> str:
        return f"Server({self.host}:{self.port}, {self.security})"


class Greeted(smtplib.SMTP):
    """Remembers what the server greeted with."""

    greeting = b""

    def connect(self, *arguments: Any, **named: Any) -> tuple[int, bytes]:
        """Connect, as the library does."""
        code, self.greeting = super().connect(*arguments, **named)
        return code, self.greeting


class GreetedByTls(Greeted, smtplib.SMTP_SSL):
    """The same where TLS comes first."""


def open_smtp(server: Server) -> Greeted:
    """A logged-in connection.

    Raises:
        MailboxRefused: the server refuses the login, or does not offer what the settings ask for.
        MailServerUnavailable: the server does not answer (transient).
        SettingsInvalid: the secret is not where the settings say.
    """
    return logged_in(server.login, lambda proof: _answered(server, proof))


def _answered(server: Server, proof: Proof | None) -> Greeted:
    try:
        return _open(server, proof)
    except smtplib.SMTPAuthenticationError as error:
        if error.smtp_code // 100 == 4:
            raise MailServerUnavailable(
                f"The mail server {server.host} cannot log anybody in at present ({error.smtp_code}): "
                "its mails wait and are tried again."
            ) from error
        raise MailboxRefused(
            f"{server.host} refused the login ({error.smtp_code}): check user name and password of the mailbox."
        ) from error
    except smtplib.SMTPNotSupportedError as error:
        raise MailboxRefused(
            f"{server.host}:{server.port} does not offer what the mailbox asks for ({error}): "
            "check its security and user name."
        ) from error
    except (OSError, smtplib.SMTPException) as error:
        raise MailServerUnavailable(
            f"The mail server {server.host}:{server.port} does not answer ({type(error).__name__}): "
            "its mails wait and are tried again."
        ) from error


def _open(server: Server, proof: Proof | None) -> Greeted:
    context = None if server.security == "none" else ssl.create_default_context()
    smtp: Greeted
    if server.security == "tls":
        smtp = GreetedByTls(server.host, server.port, timeout=ANSWER_SECONDS, context=context)
    else:
        smtp = Greeted(server.host, server.port, timeout=ANSWER_SECONDS)
    try:
        smtp.ehlo_or_helo_if_needed()
        if server.security == "starttls":
            smtp.starttls(context=context)
            smtp.ehlo()
        if server.login and proof:
            _log_in(smtp, server.login.username, proof)
    except BaseException:
        smtp.close()
        raise
    if smtp.sock is not None:
        smtp.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return smtp


def _log_in(smtp: smtplib.SMTP, username: str, proof: Proof) -> None:
    if proof.is_token:
        _authenticate(smtp, "XOAUTH2", xoauth2(username, proof.value))
    elif (username + proof.value).isascii():
        smtp.login(username, proof.value)
    else:
        _authenticate(smtp, "PLAIN", f"\0{username}\0{proof.value}")  # the library takes ASCII only


def _authenticate(smtp: smtplib.SMTP, mechanism: str, words: str) -> None:
    if mechanism not in smtp.esmtp_features.get("auth", "").upper().split():
        raise smtplib.SMTPNotSupportedError(f"AUTH {mechanism}")
    code, answer = smtp.docmd("AUTH", f"{mechanism} {base64.b64encode(words.encode()).decode()}")
    if code == 334:  # the reason of a refusal, which comes after an empty line
        code, answer = smtp.docmd("")
    if code not in (235, 503):
        raise smtplib.SMTPAuthenticationError(code, answer)
