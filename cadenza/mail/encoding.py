"""How do words that are not plain ASCII travel in headers and bodies?"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterable
from typing import Final

#: RFC 2045, 6.7: a line has at most 76 characters, the soft line break's "=" among them.
_LONGEST_LINE: Final = 75
_UNITS: Final = [
    chr(byte) if byte in (9, 32) or (33 <= byte <= 126 and byte != 61) else f"={byte:02X}" for byte in range(256)
]
_AS_IT_IS: Final = re.compile(r"[ -<>-~]{1,75}")
_SOFT: Final = "=\r\n"

#: Bytes of UTF-8 in one encoded word of at most 75 characters (RFC 2047, 2).
_WORD_BYTES: Final = 45
_ATOMS: Final = re.compile(r"[\w!#$%&'*+/=?^`{|}~ -]*", re.ASCII)
_FOLD_AT: Final = 76


def quoted(text: object) -> str:
    """Text as a piece of a quoted-printable body.

    Pieces may be joined in any order: each starts at the beginning of a line and ends with a line break, a soft one
    where the text goes on.
    """
    words = str(text)
    if _AS_IT_IS.fullmatch(words):
        return words + _SOFT
    *lines, last = words.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return "".join([*(_quoted_line(line) + "\r\n" for line in lines), _quoted_line(last) + _SOFT if last else ""])


def _quoted_line(line: str) -> str:
    units = [_UNITS[byte] for byte in line.encode("utf-8", "replace")]
    if units and units[-1] in (" ", "\t"):
        units[-1] = f"={ord(units[-1]):02X}"
    encoded = "".join(units)
    if len(encoded) <= _LONGEST_LINE:
        return encoded
    rows: list[str] = []
    start = 0
    while len(encoded) - start > _LONGEST_LINE:
        end = start + _LONGEST_LINE
        # Never between the three characters of one byte.
        end -= 1 if encoded[end - 1] == "=" else 2 if encoded[end - 2] == "=" else 0
        rows.append(encoded[start:end])
        start = end
    rows.append(encoded[start:])
    return _SOFT.join(rows)


def one_line(text: object) -> str:
    """Text fit for a header: no line ends and other control characters, no runs of white space."""
    words = str(text)
    if words.isascii() and words.isprintable() and "  " not in words:
        return words.strip(" ")
    spaced = "".join(character if character.isprintable() else " " for character in words)
    return " ".join(spaced.split())


def unstructured(text: str, name_length: int) -> str:
    """The value of a header such as Subject, folded; ``name_length`` is that of the header's name."""
    if text.isascii() and "=?" not in text:
        if len(text) + name_length + 2 <= _FOLD_AT:
            return text
        words = text.split(" ")
        if max(map(len, words)) < _FOLD_AT:
            return _folded(words, name_length + 2)
    return _encoded_words(text)


def mailbox(name: str, address: str) -> str:
    """A name and an address, as in From and To; an address beyond ASCII stays as it is (RFC 6532)."""
    if not name:
        return address
    if not name.isascii() or "=?" in name or len(name) > 60:
        phrase = _encoded_words(name)
    elif _ATOMS.fullmatch(name):
        phrase = name
    else:
        phrase = '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return f"{phrase}{' ' if len(phrase) + len(address) < 66 else _CRLF_SPACE}<{address}>"


_CRLF_SPACE: Final = "\r\n "


def _encoded_words(text: str) -> str:
    return _CRLF_SPACE.join(
        f"=?utf-8?b?{binascii.b2a_base64(chunk, newline=False).decode()}?=" for chunk in _chunks(text)
    )


def _chunks(text: str) -> Iterable[bytes]:
    """The text in parts that each end between two characters."""
    data = text.encode("utf-8", "replace")
    start = 0
    while start < len(data):
        end = start + _WORD_BYTES
        while end < len(data) and data[end] & 0xC0 == 0x80:
            end -= 1
        yield data[start:end]
        start = end


def _folded(words: Iterable[str], taken: int) -> str:
    parts: list[str] = []
    for word in words:
        if parts and taken + 1 + len(word) > _FOLD_AT:
            parts.append(_CRLF_SPACE)
            taken = 1
        elif parts:
            parts.append(" ")
            taken += 1
        parts.append(word)
        taken += len(word)
    return "".join(parts)
