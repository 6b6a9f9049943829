"""What becomes of a row of a source?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

#: A list that was imported longer ago than this is stale.
STALE_AFTER_DAYS: Final = 90

#: A row can be rejected for these reasons; each with its cause and remedy. The rest of the source goes on.
REJECTIONS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "RAGGED_ROW": (
            "The row has more or fewer cells than the header.",
            "Put cells that hold the separator into quotes.",
        ),
        "UNCLOSED_QUOTE": (
            "A quoted cell is not closed.",
            "Close the quote, or double a quote that is part of the text.",
        ),
        "CELL_TOO_LONG": ("A cell has more characters than any list needs.", "Shorten the cell."),
        "RECORD_UNNAMED": (
            "The row has neither the id nor the name of its record.",
            "Export the list with the records' ids.",
        ),
        "NOT_TEXT": ("The row has bytes that are no text in the file's encoding.", "Save the file as UTF-8."),
    }
)

#: Codes of rows that were merged into a contact: one of an earlier row, or one known before the import.
SAME_IN_SOURCE: Final = "SAME_IN_SOURCE"
ALREADY_KNOWN: Final = "ALREADY_KNOWN"
#: The code of a row whose record was imported, while nobody knows the contact that it names.
UNKNOWN_CONTACT: Final = "UNKNOWN_CONTACT"

#: The longest cell, in characters: what a cell of a spreadsheet can hold.
LONGEST_CELL: Final = 32_767


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A row that was kept out: the line where it starts (from 1), a code of ``REJECTIONS``, the cause in this case."""

    line: int
    code: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import did; ``rows == imported + merged + rejected``."""

    import_id: int
    list_name: str
    rows: int
    imported: int
    merged: int
    rejected: int
    #: Rows whose address is missing or not valid: imported, but refused when they shall be enrolled.
    without_address: int = 0
    #: Contacts that turned out to have bounced, or opted out, elsewhere: they are not written to.
    barred: int = 0
    #: Lines without any value, which are not rows.
    blank_lines: int = 0
    #: Which column became which field or property.
    mapping: dict[str, str] = field(default_factory=dict)
    #: How many rows were rejected for which reason.
    rejections: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RecordReport:
    """What an import of records did; ``rows == imported + merged + rejected``."""

    import_id: int
    kind: str
    rows: int
    #: Rows that brought a new record, and those about one that was known or came before.
    imported: int
    merged: int
    rejected: int
    #: Contacts that the rows associate with records, known associations included.
    associations: int = 0
    #: Rows that name a contact whom nobody knows; import the contacts first.
    unknown_contacts: int = 0
    blank_lines: int = 0
    #: Which column became which field or property.
    mapping: dict[str, str] = field(default_factory=dict)
    #: How many rows were rejected for which reason.
    rejections: dict[str, int] = field(default_factory=dict)
