"""Which letters do the bytes of a mail stand for?"""

from __future__ import annotations

import binascii
import codecs
import re
from functools import lru_cache
from typing import Final

#: Python's names of the charsets that mails use. Its other codecs are no charsets, or slow on hostile bytes.
_CHARSETS: Final = re.compile(
    r"ascii|utf-(7|8|8-sig|16|16-[bl]e|32|32-[bl]e)|iso8859-\d+|cp\d{3,4}|koi8-[rtu]|mac-\w+|big5\w*|gb\w+|hz"
    r"|euc_\w+|iso2022_\w+|shift_?jis\w*|tis-620|johab|ptcp154|kz1048"
)
_MISNAMED: Final = {
    "unicode-1-1-utf-7": "utf-7",
    "uft-8": "utf-8",
    "utf8mb4": "utf-8",
    "x-sjis": "cp932",
    "shift_jis": "cp932",
    "gb2312": "gb18030",
    "ks_c_5601-1987": "cp949",
    "iso-8859-8-i": "iso-8859-8",
    "x-gbk": "gbk",
    "iso-8859-1": "cp1252",
    "latin1": "cp1252",
    "us-ascii": "utf-8",
    "unknown-8bit": "utf-8",
    "default": "utf-8",
}
_ENCODED_WORD: Final = re.compile(r"=\?([\w.:+-]{1,40})(?:\*[\w-]*)?\?([bBqQ])\?([^?\s]{0,1000})\?=(\s+(?==\?))?")


@lru_cache(maxsize=256)
def _codec(name: str) -> str | None:
    name = name.strip().strip("'\"").lower()
    try:
        found = codecs.lookup(_MISNAMED.get(name, name)).name
    except (LookupError, ValueError, UnicodeError):
        return None
    return found if _CHARSETS.fullmatch(found) else None


def decoded(data: bytes, charset: str = "") -> str:
    """The text of some bytes, whatever they are; what the charset does not know is guessed, NUL left out."""
    codec = _codec(charset[:40]) if charset else None
    if codec in (None, "utf-8", "ascii"):
        try:
            return data.decode("utf-8").replace("\0", "")
        except UnicodeDecodeError as error:
            # A text that was cut stays UTF-8.
            codec = "utf-8" if error.start > len(data) - 4 else codec or "cp1252"
    try:
        return data.decode(codec or "utf-8", "replace").replace("\0", "")
    except (UnicodeError, ValueError):
        return data.decode("latin-1").replace("\0", "")


def words(header: str) -> str:
    """A header as people read it: encoded words (RFC 2047) decoded, one line."""
    if "=?" in header:
        header = _ENCODED_WORD.sub(_word, header)
    return " ".join(header.replace("\0", "").split())


def _word(found: re.Match[str]) -> str:
    charset, encoding, data = found[1], found[2], found[3]
    if encoding in "bB":
        return decoded(base64_bytes(data.encode("ascii", "ignore")), charset)
    return decoded(binascii.a2b_qp(data.replace("_", " ").encode("utf-8", "replace")), charset)


def base64_bytes(data: bytes) -> bytes:
    """What base64 stands for, as far as it makes sense."""
    data = data.translate(None, b" \t\r\n=")
    try:
        return binascii.a2b_base64(data[: len(data) - (len(data) % 4 == 1)] + b"==")
    except binascii.Error:
        return b""
