"""How does a message leave? Through a mailbox's own server, or into the embedded sink."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Protocol, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from cadenza.errors import SettingsInvalid
from cadenza.mail.transports.connection import Server
from cadenza.mail.transports.outgoing import BeforeBody, Outgoing, Transport
from cadenza.mail.transports.sink import SinkTransport
from cadenza.mail.transports.smtp import SmtpTransport

__all__ = ["BeforeBody", "Outgoing", "Transport", "Transports"]


class SmtpSettings(BaseModel):
    """A mailbox's own server; the password is named, never written down."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["smtp"]
    host: str
    port: int = Field(587, ge=1, le=65535)
    security: Literal["none", "starttls", "tls"] = "starttls"
    username: str | None = None
    password_env: str | None = None
    password_file: Path | None = None

    @model_validator(mode="after")
    def _no_password_in_the_open(self) -> Self:
        if self.username and self.security == "none" and self.host not in ("127.0.0.1", "::1", "localhost"):
            raise ValueError("a password may not travel in the open: choose security starttls or tls")
        return self

    def password(self) -> str | None:
        """The secret itself.

        Raises:
            SettingsInvalid: it is not where the transport says.
        """
        if self.password_env:
            if self.password_env not in os.environ:
                raise SettingsInvalid(
                    f"The environment variable {self.password_env} holds no password for {self.host}: set it."
                )
            return os.environ[self.password_env]
        if self.password_file:
            try:
                return self.password_file.read_text().strip()
            except OSError as error:
                raise SettingsInvalid(
                    f"{self.password_file} holds no password for {self.host} ({error.strerror}): write it there."
                ) from error
        return None


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

    def __init__(self, settings: SendingSettings) -> None:
        self.settings = settings
        self._open: dict[Any, Transport] = {}
        self._lock = threading.Lock()

    def of(self, mailbox_id: int, transport: Mapping[str, Any]) -> Transport:
        """The transport of a mailbox.

        Raises:
            SettingsInvalid: names the mailbox and what is wrong with its transport.
        """
        if transport.get("kind") == "sink":
            port, folder = self.settings.sink_port, self.settings.home / "sink"
            return self._kept(("sink", port, folder), lambda: SinkTransport(port, folder))
        try:
            chosen = SmtpSettings.model_validate(transport)
        except ValidationError as error:
            problems = "; ".join(": ".join([*map(str, problem["loc"]), problem["msg"]]) for problem in error.errors())
            raise SettingsInvalid(f"The transport of mailbox {mailbox_id}: {problems}. See docs/sending.md.") from error
        server = Server(
            chosen.host,
            chosen.port,
            chosen.security,
            chosen.username,
            chosen.password(),
            self.settings.dot_timeout_seconds,
        )
        return self._kept(server, lambda: SmtpTransport(server))

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
