"""How does a chunk of a source become rows that the store can merge?"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cadenza.domain.contact import COMPANY_FIELDS, CONTACT_FIELDS
from cadenza.domain.importing import LONGEST_CELL, RejectedRow
from cadenza.domain.suppression import NOT_BARRED, Barring
from cadenza.sources.addresses import normalize_addresses
from cadenza.sources.chunk import Chunk

#: Characters that JSON must escape.
_ESCAPES = (("\\", "\\\\"), ('"', '\\"'), ("\n", "\\n"), ("\r", "\\r"), ("\t", "\\t"))
_CONTROL = r"[\x01-\x08\x0b\x0c\x0e-\x1f]"


@dataclass(frozen=True, eq=False)
class PreparedRows:
    """Rows ready to be staged."""

    #: line, identity_key, email_normalized, the fields of contact and company, properties (JSON); NULL: no value.
    staged: pa.Table
    rejected: tuple[RejectedRow, ...]
    blank_lines: int
    #: For each staged row, whether its address is valid.
    has_address: np.ndarray
    #: Addresses that the rows say have bounced or opted out.
    barred: Mapping[Barring, list[str]]


def prepare_rows(chunk: Chunk, mapping: Mapping[str, str]) -> PreparedRows:
    """Trim, check and normalize the rows of a chunk; ``mapping`` is from column to field or property.

    Rows without any value are left out; rows with a cell that is too long or no text are rejected.
    """
    clean = clean_cells(chunk)
    lines = clean.lines
    values = {target: clean.cells[name] for name, target in mapping.items()}
    nothing = pa.nulls(len(lines), pa.string())
    address = normalize_addresses(values["email"]) if "email" in values else nothing
    fields = {name: or_null(values[name]) if name in values else nothing for name in (*CONTACT_FIELDS, *COMPANY_FIELDS)}
    fields["owner_email"] = pc.utf8_lower(fields["owner_email"])
    properties = {name: column for name, column in values.items() if name not in fields}
    staged = pa.table(
        {
            "line": lines,
            "identity_key": _identity_keys(address, fields["external_id"], [*clean.cells.values()]),
            "email_normalized": address,
            **fields,
            "properties": as_json(properties, len(lines)),
        }
    )
    barred = {barring: _barred(address, values[barring.value]) for barring in Barring if barring.value in values}
    has_address = address.is_valid().to_numpy(zero_copy_only=False)
    return PreparedRows(staged, clean.rejected, clean.blank_lines, has_address, barred)


def _barred(address: pa.Array, told: pa.Array) -> list[str]:
    """The addresses of those rows whose cell does not say no."""
    is_free = pc.is_in(pc.utf8_lower(told), value_set=pa.array(sorted(NOT_BARRED), pa.string()))
    return list(pc.unique(pc.drop_null(address.filter(pc.invert(is_free)))).to_pylist())


@dataclass(frozen=True, eq=False)
class CleanCells:
    """The cells of a chunk without those rows that hold nothing, or nothing that can be stored."""

    #: By column, trimmed.
    cells: dict[str, pa.Array]
    lines: pa.Array
    rejected: tuple[RejectedRow, ...]
    blank_lines: int


def clean_cells(chunk: Chunk) -> CleanCells:
    """Trim the cells of a chunk, leave out rows without any value and reject those that cannot be stored."""
    columns, lines, faulty = _keep_out_faulty([_combined(column) for column in chunk.rows.columns], chunk)
    columns, lines, blank = _leave_out_blank([_trimmed(column) for column in columns], lines)
    cells = dict(zip(chunk.rows.column_names, columns, strict=True))
    return CleanCells(cells, lines, (*chunk.rejected, *faulty), blank)


def _combined(column: pa.ChunkedArray) -> pa.Array:
    return column.chunk(0) if column.num_chunks == 1 else pa.concat_arrays(column.chunks or [pa.array([], pa.string())])


def _keep_out_faulty(columns: list[pa.Array], chunk: Chunk) -> tuple[list[pa.Array], pa.Array, tuple[RejectedRow, ...]]:
    lines = chunk.lines
    faults: dict[int, tuple[str, str]] = {}
    for column in columns:
        if (pc.max(pc.binary_length(column)).as_py() or 0) > LONGEST_CELL:
            lengths = pc.utf8_length(column)
            for row in np.flatnonzero(pc.greater(lengths, LONGEST_CELL).to_numpy(zero_copy_only=False)):
                detail = f"a cell of {lengths[int(row)].as_py()} characters, {LONGEST_CELL} at most"
                faults.setdefault(int(row), ("CELL_TOO_LONG", detail))
        data = column.buffers()[2]
        if data is not None and data.size and not np.frombuffer(data, dtype=np.uint8).all():
            for row in np.flatnonzero(pc.match_substring(column, "\x00").to_numpy(zero_copy_only=False)):
                faults.setdefault(int(row), ("NOT_TEXT", "a zero byte"))
    if not faults:
        return columns, lines, ()
    kept = np.ones(len(lines), dtype=bool)
    kept[list(faults)] = False
    rejected = tuple(
        RejectedRow(lines[row].as_py(), code, f"{chunk.names[row]}: {detail}" if chunk.names else detail)
        for row, (code, detail) in sorted(faults.items())
    )
    mask = pa.array(kept)
    return [column.filter(mask) for column in columns], lines.filter(mask), rejected


def _trimmed(column: pa.Array) -> pa.Array:
    """Without outer spaces and without the guards against formulas: ``="0049"`` and ``'+49``."""
    column = pc.utf8_trim_whitespace(column)
    if pc.any(pc.starts_with(column, '="')).as_py():
        column = pc.replace_substring_regex(column, r'^="([^"]*)"$', r"\1")
    if pc.any(pc.starts_with(column, "'")).as_py():
        column = pc.replace_substring_regex(column, r"^'([=+@-])", r"\1")
    return column


