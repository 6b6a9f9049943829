"""How do people read the results of Great Expectations? As pages of our own: no network, no addresses, only counts.

Great Expectations' own pages load fifteen files from the network and report each opening to their maker's server.
"""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, StrictUndefined, Template

INDEX: Final = "index.html"
#: Pages that the index lists, the newest first; older ones stay where they are.
LISTED: Final = 200

_TITLE = re.compile(r"<title>(.*?)</title>", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Promise:
    """One expectation with its result."""

    prose: str
    code: str
    checked: int
    broken: int
    #: What a broken one does: refuse, hold or warn.
    effect: str = "refuse"
    remedy: str = ""
    #: The share that must keep it.
    mostly: float = 1.0

    @property
    def is_kept(self) -> bool:
        """Whether nothing breaks it, or no more than may."""
        return self.checked - self.broken >= self.mostly * self.checked

    @property
    def percent(self) -> float:
        """The share that breaks it."""
        return round(100 * self.broken / max(1, self.checked), 2)


@dataclass(frozen=True, slots=True)
class Chapter:
    """Promises that belong together."""

    title: str
    promises: tuple[Promise, ...]


@dataclass(frozen=True, slots=True)
class Picture:
    """A PNG that becomes part of the page, and what it shows."""

    path: Path
    words: str

    @property
    def source(self) -> str:
        """The picture as a URI that needs no second file."""
        return f"data:image/png;base64,{base64.b64encode(self.path.read_bytes()).decode()}"


@dataclass(frozen=True, slots=True)
class Document:
    """One page."""

    title: str
    subtitle: str
    chapters: tuple[Chapter, ...] = ()
    figures: tuple[tuple[str, int], ...] = ()
    #: What nobody should overlook; empty: nothing.
    alarm: str = ""
    pictures: tuple[Picture, ...] = ()
    footer: str = "Checked by Great Expectations, shown by Cadenza. This page holds counts only and needs no network."


def promises_of(result: Any) -> tuple[Promise, ...]:
    """The lines of a validation result; prose, code, effect and remedy come from each expectation's meta.

    Lines without prose are recounts, not for people.
    """
    promises = []
    for line in result.results:
        meta = line.expectation_config.meta
        if "prose" not in meta:
            continue
        promises.append(
            Promise(
                prose=meta["prose"],
                code=meta["code"],
                checked=int(line.result.get("element_count") or 0),
                broken=int(line.result.get("unexpected_count") or (0 if line.success else 1)),
                effect=meta.get("effect", "refuse"),
                remedy=meta.get("remedy", ""),
                mostly=meta.get("mostly", 1.0),
            )
        )
    return tuple(sorted(promises, key=lambda promise: (promise.is_kept, -promise.broken)))


def write_document(folder: Path, name: str, document: Document, now: datetime) -> Path:
    """Write a page into the folder of Data Docs and list it in the index; returns its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.html"
    path.write_text(_template().render(document=document, links=()), encoding="utf-8")
    _write_index(folder, now)
    return path


def _write_index(folder: Path, now: datetime) -> None:
    pages = [page for page in folder.glob("*.html") if page.name != INDEX]
    pages.sort(key=lambda page: (page.stat().st_mtime, page.name), reverse=True)
    document = Document("Data Docs", f"{len(pages):,} pages, the newest first; {now:%Y-%m-%d %H:%M} UTC", footer="")
    rendered = _template().render(document=document, links=list(_links(pages[:LISTED])))
    (folder / INDEX).write_text(rendered, encoding="utf-8")


def _links(pages: Iterable[Path]) -> Iterable[tuple[str, str]]:
    for page in pages:
        with page.open(encoding="utf-8") as file:
            title = _TITLE.search(file.read(1000))
        yield page.name, html.unescape(title.group(1)) if title else page.stem


@cache
def _template() -> Template:
    source = resources.files("data_contracts").joinpath("document.html.j2").read_text(encoding="utf-8")
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(source)
