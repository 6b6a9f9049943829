"""Is a mail a calendar's invitation, answer or cancellation (RFC 5545, 5546)?"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from cadenza.mail.incoming.mime import Mail

_TYPES: Final = ("text/calendar", "application/ics", "text/x-vcalendar", "text/ics")
_FOLDED: Final = re.compile(r"\n[ \t]")
_METHOD: Final = re.compile(r"^METHOD:\s*([A-Z-]+)", re.I | re.M)
_ATTENDANCE: Final = re.compile(r"^ATTENDEE[^\n:]{0,600}?PARTSTAT=\"?([A-Z-]+)", re.I | re.M)
#: What a method means for us: an answer, an invitation, a cancellation.
_METHODS: Final = {
    "REPLY": "REPLY",
    "COUNTER": "REPLY",
    "REQUEST": "REQUEST",
    "ADD": "REQUEST",
    "CANCEL": "CANCEL",
    "DECLINECOUNTER": "CANCEL",
}


@dataclass(frozen=True, slots=True)
class Meeting:
    """What a calendar says."""

    method: str
    #: Of an answer: "ACCEPTED", "DECLINED" or "TENTATIVE"; None: it does not say.
    attendance: str | None


def read_meeting(mail: Mail) -> Meeting | None:
    """The calendar's message in a mail, None if it has none; a file that is just handed on has no method."""
    for part in mail.own(*_TYPES):
        text = _FOLDED.sub("", part.text)
        said = _METHOD.search(text)
        method = _METHODS.get((said[1] if said else part.parameter("method")).upper())
        if method:
            answer = _ATTENDANCE.search(text) if method == "REPLY" else None
            attendance = answer[1].upper() if answer else None
            return Meeting(method, attendance if attendance in ("ACCEPTED", "DECLINED", "TENTATIVE") else None)
    return None
