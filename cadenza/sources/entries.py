"""Which addresses and domains does a suppression list name?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from cadenza.domain.contact import property_name
from cadenza.domain.suppression import Kind
from cadenza.errors import SourceUnreadable
from cadenza.sources.addresses import normalize_address
from cadenza.sources.chunk import Source
from cadenza.sources.headers import KNOWN_HEADERS

_DOMAIN_HEADERS = ("domain", "domains", "domain_name", "company_domain", "website")


@dataclass(frozen=True, slots=True)
class Entries:
    """Normalized addresses and domains, and what is neither."""

    addresses: list[str] = field(default_factory=list)
    domains: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)

    @property
    def by_kind(self) -> dict[Kind, list[str]]:
        """Those that there are."""
        both = {Kind.ADDRESS: self.addresses, Kind.DOMAIN: self.domains}
        return {kind: values for kind, values in both.items() if values}


def entries_of(words: Iterable[str]) -> Entries:
    """What each of the words is: ``jo@firm.example`` an address, ``firm.example`` or ``@firm.example`` a domain."""
    found = Entries()
    for word in dict.fromkeys(filter(None, (word.strip() for word in words))):
        name, at, domain = word.rpartition("@")
        address = normalize_address(word if at and name else f"x@{domain.removeprefix('*.')}")
        if address is None:
            found.unreadable.append(word)
        elif at and name:
            found.addresses.append(address)
        else:
            found.domains.append(address.partition("@")[2])
    return found


def listed_words(source: Source) -> Iterator[str]:
    """The cells of a file's column of addresses or domains; a file with one column may do without a header.

    Raises:
        SourceUnreadable: no column is known to hold either.
    """
    columns = {property_name(name): name for name in reversed(source.columns)}
    known = [columns[name] for name in (*KNOWN_HEADERS["email"], *_DOMAIN_HEADERS) if name in columns]
    if not known and len(source.columns) > 1:
        raise SourceUnreadable(
            f"No column of {source.name} holds addresses or domains: call one 'email' or 'domain'. The columns are "
            f"{', '.join(source.columns)}."
        )
    column = known[0] if known else source.columns[0]
    if not known:
        yield column
    for chunk in source.read():
        yield from chunk.rows[column].to_pylist()
