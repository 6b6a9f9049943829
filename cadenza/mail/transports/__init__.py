"""How does a message leave? Through a mailbox's own server, or into the embedded sink."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from cadenza.errors import SettingsInvalid
from cadenza.mail.account import ImapSettings, SmtpSettings, checked
from cadenza.mail.imap import ImapServer
from cadenza.mail.login import NoSecrets, Secrets
from cadenza.mail.oauth import Tokens
from cadenza.mail.transports.outgoing import BeforeBody, Outgoing, Transport
from cadenza.mail.transports.server import Server
from cadenza.mail.transports.sink import SinkTransport
from cadenza.mail.transports.smtp import SmtpTransport
from cadenza.mail.transports.witness import ImapWitness

__all__ = ["BeforeBody", "Outgoing", "Transport", "Transports"]


class SendingSettings(Protocol):
    """The settings that sending knows."""

    @property
    def home(self) -> Path:
        """Where the sink's folder is."""
        ...

    @property
    def sink_port(self) -> int:
        """Where the sink listens."""
        ...

    @property
    def dot_timeout_seconds(self) -> int:
        """How long to wait for the answer to a final dot."""
        ...


class Transports:
    """The connections of this process to mail servers; mailboxes of one login share theirs."""

    def __init__(self, settings: SendingSettings, secrets: Secrets | None = None) -> None:
        self.settings = settings
        #: Where the secrets are that mailboxes name.
        self.secrets: Secrets = secrets or NoSecrets()
        self.tokens = Tokens()
        self._open: dict[Any, Transport] = {}
        self._lock = threading.Lock()

    def of(
        self,
        mailbox_id: int,
        transport: Mapping[str, Any],
        imap: Mapping[str, Any] | None = None,
        sent_folder: str | None = None,
    ) -> Transport:
        """The transport of a mailbox; with its IMAP settings it has a witness.

        Raises:
            SettingsInvalid: names the mailbox and what is wrong with its settings.
        """
        if transport.get("kind") == "sink":
            port, folder = self.settings.sink_port, self.settings.home / "sink"
            return self._kept(("sink", port, folder), lambda: SinkTransport(port, folder))
        chosen = checked(SmtpSettings, transport, f"The transport of mailbox {mailbox_id}")
        server = self.smtp_server(chosen)
        witness = None
        if imap is not None and chosen.witness != "none":
            where = sent_folder if chosen.witness == "sent" else chosen.witness_folder
            witness = ImapWitness(self.imap_server(mailbox_id, imap, transport), where)
        return self._kept((server, witness), lambda: SmtpTransport(server, witness))

    def smtp_server(self, chosen: SmtpSettings) -> Server:
        """Where and as whom a mailbox sends."""
        login = chosen.login(self.secrets, self.tokens)
        return Server(chosen.host, chosen.port, chosen.security, login, self.settings.dot_timeout_seconds)

    def imap_server(self, mailbox_id: int, imap: Mapping[str, Any], transport: Mapping[str, Any]) -> ImapServer:
        """Where and as whom a mailbox is read; what its settings leave out of the login is as for sending.

        Raises:
            SettingsInvalid: names the mailbox and what is wrong with its settings.
        """
        whole = ImapSettings.beside(imap, transport)
        what = f"The IMAP settings of mailbox {mailbox_id}"
        chosen = checked(ImapSettings, whole, what)
        login = chosen.login(self.secrets, self.tokens)
        if login is None:
            raise SettingsInvalid(f"{what}: username: nobody reads a mailbox without a login. See docs/mailboxes.md.")
        return ImapServer(chosen.host, chosen.port, chosen.security, login)

    def _kept(self, key: Any, make: Any) -> Transport:
        with self._lock:
            if key not in self._open:
                self._open[key] = make()
            return self._open[key]

    def close(self) -> None:
        """Close every connection."""
        for transport in self._open.values():
            transport.close()
        self._open.clear()
