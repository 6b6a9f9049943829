"""What do the fields of a delivery report (RFC 3464) say of each recipient?"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from cadenza.mail.incoming.headers import normalized
from cadenza.mail.incoming.mime import Mail

TYPES: Final = ("message/delivery-status", "message/global-delivery-status")
_FIELD: Final = re.compile(r"[>\s*]{0,6}([A-Za-z][\w-]{1,40})[ \t]*:[ \t]*(.*)")
_OF_A_RECIPIENT: Final = frozenset(
    {"original-recipient", "final-recipient", "x-actual-recipient", "action", "status", "diagnostic-code"}
)
_IDENTIFYING: Final = ("final-recipient", "action", "status")
_MOST_LINES: Final = 2000
_MOST_RECIPIENTS: Final = 50
_LONGEST: Final = 4000


@dataclass(slots=True)
class Fields:
    """The fields about one recipient, names in lower case."""

    values: dict[str, str] = field(default_factory=dict)

    def __getitem__(self, name: str) -> str:
        return self.values.get(name, "")

    @property
    def address(self) -> str | None:
        """Whom we wrote to: the original recipient before the final one."""
        for name in ("original-recipient", "final-recipient", "x-actual-recipient"):
            address = normalized(self[name].partition("(")[0].replace("\\;", ";"))
            if address:
                return address
        return None

    @property
    def is_good_news(self) -> bool:
        """Whether the mail arrived or goes on."""
        action = self["action"].strip().lower()
        return action.startswith(("deliver", "relay", "expand")) or (not action and self["status"].startswith("2."))

    @property
    def is_delay(self) -> bool:
        """Whether it is tried again."""
        return self["action"].strip().lower().startswith("delay")


@dataclass(frozen=True, slots=True)
class DeliveryStatus:
    """A delivery report as its fields tell it."""

    recipients: list[Fields]
    envelope_id: str | None
    message_ids: str
    #: How many mails the report is enclosed in; a gateway may have put it into one.
    enclosed: int = 0


NO_FIELDS: Final = DeliveryStatus([], None, "")


def delivery_status(mail: Mail) -> DeliveryStatus | None:
    """The report's fields; of a mail that encloses a report as a whole, that one's. None: there are no such fields."""
    parts = [part for part in mail.parts if part.content_type in TYPES]
    if not parts:
        return None
    nearest = min(part.enclosed for part in parts)
    return _read("\n\n".join(part.text for part in parts if part.enclosed == nearest), nearest)


def fields_in(text: str) -> DeliveryStatus | None:
    """Such fields in the words of a mail, where a server on the way has broken the report's parts apart."""
    return _read(text) if "final-recipient" in text.lower() else None


def field_values(text: str) -> dict[str, str]:
    """The first value of each field in some lines, names in lower case."""
    values: dict[str, str] = {}
    for name, value in _fields(text):
        values.setdefault(name, value)
    return values


def _read(text: str, enclosed: int = 0) -> DeliveryStatus:
    recipients: list[Fields] = []
    about_mail: dict[str, str] = {}
    current = Fields()
    for name, value in _fields(text):
        if not name:
            # An empty line ends a recipient, unless a server put one between its fields.
            if current.values.keys() >= {"final-recipient", "action"}:
                recipients.append(current)
                current = Fields()
            continue
        if name in _IDENTIFYING and name in current.values:
            recipients.append(current)
            current = Fields()
        (current.values if name in _OF_A_RECIPIENT else about_mail).setdefault(name, value)
        if len(recipients) >= _MOST_RECIPIENTS:
            break
    known = [
        entry for entry in [*recipients, current] if entry["final-recipient"] or entry["action"] or entry["status"]
    ]
    envelope_id = about_mail.get("original-envelope-id", "").strip()[:_LONGEST] or None
    ids = " ".join(value for name, value in about_mail.items() if "message-id" in name or "correlator" in name)
    return DeliveryStatus(known, envelope_id, ids, enclosed)


def _fields(text: str) -> Iterator[tuple[str, str]]:
    """The fields in their order, folded lines joined; ("", "") for an empty line."""
    name, value = "", ""
    for line in text.split("\n")[:_MOST_LINES]:
        if line[:1] in (" ", "\t") and line.strip() and name:
            value = f"{value} {line.strip()}"[:_LONGEST]
            continue
        if name:
            yield name, value
            name = ""
        found = _FIELD.match(line)
        if found:
            name, value = found[1].lower(), found[2].strip()[:_LONGEST]
        elif not line.strip():
            yield "", ""
    if name:
        yield name, value
