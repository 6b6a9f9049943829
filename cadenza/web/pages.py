"""What do the pages look like? Jinja2 with everything escaped, one style sheet inside, nothing from elsewhere."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from importlib import resources
from typing import Any, Final

from fastapi.responses import HTMLResponse
from jinja2 import DictLoader, Environment, StrictUndefined
from markupsafe import Markup

from cadenza.web.languages import preferred
from cadenza.web.words import DEFAULT_LANGUAGE, WORDS

_FOLDER: Final = resources.files("cadenza.web")
STYLE: Final = _FOLDER.joinpath("page.css").read_text(encoding="utf-8")
#: What the Content-Security-Policy knows the style sheet by.
STYLE_HASH: Final = f"sha256-{base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()}"

_TEMPLATES: Final = Environment(
    loader=DictLoader(
        {file.name: file.read_text(encoding="utf-8") for file in _FOLDER.iterdir() if file.name.endswith(".j2")}
    ),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def page(
    name: str,
    headers: Mapping[str, str],
    values: Mapping[str, Any],
    language: str = DEFAULT_LANGUAGE,
    status: int = 200,
) -> HTMLResponse:
    """A page in the language that the browser asks for, else in ``language`` if we have it."""
    otherwise = language.lower().partition("-")[0]
    chosen = preferred(headers.get("Accept-Language", ""), WORDS, otherwise if otherwise in WORDS else DEFAULT_LANGUAGE)
    html = _TEMPLATES.get_template(name).render(
        **values,
        words=WORDS[chosen],
        language=chosen,
        style=Markup(STYLE),  # noqa: S704 - our own file
    )
    return HTMLResponse(html, status, {"Content-Language": chosen, "Vary": "Accept-Language"})


def notice(headers: Mapping[str, str], status: int, name: str, extra: Mapping[str, str] | None = None) -> HTMLResponse:
    """A page that only says something: one of the notices of ``words.Words``; ``extra`` are headers of the answer."""
    response = page("notice.html.j2", headers, {"notice": name}, status=status)
    response.headers.update(extra or {})
    return response
