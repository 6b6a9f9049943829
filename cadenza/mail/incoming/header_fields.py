"""What do the header fields of a mail, or of a part, say?

The standard library reads them, after the lines have been counted and decoded: it is slow on many lines and on long
parameters, and stumbles over bytes beyond ASCII.
"""

from __future__ import annotations

import re
from email.message import Message
from email.parser import HeaderParser
from typing import Final

from cadenza.mail.incoming.charsets import decoded

_LONGEST: Final = 48 * 1024
_MOST_LINES: Final = 1000
_LONGEST_TYPE: Final = 600
_LINE: Final = re.compile(rb"(?:>?From |[\w-]+[ \t]*:|[ \t])")
_PARSER: Final = HeaderParser()


def headers_of(data: bytes) -> tuple[Message, bytes]:
    """The header fields at the beginning of some lines, and what follows them."""
    data = data.replace(b"\r\n", b"\n") if b"\r\n" in data[:2000] else data
    if not _LINE.match(data):
        return _PARSER.parsestr(""), data.removeprefix(b"\n")
    end = data.find(b"\n\n")
    block, body = (data, b"") if end < 0 else (data[: end + 1], data[end + 2 :])
    lines = block[:_LONGEST].split(b"\n", _MOST_LINES)[:_MOST_LINES]
    headers = _PARSER.parsestr(decoded(b"\n".join(lines)))
    if len(str(headers.get("content-type", ""))) > _LONGEST_TYPE:
        headers.replace_header("content-type", str(headers["content-type"])[:_LONGEST_TYPE])
    return headers, body


def parameter(headers: Message, name: str) -> str:
    """A parameter of the Content-Type, "" if it has none."""
    value = headers.get_param(name, "")
    return str(value[2] if isinstance(value, tuple) else value)
