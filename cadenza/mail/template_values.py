"""How does the value of a token get into a text without doing harm there?"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from html import unescape
from typing import Any, Final
from urllib.parse import quote

from jinja2.filters import do_title
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import escape

from cadenza.errors import TokenMissing
from cadenza.mail.encoding import quoted

_CONTROLS: Final = {code: None for code in (*range(32), *range(127, 160)) if chr(code) not in "\t\n"}
_SCHEME: Final = re.compile(r"(https?://|mailto:|tel:)", re.IGNORECASE)
_PATTERN: Final = re.compile(r"(%[aAbBdeHIjmMpuyY]|[^%]){1,60}")
_BARE_HOST: Final = re.compile(r"[\w-]+(\.[\w-]+)+(/|$)")


def plain(value: object) -> str | None:
    """A value as text; None: there is none. Whatever is no plain data has none either."""
    if isinstance(value, str):
        return None if not value or value.isspace() else str.__str__(value)
    if isinstance(value, int | float | Decimal | date):
        return str(value)
    return None


class TokenEnvironment(ImmutableSandboxedEnvironment):
    """Jinja without anything to find: a token is looked up in a dictionary and is text or nothing."""

    def __init__(self) -> None:
        super().__init__(keep_trailing_newline=True, auto_reload=False, cache_size=0)
        self.globals, self.tests = {}, {}
        self.filters = dict(_FILTERS)

    def getattr(self, obj: Any, attribute: str) -> str | None:
        """The value of a field or property."""
        return plain(obj.get(attribute)) if isinstance(obj, dict) else None

    def getitem(self, obj: Any, argument: Any) -> str | None:
        """The value of a field or property."""
        return self.getattr(obj, argument)


def clean(value: object) -> str:
    """Text without control characters other than line ends and tabs."""
    words = "" if value is None else str(value)
    if words.isprintable():
        return words
    words = words.replace("\r\n", "\n").translate(_CONTROLS)
    return words.encode("utf-8", "replace").decode()


def needed(value: str | None, path: str) -> str:
    """The value, which must be there."""
    if value is None:
        raise TokenMissing(f"There is no value for {path}: fill it in, or give the token a default.")
    return value


def html(value: object) -> str:
    """A value between tags or inside a quoted attribute."""
    return str(escape(clean(value)))


def url(value: object) -> str:
    """A value as a whole link: web, mail and telephone addresses only, anything else leads nowhere."""
    words = "".join(clean(value).split())
    if not _SCHEME.match(words):
        words = f"https://{words}" if _BARE_HOST.match(words) else "#"
    return str(escape(words))


def url_part(value: object) -> str:
    """A value somewhere inside a link."""
    return quote(clean(value), safe="")


def linked(value: object) -> str:
    """A value in the HTML that was made from plain text, where a web address is a link."""
    words = html(value)
    is_link = re.fullmatch(r"https?://\S+", words)
    return f'<a href="{words}">{words}</a>' if is_link else words


def tracked(value: object, track: Callable[[str], str]) -> str:
    """A whole link, escaped as it stands in its attribute, that leads through our pages."""
    return str(escape(track(unescape(str(value)))))


def _or_default(value: str | None, otherwise: object = "") -> object:
    return otherwise if value is None else value


def _as_date(value: str | None, pattern: object = "%d %B %Y") -> str | None:
    """An ISO date in another form; anything else stays as it is."""
    if value is None or not _PATTERN.fullmatch(str(pattern)):
        return value
    try:
        return date.fromisoformat(value[:10]).strftime(str(pattern))
    except ValueError:
        return value


def _of_text(change: Callable[[str], str]) -> Callable[[object], str | None]:
    return lambda value: None if value is None else change(str(value))


#: Names with an underscore are ours: put around what a template says, never written in one.
_FILTERS: Final[Mapping[str, Callable[..., Any]]] = {
    "default": _or_default,
    "title": _of_text(do_title),
    "upper": _of_text(str.upper),
    "lower": _of_text(str.lower),
    "capitalize": _of_text(str.capitalize),
    "trim": _of_text(str.strip),
    "date": _as_date,
    "_needed": needed,
    "_text": clean,
    "_html": html,
    "_url": url,
    "_url_part": url_part,
    "_linked": linked,
    "_tracked": tracked,
    "_quoted": quoted,
}
