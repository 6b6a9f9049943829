"""When does a sequence enroll or unenroll a contact by itself?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import chain
from typing import Any, Final

from cadenza.domain.contact import property_name
from cadenza.domain.page_url import containing, equal_to, matching

#: The property that holds the address of a contact's owner.
OWNER_PROPERTY: Final = "owner_email"


class TriggerKind(StrEnum):
    """What a rule listens to; also: what a signal is."""

    FORM = "form"
    PAGE_VIEW = "page_view"
    ENTERS_LIST = "enters_list"
    LEAVES_LIST = "leaves_list"
    PROPERTY = "property"
    EVENT = "event"


class PageMatch(StrEnum):
    """How the URL of a page is compared."""

    EQUALS = "equals"
    CONTAINS = "contains"
    MATCHES = "matches"


class Action(StrEnum):
    """What a rule does."""

    ENROLL = "enroll"
    UNENROLL = "unenroll"


class FiringState(StrEnum):
    """What became of a signal that a rule took up."""

    WAITING = "waiting"
    ENROLLED = "enrolled"
    REFUSED = "refused"
    CANCELLED = "cancelled"
    UNENROLLED = "unenrolled"


_PATTERNS: Final = {PageMatch.EQUALS: equal_to, PageMatch.CONTAINS: containing, PageMatch.MATCHES: matching}


@dataclass(frozen=True, slots=True)
class Trigger:
    """What has to happen."""

    kind: TriggerKind
    #: Names of forms, of a list, a property or an event; URLs of pages. One of them is enough; none: any form.
    names: tuple[str, ...] = ()
    page_match: PageMatch = PageMatch.EQUALS
    #: Of a property: what it was, what it becomes; None: anything.
    from_value: str | None = None
    to_value: str | None = None

    @property
    def patterns(self) -> list[str]:
        """What the URL of a page must be like."""
        if self.kind is not TriggerKind.PAGE_VIEW:
            return []
        return list(chain.from_iterable(_PATTERNS[self.page_match](name) for name in self.names))

    @property
    def matched_names(self) -> list[str]:
        """What a signal must be named, one of these; empty: anything."""
        if self.kind is TriggerKind.PAGE_VIEW:
            return []
        return [property_name(name) for name in self.names] if self.kind is TriggerKind.PROPERTY else list(self.names)

    @property
    def words(self) -> str:
        """The trigger in words for people."""
        names = ", ".join(self.names)
        match self.kind:
            case TriggerKind.FORM:
                return f"form {names or 'of any kind'} is submitted"
            case TriggerKind.PAGE_VIEW:
                return f"page {self.page_match} {names} is viewed"
            case TriggerKind.ENTERS_LIST:
                return f"contact enters list {names}"
            case TriggerKind.LEAVES_LIST:
                return f"contact leaves list {names}"
            case TriggerKind.EVENT:
                return f"event {names} occurs"
        before = "" if self.from_value is None else f" from {self.from_value or 'nothing'}"
        after = "" if self.to_value is None else f" to {self.to_value or 'nothing'}"
        return f"property {names} changes{before}{after}"


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of a sequence."""

    name: str
    trigger: Trigger
    action: Action = Action.ENROLL
    #: Between the signal and the action; then everything is judged as it is by then.
    delay_minutes: int = 0
    #: A user's handle; None: the user whose address a property of the contact holds, else ``fallback_sender``.
    sender: str | None = None
    sender_property: str | None = None
    fallback_sender: str | None = None
    #: Why contacts are unenrolled, in a person's words.
    reason: str = ""
    #: Whether a contact may be enrolled by this rule more than once.
    is_repeating: bool = False
    #: Switched on when it is first stored; after that as a person switched it.
    is_on: bool = True

    @property
    def sender_words(self) -> str:
        """Who sends, in words for people."""
        if self.action is Action.UNENROLL:
            return ""
        otherwise = f", else {self.fallback_sender}" if self.fallback_sender else ""
        return self.sender or f"{self.sender_property} of the contact{otherwise}"

    def as_definition(self) -> dict[str, Any]:
        """The rule as plain JSON data, for storage."""
        return {
            "name": self.name,
            "trigger": {
                "kind": self.trigger.kind.value,
                "names": list(self.trigger.names),
                "page_match": self.trigger.page_match.value,
                "from_value": self.trigger.from_value,
                "to_value": self.trigger.to_value,
            },
            "action": self.action.value,
            "delay_minutes": self.delay_minutes,
            "sender": self.sender,
            "sender_property": self.sender_property,
            "fallback_sender": self.fallback_sender,
            "reason": self.reason,
            "is_repeating": self.is_repeating,
            "is_on": self.is_on,
        }

    @classmethod
    def from_definition(cls, data: Mapping[str, Any]) -> Rule:
        """The rule that ``as_definition`` described."""
        trigger = data["trigger"]
        return cls(
            **{
                **data,
                "trigger": Trigger(
                    TriggerKind(trigger["kind"]),
                    tuple(trigger["names"]),
                    PageMatch(trigger["page_match"]),
                    trigger["from_value"],
                    trigger["to_value"],
                ),
                "action": Action(data["action"]),
            }
        )


@dataclass(frozen=True, slots=True)
class Signal:
    """Something that a contact or a visitor did, as it came in."""

    kind: TriggerKind
    #: The same again is no other signal.
    source_id: str
    #: Of the form or the event; the normalized URL of a page.
    name: str
    at: datetime
    #: Whom it is about, as far as it says.
    contact_id: int | None = None
    address: str | None = None
    visitor: str | None = None
    #: Of a form.
    fields: Mapping[str, str] | None = None
