"""What is inside a mail, as far as we look?"""

from __future__ import annotations

import binascii
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import Message
from functools import cached_property
from typing import Final

from cadenza.mail.incoming.charsets import base64_bytes, decoded, words
from cadenza.mail.incoming.header_fields import headers_of, parameter
from cadenza.mail.incoming.html_text import html_text

_LONGEST_VALUE: Final = 4000
_LONGEST_TEXT: Final = 64 * 1024
#: Word writes many kilobytes of styles before the first letter.
_LONGEST_HTML: Final = 256 * 1024

ORIGINAL_TYPES: Final = frozenset(
    {"message/rfc822", "message/global", "text/rfc822-headers", "message/rfc822-headers", "message/global-headers"}
)


@dataclass(frozen=True)
class Part:
    """A leaf of a mail, or an enclosed mail as a whole."""

    headers: Message
    body: bytes
    #: How many enclosed mails it is inside of.
    enclosed: int

    @cached_property
    def content_type(self) -> str:
        """Lower case; "text/plain" if it does not say, or says that there are parts where there are none."""
        kind = self.headers.get_content_type()
        return "text/plain" if kind.startswith("multipart/") else kind

    def parameter(self, name: str) -> str:
        """A parameter of the Content-Type, "" if it has none."""
        return parameter(self.headers, name)

    @cached_property
    def content(self) -> bytes:
        """The bytes without their transfer encoding."""
        encoding = str(self.headers.get("content-transfer-encoding", "")).strip().lower()
        if encoding == "base64":
            return base64_bytes(self.body[: 2 * _LONGEST_HTML])
        if encoding == "quoted-printable":
            return binascii.a2b_qp(self.body[: 2 * _LONGEST_HTML])
        return self.body

    @cached_property
    def text(self) -> str:
        """The words, of HTML too, with "\\n" as the end of a line."""
        is_html = self.content_type == "text/html"
        text = decoded(self.content[: _LONGEST_HTML if is_html else _LONGEST_TEXT], self.parameter("charset"))
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        return html_text(text)[:_LONGEST_TEXT] if is_html else text

    @property
    def is_attached(self) -> bool:
        """Whether it is a file beside the mail rather than its words."""
        return str(self.headers.get("content-disposition", "")).lower().lstrip().startswith("attachment")


@dataclass(frozen=True)
class Mail:
    """A mail that came in."""

    headers: Message
    parts: list[Part] = field(default_factory=list)

    def header(self, name: str) -> str:
        """The first field of this name as people read it, "" if there is none."""
        return words(str(self.headers.get(name, ""))[:_LONGEST_VALUE])

    def all_of(self, name: str) -> list[str]:
        """Every field of this name, at most ten."""
        return [words(str(value)[:_LONGEST_VALUE]) for value in self.headers.get_all(name, [])[:10]]

    @cached_property
    def content_type(self) -> str:
        """Of the mail as a whole."""
        return self.headers.get_content_type()

    @cached_property
    def report_type(self) -> str:
        """ "delivery-status", "feedback-report" or the like; "" if it is no multipart/report."""
        return parameter(self.headers, "report-type").lower()

    def own(self, *types: str, enclosed: int = 0) -> Iterator[Part]:
        """The parts of these types that are not inside an enclosed mail, or inside of so many."""
        return (part for part in self.parts if part.enclosed == enclosed and part.content_type in types)

    @cached_property
    def text(self) -> str:
        """The words of the mail itself: plain where there are any, else of its HTML."""
        return self.text_of(0)

    def text_of(self, enclosed: int) -> str:
        """The words of a mail that is enclosed in so many others."""
        for content_type in ("text/plain", "text/html"):
            parts = self.own(content_type, enclosed=enclosed)
            found = [part.text for part in parts if not part.is_attached][:4]
            if any(text.strip() for text in found):
                return "\n".join(found)
        return ""

    @cached_property
    def originals(self) -> list[Message]:
        """The headers of the mails it encloses, the outermost first."""
        return [headers_of(part.content)[0] for part in self.parts if part.content_type in ORIGINAL_TYPES][:4]
