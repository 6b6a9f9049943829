"""What does a mail ask for that a person filed into the folder of a sequence, or sent to its address?"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

#: People file into ``Cadenza/<sequence>``; what was read is moved on to the folder below.
ROOT, DONE = "Cadenza", "Done"
#: Between the parts of an address that enrolls: ``mia+enroll.win_back@example.com``.
TAG: Final = "+enroll."


@dataclass(frozen=True, slots=True)
class FiledMail:
    """A wish to enroll the other party of a mail, going on with its conversation."""

    #: Of mailbox, sequence and mail.
    source_id: str
    sequence: str
    #: Normalized; None: the mail has no other party.
    address: str | None
    first_name: str
    last_name: str
    subject: str
    #: Message-IDs of the conversation, oldest first; the mail's own is the last one.
    references: tuple[str, ...]


def address_of(sequence: str, mailbox: str) -> str:
    """The address of a sequence in a mailbox: a mail of its user's with a copy there enrolls its other party."""
    local, _, domain = mailbox.rpartition("@")
    return f"{local}{TAG}{sequence}@{domain}"


def sequence_of(address: str, mailboxes: Collection[str]) -> str | None:
    """The sequence that an address is of, in one of some mailboxes; None: it is of none."""
    local, _, domain = address.rpartition("@")
    owner, tag, sequence = local.partition(TAG)
    return sequence if tag and sequence and f"{owner}@{domain}" in mailboxes else None
