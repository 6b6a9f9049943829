"""How does a chunk of a source become records, and who is associated with them?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cadenza.domain.importing import RejectedRow
from cadenza.sources.addresses import normalize_addresses
from cadenza.sources.chunk import Chunk
from cadenza.sources.headers import KNOWN_RECORD_HEADERS
from cadenza.sources.rows import as_json, clean_cells, or_null

#: What stands between contacts in one cell; HubSpot writes "Name (address)".
_BETWEEN: Final = r"[;,|/()\n]+"
#: What people and systems write for "this is the primary contact".
_YES: Final = ("true", "t", "yes", "y", "1", "x", "ja", "wahr", "primary")


@dataclass(frozen=True, eq=False)
class PreparedRecords:
    """Rows ready to be staged."""

    #: line, external_id, name, properties (JSON).
    records: pa.Table
    #: line, external_id of the record, address or contact_id (one of them), is_primary.
    associations: pa.Table
    rejected: tuple[RejectedRow, ...]
    blank_lines: int


def prepare_records(chunk: Chunk, mapping: Mapping[str, str]) -> PreparedRecords:
    """Trim, check and normalize the rows of a chunk; ``mapping`` is from column to field or property.

    A row may name no contact, one, or several in one cell; a record that has more may have several rows. A record
    without an id is told by its name; rows without either are rejected.
    """
    clean = clean_cells(chunk)
    values = {target: clean.cells[name] for name, target in mapping.items()}
    nothing = pa.nulls(len(clean.lines), pa.string())
    name = or_null(values["name"]) if "name" in values else nothing
    external_id = pc.coalesce(or_null(values["external_id"]) if "external_id" in values else nothing, name)
    is_named = external_id.is_valid()
    unnamed = tuple(RejectedRow(line, "RECORD_UNNAMED") for line in clean.lines.filter(pc.invert(is_named)).to_pylist())
    properties = {target: column for target, column in values.items() if target not in KNOWN_RECORD_HEADERS}
    records = pa.table(
        {
            "line": clean.lines,
            "external_id": external_id,
            "name": pc.coalesce(name, external_id),
            "properties": as_json(properties, len(clean.lines)),
        }
    )
    is_primary = pc.is_in(pc.utf8_lower(values["is_primary"]), pa.array(_YES)) if "is_primary" in values else None
    associations = _associations(records, values, is_primary)
    return PreparedRecords(records.filter(is_named), associations, (*clean.rejected, *unnamed), clean.blank_lines)


def _associations(records: pa.Table, values: Mapping[str, pa.Array], is_primary: pa.Array | None) -> pa.Table:
    """One row for each contact that a row names, by address or by id."""
    parts = []
    for field in ("contact_email", "contact_id"):
        if field not in values:
            continue
        pieces = pc.split_pattern_regex(values[field], _BETWEEN)
        rows, cells = pc.list_parent_indices(pieces), pc.utf8_trim_whitespace(pc.list_flatten(pieces))
        found = normalize_addresses(cells) if field == "contact_email" else or_null(cells)
        nothing = pa.nulls(len(cells), pa.string())
        table = pa.table(
            {
                "line": records["line"].take(rows),
                "external_id": records["external_id"].take(rows),
                "address": found if field == "contact_email" else nothing,
                "contact_id": nothing if field == "contact_email" else found,
                "is_primary": pa.array(np.zeros(len(cells), bool)) if is_primary is None else is_primary.take(rows),
            }
        )
        parts.append(table.filter(pc.and_(found.is_valid(), table["external_id"].is_valid())))
    return pa.concat_tables(parts) if parts else _NOBODY


_NOBODY: Final = pa.table(
    {
        "line": pa.array([], pa.int32()),
        **{name: pa.array([], pa.string()) for name in ("external_id", "address", "contact_id")},
        "is_primary": pa.array([], pa.bool_()),
    }
)
