"""What does a transport promise?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from cadenza.domain.delivery import Attempt


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message to hand over; its bytes have CRLF line ends."""

    delivery_id: int
    from_address: str
    to_address: str
    message: bytes
    #: ``time.monotonic()`` after which its final dot must not be sent any more.
    deadline: float | None = None


#: Asked after the server's 354 and before the body: may this message go?
BeforeBody = Callable[[Outgoing], bool]


class Transport(Protocol):
    """The way out of one mailbox; safe to use from several threads."""

    def send(self, outgoing: Sequence[Outgoing], before_body: BeforeBody) -> Iterator[Attempt]:
        """Hand messages over in order, one attempt for each.

        A connection that breaks before the final dot defers its message; after it, the attempt is silence.

        Raises:
            MailboxRefused: the server refuses the login; no message after that was tried.
        """
        ...

    def accepted(self, message_ids: Sequence[str]) -> set[str] | None:
        """Those of the Message-IDs that the witness shows; None: there is no witness."""
        ...

    def check(self) -> str | None:
        """Log in and out again; what is wrong, or None."""
        ...

    def close(self) -> None:
        """Close every connection."""
        ...
