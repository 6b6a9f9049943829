"""What may a person want no more of?"""

from __future__ import annotations

from enum import StrEnum

#: Who did it, in events and endings: the person that the mails went to.
RECIPIENT = "recipient"


class OptOutScope(StrEnum):
    """Which mails a person wants no more."""

    #: From anybody of this installation.
    ALL = "all"
    #: Of the user that the enrollment's mails are from.
    SENDER = "sender"

    @property
    def ending_reason(self) -> str:
        """The refusal code that an enrollment ends with, and that keeps the contact from being enrolled again."""
        return "OPTED_OUT_ALL" if self is OptOutScope.ALL else "OPTED_OUT_SENDER"
