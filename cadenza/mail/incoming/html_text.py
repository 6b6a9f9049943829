"""Which words does a person see in the HTML of a mail?"""

from __future__ import annotations

import html
import re
from contextlib import suppress
from typing import Final

import re2

#: A line that stands where an answer's quotation of the earlier mail begins.
QUOTATION: Final = "\n> [quotation]\n"

_UNSEEN: Final = re2.compile(
    r"(?is)<!--.*?-->|<(?:style|script|title|head|xml)\b.*?</(?:style|script|title|head|xml)\s*>"
)
_QUOTE: Final = re2.compile(
    r"(?is)<blockquote\b|<div[^>]{0,200}(?:class|id)\s*=\s*[\"']?[^\"'>]{0,80}"
    r"(?:gmail_quote|yahoo_quoted|moz-cite-prefix|divRplyFwdMsg|appendonsend|OLK_SRC_BODY|protonmail_quote|"
    r"tutanota_quote|ms-outlook-mobile-reference-message)"
)
# A tag ends before the next one begins, so that these two are linear.
_BREAK: Final = re.compile(r"<(?:br|/p|/div|/tr|/li|/h[1-6]|/table|/blockquote|hr|p|div|tr|li)\b[^<>]*>", re.IGNORECASE)
_TAG: Final = re.compile(r"<[a-zA-Z/!?][^<>]*>")
_WITHOUT_WIDTH: Final = dict.fromkeys(map(ord, "\u200b\u200c\u200d\ufeff\0"))


def html_text(markup: str) -> str:
    """The words, a line for each block; a quotation is announced by a line of its own."""
    markup = _UNSEEN.sub(" ", markup).replace("\n", " ")
    if quote := _QUOTE.search(markup):
        markup = f"{markup[: quote.start()]}{QUOTATION}{markup[quote.start() :]}"
    text = _TAG.sub("", _BREAK.sub("\n", markup))
    with suppress(ValueError):  # "&#1111…": a number too long for int().
        text = html.unescape(text)
    return "\n".join(" ".join(line.split()) for line in text.translate(_WITHOUT_WIDTH).split("\n"))
