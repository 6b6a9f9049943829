"""Whom does a command line name? A list, a filter, contacts, or records whose contacts are meant."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

import typer

from cadenza.cli.connection import transaction
from cadenza.errors import WrongUse

Segment = Annotated[str, typer.Argument(help="The name of a list or segment; or name others by an option.")]
Filter = Annotated[
    str, typer.Option("--filter", "-f", help="Contacts that a filter finds; with --records, records that it finds.")
]
Contacts = Annotated[list[str] | None, typer.Option("--contact", "-c", help="A contact's id or address; repeatable.")]
Companies = Annotated[list[str] | None, typer.Option("--company", help="A company's name, domain or id; repeatable.")]
Deals = Annotated[list[str] | None, typer.Option("--deal", help="A deal's id or name; repeatable.")]
Tickets = Annotated[list[str] | None, typer.Option("--ticket", help="A ticket's id or name; repeatable.")]
OtherRecords = Annotated[list[str] | None, typer.Option("--record", help="KIND:NAME of any record; repeatable.")]
RecordKind = Annotated[str, typer.Option("--records", help="All records of a kind that --filter finds.")]
RecordContacts = Annotated[
    str | None, typer.Option(help="Of each record its primary contact, or all; default: as the settings say.")
]


ONE_WAY = "Name whom to enroll in exactly one way: a segment, --filter, --contact, or records."


@dataclass(frozen=True, slots=True)
class Whom:
    """Those whom a command is about, as the flows take them."""

    segment: str = ""
    filter: str = ""
    contacts: tuple[str, ...] = ()
    #: As the form of the flows has it.
    records: Mapping[str, Any] = field(default_factory=dict)

    @property
    def words(self) -> str:
        """Who they are, for people."""
        return f"'{self.segment}'" if self.segment else "the chosen contacts"

    def need(self) -> None:
        """See that somebody is named.

        Raises:
            WrongUse: nobody is.
        """
        if self == Whom():
            raise WrongUse(ONE_WAY)

    def parameters(self) -> dict[str, Any]:
        """The parameters of a flow that takes a segment.

        Raises:
            NotFound: nobody has one of the addresses.
        """
        from cadenza.store.contacts import contact_ids_of

        ids = []
        if self.contacts:
            with transaction() as connection:
                ids = contact_ids_of(connection, self.contacts)
        return {
            "segment": self.segment,
            "filter": self.filter,
            "contact_ids": ids or None,
            "records": dict(self.records),
        }


def whom_of(
    segment: Segment = "",
    filter: Filter = "",
    contacts: Contacts = None,
    companies: Companies = None,
    deals: Deals = None,
    tickets: Tickets = None,
    records: OtherRecords = None,
    record_kind: RecordKind = "",
    record_contacts: RecordContacts = None,
) -> Whom:
    """Whom the options of a command name; perhaps nobody.

    Raises:
        WrongUse: in several ways, or not clearly.
    """
    named = [
        *(f"company:{name}" for name in companies or ()),
        *(f"deal:{name}" for name in deals or ()),
        *(f"ticket:{name}" for name in tickets or ()),
        *(records or ()),
    ]
    if record_contacts not in (None, "primary", "all"):
        raise WrongUse(f"--record-contacts {record_contacts!r} is not known: choose one of primary, all.")
    if record_kind and not filter:
        raise WrongUse(f"--records {record_kind} needs --filter: which of them?")
    if record_contacts and not (record_kind or named):
        raise WrongUse("--record-contacts says which contacts of records: name some, such as --deal 4711.")
    if [bool(segment), bool(filter), bool(contacts), bool(named)].count(True) > 1:
        raise WrongUse(ONE_WAY)
    of_records = {
        "named": named,
        "kind": record_kind,
        "filter": filter if record_kind else "",
        "contacts": record_contacts,
    }
    return Whom(
        segment,
        "" if record_kind else filter,
        tuple(contacts or ()),
        of_records if record_kind or named else {},
    )
