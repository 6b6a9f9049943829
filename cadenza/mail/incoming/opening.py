"""How is a mail taken apart, whatever its bytes are?

A mail may be of any size and depth: no more than the first half megabyte, 40 parts and 6 levels are looked at, each
byte a bounded number of times.
"""

from __future__ import annotations

from collections.abc import Iterator
from email.message import Message
from typing import Final

from cadenza.mail.incoming.header_fields import headers_of, parameter
from cadenza.mail.incoming.mime import Mail, Part

_LOOKED_AT: Final = 512 * 1024
_MOST_PARTS: Final = 40
_DEEPEST: Final = 6


def open_mail(raw: bytes) -> Mail:
    """The mail in these bytes, which may be anything."""
    raw = raw[:_LOOKED_AT].replace(b"\r\n", b"\n").replace(b"\r", b"\n").lstrip(b"\n\xef\xbb\xbf")
    headers, body = headers_of(raw)
    mail = Mail(headers)
    _cut(headers, body, mail.parts, 0, 0)
    return mail


def _cut(headers: Message, body: bytes, parts: list[Part], depth: int, enclosed: int) -> None:
    """Append the leaves below these headers."""
    if len(parts) >= _MOST_PARTS:
        return
    kind = headers.get_content_type()
    if depth < _DEEPEST and kind.startswith("multipart/"):
        boundary = parameter(headers, "boundary").strip()
        pieces = list(_pieces(body, boundary.encode("utf-8", "replace"))) if boundary else []
        for piece in pieces:
            _cut(*headers_of(piece), parts, depth + 1, enclosed)
        if pieces:
            return
    part = Part(headers, body, enclosed)
    parts.append(part)
    if kind in ("message/rfc822", "message/global") and depth < _DEEPEST:
        _cut(*headers_of(part.content.lstrip(b"\n")), parts, depth + 1, enclosed + 1)


def _pieces(body: bytes, boundary: bytes) -> Iterator[bytes]:
    """What stands between the lines of a boundary; the last one may be missing."""
    delimiter = b"\n--" + boundary
    body = b"\n" + body
    start, at = -1, body.find(delimiter)
    for _ in range(4 * _MOST_PARTS):
        if at < 0:
            break
        after = at + len(delimiter)
        line_end = body.find(b"\n", after)
        rest = body[after : after + 80 if line_end < 0 else line_end].strip()
        if rest in (b"", b"--"):
            if start >= 0:
                yield body[start:at]
            if rest == b"--" or line_end < 0:
                return
            start = line_end + 1
            # The line break that ends one delimiter may begin the next.
            after = line_end
        at = body.find(delimiter, after)
    if start >= 0:
        yield body[start:]
