"""How does a message leave? Through a mailbox's own server, or into the embedded sink."""

from __future__ import annotations

from cadenza.settings import Settings


class Transports:
    """The connections of this process to mail servers, by mailbox."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def close(self) -> None:
        """Close every connection."""
