"""What stands in a template where it includes a snippet?"""

from __future__ import annotations

import difflib
import re
from pathlib import Path
from typing import Final

from cadenza.errors import TemplateInvalid

#: ``{% include "snippet:greeting" %}``
_INCLUDE: Final = re.compile(r"""\{%-?\s*include\s+(["'])snippet:([^"'\n]*)\1\s*-?%\}""")
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")


def with_snippets(source: str, folder: Path, *, is_html: bool) -> str:
    """A template with its snippets put in: files of a folder, ``greeting.html`` for HTML, else ``greeting.txt``.

    They are put in once, before the template is read: what is stored never changes with the files, and a snippet may
    say what any template may, but include no other one.

    Raises:
        TemplateInvalid: names the line of a snippet that there is not, or that includes another one.
    """

    def put_in(found: re.Match[str]) -> str:
        line = source.count("\n", 0, found.start()) + 1
        path = _path_of(found[2], folder, is_html=is_html)
        if path is None:
            known = sorted({one.stem for one in folder.glob("*.*")}) if folder.is_dir() else []
            near = difflib.get_close_matches(found[2], known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"put {found[2] or 'it'}.txt into {folder.name}/."
            raise TemplateInvalid.at((line, f"there is no snippet {found[2]!r}: {hint}"))
        words = path.read_text(encoding="utf-8-sig").strip("\n")
        if _INCLUDE.search(words):
            raise TemplateInvalid.at((line, f"the snippet {found[2]!r} includes another one: it may not."))
        return words

    return _INCLUDE.sub(put_in, source)


def _path_of(name: str, folder: Path, *, is_html: bool) -> Path | None:
    if not _NAME.fullmatch(name):
        return None
    path = folder / f"{name}.{'html' if is_html else 'txt'}"
    return path if path.is_file() else None
