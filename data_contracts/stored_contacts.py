"""What must hold of contacts and imports as they are stored?"""

from __future__ import annotations

from typing import Final

from cadenza.domain.importing import STALE_AFTER_DAYS
from data_contracts.contract import Contract, Severity, Subject

CONTACTS: Final = Subject(
    "contacts",
    "Contacts",
    (
        Contract(
            "ADDRESS_MALFORMED",
            "A normalized address is one well-formed address in lower case, its domain in ASCII",
            "Correct the address at the contact, or import the contact again; find out what wrote it past the import.",
        ),
        Contract(
            "ADDRESS_REPEATED",
            "No two contacts have the same address",
            "Merge the contacts: until then the person may be in two sequences at once.",
        ),
        Contract(
            "ADDRESS_WITHOUT_IDENTITY",
            "A contact with an address is identified by that address",
            "Import the contact again: as it is, its next import makes a second contact of it.",
            Severity.WARNING,
        ),
        Contract(
            "ADDRESS_MISSING",
            "Contacts have an address",
            "Look for addresses, or for a wrong column in the latest imports.",
            Severity.WARNING,
            mostly=0.8,
        ),
        Contract(
            "ADDRESS_BARRED",
            "Contacts with an address may be written to: not suppressed, bounced, complained or opted out",
            "Find the list that they came with, and do not enroll it again.",
            Severity.WARNING,
            mostly=0.8,
        ),
        Contract(
            "ZONE_UNKNOWN",
            "Contacts tell their time zone: by its name, an international phone number or a country",
            "Import a column with countries or time zones; until then the sequence's or the sender's zone is used.",
            Severity.WARNING,
            mostly=0.5,
        ),
    ),
)

IMPORTS: Final = Subject(
    "imports",
    "Imports",
    (
        Contract(
            "IMPORT_NOT_CONSERVED",
            "Every row of an import was imported, merged, or rejected with its line and a reason",
            "Import the source again, compare the counts, and report it.",
        ),
        Contract(
            "IMPORT_STALE",
            f"The latest import is not older than {STALE_AFTER_DAYS} days",
            "Import a fresh list: people change their jobs and addresses.",
            Severity.WARNING,
        ),
    ),
)
