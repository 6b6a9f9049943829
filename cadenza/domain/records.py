"""Which records does somebody mean, and which of their contacts?"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from cadenza.errors import WrongUse

#: Whom a record stands for: the contact that is marked as primary (else the one known longest), or all of its contacts.
ContactRule = Literal["primary", "all"]

#: The kinds that everybody has; any other name is a custom object.
COMPANY: Final = "company"
DEAL: Final = "deal"
TICKET: Final = "ticket"

_KIND: Final = re.compile(r"[a-z][a-z0-9_]{0,62}")


@dataclass(frozen=True, slots=True)
class Records:
    """Records whose contacts are meant: named ones of any kinds, or those of one kind that a filter finds."""

    #: Kind and name of each: its id in the other system, else its name, of companies also the domain.
    named: tuple[tuple[str, str], ...] = ()
    kind: str | None = None
    filter: str | None = None
    #: None: as the settings say.
    contacts: ContactRule | None = None

    @property
    def words(self) -> str:
        """Which they are, for people."""
        if self.kind:
            return f"{self.kind} records where {self.filter}"
        shown = ", ".join(f"{kind} {name}" for kind, name in self.named[:3])
        return shown if len(self.named) <= 3 else f"{len(self.named):,} chosen records"


def records_of(
    named: Sequence[str] = (), kind: str = "", filter: str = "", contacts: ContactRule | None = None
) -> Records | None:
    """The records that a form or a command line names, such as "deal:4711"; None: it names none.

    Raises:
        WrongUse: a name is not KIND:NAME, or a kind and its filter do not come together, or come beside names.
    """
    if not named and not kind and not filter:
        return None
    if bool(kind) != bool(filter) or (named and kind):
        raise WrongUse("Name records one by one (KIND:NAME), or give a kind together with a filter.")
    pairs = []
    for name in named:
        of, separator, rest = name.partition(":")
        if not separator or not rest.strip():
            raise WrongUse(f"{name!r} names no record: write KIND:NAME, such as deal:4711 or company:Acme.")
        pairs.append((kind_named(of), rest.strip()))
    return Records(tuple(pairs), kind_named(kind) if kind else None, filter or None, contacts)


def kind_named(words: str) -> str:
    """A kind of records as it is stored.

    Raises:
        WrongUse: it is no name.
    """
    kind = re.sub(r"[\s-]+", "_", words.strip().lower())
    if not _KIND.fullmatch(kind):
        raise WrongUse(f"{words!r} is no kind of records: company, deal, ticket, or a name of letters, digits and _.")
    return kind
