"""Which page is a URL, and does a rule mean it?"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

#: Parameters that say where a visitor came from, not what was visited.
_TRACKING: Final = re.compile(r"utm_.*|gclid|fbclid|msclkid|mc_[ce]id|_hs\w*|hs\w{2}_.*|_ga|_gl")
_DEFAULT_PORT: Final = re.compile(r":(80|443)?$")


def normalized_url(url: str) -> str:
    """A page as rules compare it: ``example.com/pricing?plan=pro``.

    Without scheme, default port, fragment, closing slash and tracking parameters; parameters in order, capitals small.
    """
    url = url.strip()
    parts = urlsplit(url if re.match(r"[a-zA-Z][\w+.-]*://", url) else f"//{url.lstrip('/')}")
    place = _DEFAULT_PORT.sub("", parts.netloc.rpartition("@")[2])
    path = quote(unquote(parts.path), safe="/~!$&'()*+,;=:@").rstrip("/")
    kept = sorted(pair for pair in parse_qsl(parts.query, keep_blank_values=True) if not _TRACKING.fullmatch(pair[0]))
    return f"{place}{path}{f'?{urlencode(kept)}' if kept else ''}".lower()


def equal_to(url: str) -> list[str]:
    """Patterns for LIKE that are this page and no other; a URL without parameters means the page with any."""
    page = _literal(normalized_url(url))
    return [page] if "?" in page else [page, f"{page}?%"]


def containing(term: str) -> list[str]:
    """The pattern for LIKE of pages with the term anywhere in their URL."""
    return [f"%{_literal(_bare(term))}%"]


def matching(glob: str) -> list[str]:
    """The pattern for LIKE of a URL in which ``*`` stands for anything, also nothing."""
    return ["%".join(_literal(part) for part in _bare(glob).split("*"))]


def _bare(term: str) -> str:
    return re.sub(r"^https?://", "", term.strip().lower())


def _literal(words: str) -> str:
    return re.sub(r"([\\%_])", r"\\\1", words)
