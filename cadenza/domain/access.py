"""What may a program do that comes with a key?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from cadenza.errors import WrongUse


class Scope(StrEnum):
    """A permission of a key."""

    SEQUENCES_READ = "sequences.read"
    SEQUENCES_WRITE = "sequences.write"
    CONTACTS_READ = "contacts.read"
    CONTACTS_WRITE = "contacts.write"
    ENROLLMENTS_READ = "enrollments.read"
    ENROLLMENTS_WRITE = "enrollments.write"
    TODOS_READ = "todos.read"
    TODOS_WRITE = "todos.write"
    REPORTS_READ = "reports.read"
    AUTOMATIONS_READ = "automations.read"
    AUTOMATIONS_WRITE = "automations.write"
    EVENTS_WRITE = "events.write"
    USERS_WRITE = "users.write"


#: What HubSpot calls permissions, and which of ours they are.
HUBSPOT_SCOPES: Final[Mapping[str, frozenset[Scope]]] = MappingProxyType(
    {
        "automation.sequences.read": frozenset({Scope.SEQUENCES_READ, Scope.ENROLLMENTS_READ}),
        "automation.sequences.enrollments.write": frozenset({Scope.ENROLLMENTS_WRITE}),
    }
)
#: Every permission there is.
ALL: Final = "all"


def scopes_of(names: Iterable[str]) -> frozenset[Scope]:
    """The permissions that a person names: by our words, by HubSpot's, or all of them.

    Raises:
        WrongUse: there is no such permission, or none is named.
    """
    found: set[Scope] = set()
    for name in names:
        if name == ALL:
            found.update(Scope)
        elif name in HUBSPOT_SCOPES:
            found |= HUBSPOT_SCOPES[name]
        elif name in list(Scope):
            found.add(Scope(name))
        else:
            raise WrongUse(f"There is no scope {name!r}: choose of {', '.join(Scope)}; or {ALL}.")
    if not found:
        raise WrongUse(f"A key needs a scope: choose of {', '.join(Scope)}; or {ALL}.")
    return frozenset(found)
