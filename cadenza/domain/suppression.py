"""Why is somebody not written to?"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

#: Reasons of suppressions. An opt-out goes away when the person subscribes again, a complaint never.
OPTED_OUT: Final = "opted_out"
HARD_BOUNCE: Final = "hard_bounce"
COMPLAINT: Final = "complaint"
BY_HAND: Final = "by_hand"

#: Cells of a column about bounces or opt-outs that say: there was none. Whatever else stands there bars the address.
NOT_BARRED: Final = frozenset(
    {"", "0", "no", "n", "false", "f", "none", "null", "n/a", "-", "nein", "falsch", "keine", "non", "subscribed"}
)


class Kind(StrEnum):
    """What an entry of the suppression list is."""

    ADDRESS = "address"
    #: With everything below it.
    DOMAIN = "domain"


class Barring(StrEnum):
    """What lists of other systems say of addresses; also the name of the field that says so."""

    OPTED_OUT = "opted_out"
    BOUNCED = "bounced"

    @property
    def reason(self) -> str:
        """Of the entry on the suppression list."""
        return OPTED_OUT if self is Barring.OPTED_OUT else HARD_BOUNCE
