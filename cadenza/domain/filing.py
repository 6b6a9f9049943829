"""What does a mail ask for that a person filed into the folder of a sequence?"""

from __future__ import annotations

from dataclasses import dataclass

#: People file into ``Cadenza/<sequence>``; what was read is moved on to the folder below.
ROOT, DONE = "Cadenza", "Done"


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