def _leave_out_blank(columns: list[pa.Array], lines: pa.Array) -> tuple[list[pa.Array], pa.Array, int]:
    longest = np.zeros(len(lines), dtype=np.int32)
    for column in columns:
        np.maximum(longest, pc.binary_length(column).to_numpy(zero_copy_only=False), out=longest)
    blank = int((longest == 0).sum())
    if not blank:
        return columns, lines, 0
    mask = pa.array(longest > 0)
    return [column.filter(mask) for column in columns], lines.filter(mask), blank


def or_null(column: pa.Array) -> pa.Array:
    """A column whose empty cells are NULL."""
    return pc.if_else(pc.equal(column, ""), None, column)


def _identity_keys(address: pa.Array, external_id: pa.Array, columns: list[pa.Array]) -> pa.Array:
    """The normalized address, else the id in the other system, else a hash of everything that the row says."""
    keys = pc.binary_join_element_wise("email:", address, "")
    if not keys.null_count:
        return keys
    keys = pc.coalesce(keys, pc.binary_join_element_wise("external:", external_id, ""))
    if not keys.null_count:
        return keys
    unknown = keys.is_null()
    texts = zip(*(column.filter(unknown).to_pylist() for column in columns), strict=True)
    hashes = ["row:" + hashlib.blake2b("\x1f".join(row).encode(), digest_size=16).hexdigest() for row in texts]
    return pc.replace_with_mask(keys, unknown, pa.array(hashes, pa.string()))


def as_json(properties: Mapping[str, pa.Array], rows: int) -> pa.Array:
    """The properties of each row as a JSON object without the empty ones."""
    members = []
    for name, column in properties.items():
        value = or_null(column)
        if value.null_count == rows:
            continue
        for raw, escaped in _ESCAPES:
            if pc.any(pc.match_substring(value, raw)).as_py():
                value = pc.replace_substring(value, raw, escaped)
        if pc.any(pc.match_substring_regex(value, _CONTROL)).as_py():
            value = pc.replace_substring_regex(value, _CONTROL, " ")
        members.append(pc.fill_null(pc.binary_join_element_wise(f',"{name}":"', value, '"', ""), ""))
    if not members:
        return pa.nulls(rows, pa.string())
    inner = pc.ascii_ltrim(pc.binary_join_element_wise(*members, ""), ",")
    return pc.binary_join_element_wise("{", inner, "}", "")
