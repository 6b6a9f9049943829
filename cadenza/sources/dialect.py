"""In which dialect is a text file of contacts written?"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cadenza.errors import SourceUnreadable
from cadenza.sources.chunk import unique_headers

DELIMITERS = ",;\t|"
_BLOCK = 1 << 20
_SAMPLE = 1 << 16
_SEPARATOR_LINE = re.compile(r"sep=(.)\r?\n?", re.IGNORECASE)
_BLANK_LINES = re.compile(r"(?:[ \t]*(?:\r\n|\n|\r))*")
_BINARY = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a text file is written, and its header."""

    #: A codec without a byte order mark: utf-8-sig, utf-16 and cp1252 are told apart by the bytes.
    encoding: str
    delimiter: str
    columns: tuple[str, ...]
    #: Lines before the header: 1 after a ``sep=;`` line.
    skipped_lines: int
    #: The line where the first row starts, from 1.
    first_line: int
    #: Whether every byte is text of the encoding and quotes come in pairs: a strict reader may try.
    is_sound: bool
    has_quotes: bool


def detect_dialect(path: Path) -> Dialect:
    """The dialect of a CSV file.

    UTF-8 is told from cp1252 by reading the whole file: an umlaut may come late.

    Raises:
        SourceUnreadable: the file is missing, empty, no text, or in an encoding that cannot be told.
    """
    encoding, is_valid, quotes = _encoding(path)
    with path.open(encoding=encoding, errors="replace", newline="") as file:
        sample = file.read(_SAMPLE)
    if not sample.strip("\ufeff\r\n\t ,;|\x00"):
        raise SourceUnreadable(f"{path.name} is empty: export the list again, with its header.")
    blank, sample = _leave_blank_lines(sample.removeprefix("\ufeff"))
    separator = _SEPARATOR_LINE.match(sample)
    skipped = blank
    if separator:
        blank, sample = _leave_blank_lines(sample[separator.end() :])
        skipped += 1 + blank
    delimiter = separator[1] if separator else max(DELIMITERS, key=lambda candidate: _fitness(sample, candidate))
    reader = csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter)
    try:
        header = next(reader)
    except (csv.Error, StopIteration) as error:
        raise SourceUnreadable(f"The header of {path.name} cannot be read ({error}): export the list again.") from error
    return Dialect(
        encoding=encoding,
        delimiter=delimiter,
        columns=unique_headers(header),
        skipped_lines=skipped,
        first_line=skipped + reader.line_num + 1,
        is_sound=is_valid and quotes % 2 == 0,
        has_quotes=quotes > 0,
    )


def _leave_blank_lines(sample: str) -> tuple[int, str]:
    """How many lines without anything begin the sample, and the rest of it."""
    blank = _BLANK_LINES.match(sample)
    assert blank
    return len(blank[0].splitlines()), sample[blank.end() :]


def _fitness(sample: str, delimiter: str) -> tuple[int, int]:
    """How well a delimiter splits the sample: rows as wide as the header, then the width."""
    widths = []
    try:
        for number, row in enumerate(csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter)):
            if row:
                widths.append(len(row))
            if number == 50:
                break
    except csv.Error:
        pass
    if not widths or widths[0] == 1:
        return 0, 0
    return sum(width == widths[0] for width in widths) * widths[0], widths[0]


def _encoding(path: Path) -> tuple[str, bool, int]:
    """The codec, whether every byte is valid in it, and the number of quotes."""
    try:
        with path.open("rb") as file:
            start = file.read(_SAMPLE)
        if not start:
            raise SourceUnreadable(f"{path.name} is empty: export the list again, with its header.")
        encoding = _encoding_of_start(start)
        if encoding is None:
            return _utf8_or_cp1252(path, start)
        return encoding, *_check(path, encoding)
    except OSError as error:
        raise SourceUnreadable(
            f"{path.name} cannot be opened ({error.strerror}): check the path and its rights."
        ) from error


def _encoding_of_start(start: bytes) -> str | None:
    """The encoding that a byte order mark or the zero bytes of UTF-16 give away."""
    if start.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return "utf-32"
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    zeros_even, zeros_odd = start[0::2].count(0), start[1::2].count(0)
    quarter = len(start) // 8
    if zeros_odd > quarter and zeros_even == 0:
        return "utf-16-le"
    if zeros_even > quarter and zeros_odd == 0:
        return "utf-16-be"
    return None


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            yield block


def _check(path: Path, encoding: str) -> tuple[bool, int]:
    """Whether the whole file is valid in an encoding, and the number of quotes."""
    decoder = codecs.getincrementaldecoder(encoding)()
    quotes = 0
    try:
        for block in _blocks(path):
            quotes += decoder.decode(block).count('"')
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False, quotes
    return True, quotes


def _utf8_or_cp1252(path: Path, start: bytes) -> tuple[str, bool, int]:
    """Where bytes are not UTF-8 the lines decide: cp1252, or UTF-8 with some broken lines."""
    if len(_BINARY.findall(start)) > len(start) // 100:
        raise SourceUnreadable(f"{path.name} is not a text file: save the list as CSV (UTF-8), XLSX or Parquet.")
    is_valid, quotes = _check(path, "utf-8")
    if is_valid:
        return "utf-8-sig", True, quotes
    if start.startswith(codecs.BOM_UTF8):
        return "utf-8-sig", False, quotes
    utf8_lines = other_lines = 0
    with path.open("rb") as file:
        for line in file:
            if not line.isascii():
                try:
                    line.decode("utf-8")
                    utf8_lines += 1
                except UnicodeDecodeError:
                    other_lines += 1
    if utf8_lines > other_lines:
        return "utf-8-sig", False, quotes
    is_valid, quotes = _check(path, "cp1252")
    if not is_valid:
        raise SourceUnreadable(
            f"The encoding of {path.name} cannot be told: it is neither UTF-8, UTF-16 nor cp1252. Save it as CSV UTF-8."
        )
    return "cp1252", True, quotes
