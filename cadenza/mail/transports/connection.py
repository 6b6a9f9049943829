"""How is one message handed over through an SMTP connection, and what do the answers mean?"""

from __future__ import annotations

import re
import smtplib
import socket
import ssl
import time
from contextlib import suppress
from dataclasses import replace

from cadenza.domain.delivery import Attempt, AttemptResult
from cadenza.mail.transports.outgoing import BeforeBody, Outgoing
from cadenza.mail.transports.server import ANSWER_SECONDS, Server, open_smtp

_ENHANCED = re.compile(r"^([245]\.\d{1,3}\.\d{1,3})(?=\s|$)")
#: Where servers put their own id of a message into the 250: Postfix and many others, Exchange, Exim and Gmail, SES.
_QUEUED = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (r"queued as <?([^\s>]+)", r"\bid=<?([^\s>,]+)", r"^(?:2\.\d\.\d )?ok:? +(?:id )?<?([\w.@+=-]{8,})")
)

#: Lets the system put what follows into the same packet.
_MORE_TO_COME = getattr(socket, "MSG_MORE", 0)

#: Bytes of attachments in a second that a line carries at least.
_SLOWEST = 50_000

#: What would end an address, or the command it stands in, early.
_UNFIT = re.compile(r"[\x00-\x20\x7f<>]")


class Broken(Exception):
    """The connection is of no use any more; nothing was accepted."""

    def __init__(self, reason: str, *, is_worth_another: bool) -> None:
        super().__init__(reason)
        #: It had gone away while nobody used it: a new one may do better at once.
        self.is_worth_another = is_worth_another


