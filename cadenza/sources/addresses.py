"""Which e-mail address does a cell hold?"""

from __future__ import annotations

import re
from functools import lru_cache

import pyarrow as pa
import pyarrow.compute as pc

#: Addresses that are valid beyond doubt; every other one is looked at by email-validator.
_PLAIN = (
    r"^[a-z0-9_+-]+(?:\.[a-z0-9_+-]+)*@"
    r"(?:[a-z0-9](?:[a-z0-9]|-[a-z0-9]){0,30}\.)+[a-z]{2,20}$"
)
_DOUBTFUL = r"\.(?:arpa|invalid|local|localhost|onion|test)$"
_LONGEST_PLAIN = 64
_BETWEEN = re.compile(r"[;,|/\s]+(?:(?:or|oder|and|und|&)[;,|/\s]+)?")
_NAMED = re.compile(r"[^<>@]*<([^<>]+)>")


def normalize_addresses(cells: pa.Array) -> pa.Array:
    """The normalized address in each cell, NULL where there is none: lower case, NFC, the domain in ASCII.

    ``Name <address>`` and ``mailto:`` are understood. Of several addresses in one cell the first valid one counts.
    A local part beyond ASCII is not valid: hardly a server takes it. Only distinct cells that do not look plain are
    looked at one by one.
    """
    lower = pc.ascii_lower(pc.utf8_trim_whitespace(cells))
    is_plain = pc.and_(
        pc.match_substring_regex(lower, _PLAIN),
        pc.less_equal(pc.binary_length(lower), _LONGEST_PLAIN),
    )
    is_plain = pc.and_not(is_plain, pc.match_substring_regex(lower, _DOUBTFUL))
    if pc.all(is_plain).as_py():
        return lower
    suspicious = pc.dictionary_encode(pc.if_else(is_plain, None, cells))
    known = pa.array([normalize_address(cell) for cell in suspicious.dictionary.to_pylist()], pa.string())
    return pc.if_else(is_plain, lower, pc.take(known, suspicious.indices))


@lru_cache(maxsize=65_536)
def normalize_address(cell: str) -> str | None:
    """The normalized address in one cell, or None."""
    cell = cell.replace("\u200b", "").replace("\ufeff", "").strip().strip("'\"").removeprefix("mailto:").strip()
    if "@" not in cell:
        return None
    if (named := _NAMED.fullmatch(cell)) is not None:
        cell = named[1].strip()
    if (single := _validated(cell)) is not None:
        return single
    parts = [part for part in _BETWEEN.split(cell) if part]
    if len(parts) < 2 or not all("@" in part for part in parts):
        return None
    return next((address for part in parts if (address := _validated(part.strip("<>"))) is not None), None)


def _validated(address: str) -> str | None:
    from email_validator import EmailNotValidError, validate_email

    try:
        parts = validate_email(address, check_deliverability=False, allow_smtputf8=False, strict=True)
    except EmailNotValidError:
        return None
    return f"{parts.local_part.lower()}@{parts.ascii_domain}"
