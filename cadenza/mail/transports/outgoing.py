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
    #: Another recipient, of the envelope only: the mailbox itself, whose copy is the witness. None also when the
    #: server did not take it.
    copy_to: str | None = None
    #: What follows the message: its attachments, the same bytes for many mails.
    appendix: bytes = b""


#: Asked after the server's 354 and before the body: may this message go? Its ``copy_to`` tells whether a copy goes too.
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

    def accepted(self, message_ids: Sequence[str], known: Sequence[str] = ()) -> set[str] | None:
        """Those of the Message-IDs that the witness shows; None: there is none, or it shows nothing at all.

        ``known`` are mails that the server took for certain: a witness that shows none of them proves nothing.

        Raises:
            CadenzaError: the witness cannot be asked now.
        """
        ...

    def check(self) -> str | None:
        """Log in and out again; what is wrong, or None."""
        ...

    def close(self) -> None:
        """Close every connection."""
        ...