class Connection:
    """A logged-in SMTP connection that stops between the server's 354 and the body."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.used_at = time.monotonic()
        self._was_used = False
        #: The mail whose envelope is under way or through already.
        self._announced: Outgoing | None = None
        self._smtp = open_smtp(server)
        self._pipelines = self._smtp.has_extn("pipelining")

    def is_alive(self) -> bool:
        """Whether the server still answers after a pause."""
        with suppress(OSError, smtplib.SMTPException):
            return self._smtp.noop()[0] == 250
        return False

    def hand_over(self, mail: Outgoing, before_body: BeforeBody, following: Outgoing | None = None) -> Attempt:
        """One attempt for one message. The envelope of the one ``following`` may travel with its body (RFC 2920, 3.1).

        Raises:
            Broken: the connection went away before the final dot was sent.
        """
        is_in_use = False
        try:
            taken = self._envelope(mail)
            if isinstance(taken, Attempt):
                return taken
            mail, is_in_use = taken, True
            may_go = before_body(mail)
            patience = ANSWER_SECONDS + len(mail.appendix) / _SLOWEST
            left = patience if mail.deadline is None else min(mail.deadline - time.monotonic(), patience)
            if not may_go or left <= 0:
                self.close()  # the only way out of DATA without a message
                result = AttemptResult.DEFERRED if may_go else AttemptResult.LOST
                return Attempt(mail.delivery_id, result, text="Too late for its lease." if may_go else "")
            announcement = self._announcement(following)
            self._send_all(_stuffed(mail.message, mail.appendix), left)
            if announcement:
                with suppress(OSError):  # behind the dot nothing may fail: the answers will tell
                    self._send(announcement)
        except (OSError, smtplib.SMTPException) as error:
            self.close()
            raise Broken(type(error).__name__, is_worth_another=self._was_used and not is_in_use) from error
        except BaseException:
            self.close()  # it stands in the middle of a message
            raise
        return self._answer_to_dot(mail)

    def _envelope(self, mail: Outgoing) -> Outgoing | Attempt:
        """MAIL, RCPT and DATA up to the 354: the mail, without its copy if that is not taken; or what was refused."""
        is_announced, self._announced = self._announced is mail, None
        if _UNFIT.search(mail.from_address + mail.to_address):
            return Attempt(mail.delivery_id, AttemptResult.REJECTED, 553, "5.1.3", "This is no address.")
        needs_utf8 = not (mail.from_address + mail.to_address).isascii()
        if needs_utf8 and not self._smtp.has_extn("smtputf8"):
            return Attempt(
                mail.delivery_id, AttemptResult.REJECTED, 553, "5.6.7", "The server takes no addresses beyond ASCII."
            )
        sender, recipient, data = _commands(mail)
        if mail.copy_to and (_UNFIT.search(mail.copy_to) or not (mail.copy_to.isascii() or needs_utf8)):
            mail = replace(mail, copy_to=None)
        if mail.copy_to is None:
            replies = self._converse(sender, recipient, data, are_sent=is_announced)
        else:
            # DATA waits for the answers: a copy must not go out without the mail.
            replies = self._converse(sender, recipient, f"RCPT TO:<{mail.copy_to}>\r\n")
            copy = replies.pop() if len(replies) == 3 else None
            if copy is None or copy[0] // 100 != 2:
                mail = replace(mail, copy_to=None)
            if copy is not None and all(code // 100 == 2 for code, _ in replies):
                replies += self._converse(data)
        if len(replies) == 3 and replies[2][0] == 354 and all(code // 100 == 2 for code, _ in replies[:2]):
            return mail
        code, words = next((reply for reply in replies if reply[0] // 100 in (4, 5)), (0, b"An answer beyond SMTP."))
        if code == 421 and self._was_used:
            raise smtplib.SMTPServerDisconnected("enough for one connection")
        if not code or code == 421 or (len(replies) == 3 and replies[2][0] == 354):
            self.close()  # it wants a body although it refused the envelope, or there is no talking with it
        else:
            try:
                self._smtp.rset()
            except (OSError, smtplib.SMTPException):
                self.close()
        return _attempt(mail, code, words)

    def _announcement(self, mail: Outgoing | None) -> bytes:
        """The envelope of the next mail, if its answers need not be waited for one by one."""
        if mail is None or not self._pipelines or mail.copy_to:
            return b""
        addresses = mail.from_address + mail.to_address
        if not addresses.isascii() or _UNFIT.search(addresses):
            return b""
        self._announced = mail
        return "".join(_commands(mail)).encode()

    def _converse(self, *commands: str, are_sent: bool = False) -> list[tuple[int, bytes]]:
        """The answers to commands, in one packet where the server allows; up to a refusal where it does not."""
        replies: list[tuple[int, bytes]] = []
        try:
            if self._pipelines and not are_sent:
                self._send("".join(commands).encode())
            for command in commands:
                if not self._pipelines:
                    self._send(command.encode())
                replies.append(self._smtp.getreply())
                if not self._pipelines and replies[-1][0] // 100 not in (2, 3):
                    break
        except (OSError, smtplib.SMTPException):
            if not any(code // 100 in (4, 5) for code, _ in replies):
                raise
            self.close()  # it refused and hung up
        return replies

    def _answer_to_dot(self, mail: Outgoing) -> Attempt:
        assert self._smtp.sock is not None
        try:
            self._smtp.sock.settimeout(self.server.dot_timeout_seconds)
            code, words = self._smtp.getreply()
            self._smtp.sock.settimeout(ANSWER_SECONDS)
        except (OSError, smtplib.SMTPException):
            self.close()
            return Attempt(mail.delivery_id, AttemptResult.SILENCE)
        self.used_at = time.monotonic()
        self._was_used = True
        if code // 100 not in (2, 4, 5):
            self.close()
            return Attempt(mail.delivery_id, AttemptResult.SILENCE, text="An answer beyond SMTP.")
        if code == 421:
            self.close()
        return _attempt(mail, code, words)

    def _send(self, data: bytes) -> None:
        if self._smtp.sock is None:
            raise smtplib.SMTPServerDisconnected("closed")
        self._smtp.sock.sendall(data)

    def _send_all(self, data: bytes, seconds: float) -> None:
        """Send a whole message in this time, or break off before its dot."""
        sock = self._smtp.sock
        assert sock is not None
        sock.settimeout(seconds)
        has_more = self._announced is not None and not isinstance(sock, ssl.SSLSocket)
        sock.sendall(data, _MORE_TO_COME if has_more else 0)

    @property
    def is_open(self) -> bool:
        """Whether it can be used for the next mail."""
        return self._smtp.sock is not None

    @property
    def is_free(self) -> bool:
        """Whether it can be used for any mail: nothing is under way."""
        return self.is_open and self._announced is None

    def quit(self) -> None:
        """Say goodbye."""
        with suppress(OSError, smtplib.SMTPException):
            self._smtp.quit()
        self.close()

    def close(self) -> None:
        """Drop the connection."""
        self._smtp.close()


def _commands(mail: Outgoing) -> tuple[str, str, str]:
    extension = "" if (mail.from_address + mail.to_address).isascii() else " SMTPUTF8"
    return f"MAIL FROM:<{mail.from_address}>{extension}\r\n", f"RCPT TO:<{mail.to_address}>\r\n", "DATA\r\n"


def _stuffed(message: bytes, appendix: bytes) -> bytes:
    """The message as DATA wants it: dots at line starts doubled (no appendix has one), the final dot behind."""
    if message.startswith(b"."):
        message = b"." + message
    if b"\n." in message:
        message = message.replace(b"\n.", b"\n..")
    if appendix:
        return b"".join((message, appendix, b".\r\n"))
    return message + (b".\r\n" if message.endswith(b"\r\n") else b"\r\n.\r\n")


def _attempt(mail: Outgoing, code: int, words: bytes) -> Attempt:
    """What a reply amounts to."""
    text = words.decode("utf-8", "replace").replace("\n", " ").replace("\0", "")  # which PostgreSQL does not take
    enhanced = _ENHANCED.match(text)
    status = enhanced.group(1) if enhanced else None
    if code // 100 == 2:
        queued = next((found.group(1) for pattern in _QUEUED if (found := pattern.search(text))), None)
        return Attempt(mail.delivery_id, AttemptResult.ACCEPTED, code, status, text, queued)
    result = AttemptResult.REJECTED if code // 100 == 5 else AttemptResult.DEFERRED
    return Attempt(mail.delivery_id, result, code, status, text)
