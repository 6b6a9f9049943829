"""How do messages reach the embedded sink, and how do we know that it took them?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cadenza.mail.sink import has_taken
from cadenza.mail.transports.server import Server
from cadenza.mail.transports.smtp import SmtpTransport


class SinkTransport(SmtpTransport):
    """SMTP to the embedded sink; its folder is the witness."""

    def __init__(self, port: int, folder: Path) -> None:
        super().__init__(Server("127.0.0.1", port, security="none"))
        self.folder = folder

    def accepted(self, message_ids: Sequence[str], known: Sequence[str] = ()) -> set[str] | None:
        """Those of the Message-IDs that the sink took."""
        return {message_id for message_id in message_ids if has_taken(self.folder, message_id)}
