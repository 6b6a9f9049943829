"""What must another system be able to tell, so that its contacts come in by themselves?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from cadenza.domain.feeds import Owner


@dataclass(frozen=True, slots=True)
class Page:
    """Some contacts, and where to go on behind them."""

    #: By column; every row of a connector has the same columns. Headers are understood as in a file: email, first_name,
    #: owner_email, external_id …; every other one becomes a property.
    rows: Sequence[Mapping[str, Any]]
    #: What asks for the contacts behind these, next time or after an interruption; None: it begins anew.
    cursor: str | None = None


@runtime_checkable
class Connector(Protocol):
    """Another system. It is made with the options of its table in ``cadenza.toml`` as named arguments.

    Every method raises ConnectorRefused if the other system does not let it in, ConnectorUnavailable if it does not
    answer now, NotFound if there is no such list.
    """

    def check(self) -> str:
        """As whom it is let in, and what it may read, in a few words."""
        ...

    def contacts(self, cursor: str | None) -> Iterator[Page]:
        """All contacts, or with the cursor of an earlier page those that come or have changed behind it."""
        ...

    def lists(self) -> Sequence[str]:
        """The names of its lists."""
        ...

    def members(self, name: str, cursor: str | None) -> Iterator[Page]:
        """The contacts of a list, all of them, or with the cursor of an earlier page those behind it."""
        ...

    def owners(self) -> Sequence[Owner]:
        """The users who look after contacts."""
        ...
