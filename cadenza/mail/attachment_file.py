"""Which files does an email in a sequence file take along?"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

from cadenza.domain.attachments import (
    MEGABYTE,
    MOST_ATTACHMENTS,
    Attachment,
    media_type_of,
    megabytes,
    trouble_with,
)
from cadenza.mail.yaml_tree import Item

#: Larger files are not even read.
_LARGEST_FILE: Final = 100 * MEGABYTE


def read_attachments(item: Item | None, folder: Path | None, documents: dict[str, bytes]) -> tuple[Attachment, ...]:
    """The files that a step names, beside the sequence file or below; their bytes go to ``documents``, by hash.

    Without a folder, as for a definition that comes over the network, no file is read.
    """
    if item is None:
        return ()
    items = item.items()
    if folder is None:
        item.wrong("files are attached where they lie: load the sequence from its file, with 'cadenza sequences load'.")
        return ()
    if len(items) > MOST_ATTACHMENTS:
        item.wrong(f"an email has at most {MOST_ATTACHMENTS} attachments.")
        return ()
    found: dict[str, Attachment] = {}
    for one in items:
        path = _path(one, folder)
        content = _content(one, path) if path else None
        if path is None or content is None:
            continue
        if trouble := trouble_with(path.name, content):
            one.wrong(f"{path.name!r}: {trouble}")
        elif path.name in found:
            one.wrong(f"{path.name!r} is attached twice.")
        else:
            digest = hashlib.sha256(content).hexdigest()
            documents[digest] = content
            found[path.name] = Attachment(path.name, media_type_of(path.name), len(content), digest)
    return tuple(found.values())


def _path(item: Item, folder: Path) -> Path | None:
    """The file that is meant, links followed: a sequence that somebody sends us must not send our files away."""
    words = item.text().strip()
    if not words or "\0" in words:
        item.wrong("write the name of a file here.")
        return None
    path = (folder / words).resolve()
    if not path.is_relative_to(folder.resolve()):
        item.wrong(f"{words!r} is elsewhere: put the file beside the sequence file, or into a folder there.")
        return None
    if not path.is_file():
        item.wrong(f"there is no file {words!r} beside the sequence file.")
        return None
    return path


def _content(item: Item, path: Path) -> bytes | None:
    try:
        size = path.stat().st_size
        if size <= _LARGEST_FILE:
            return path.read_bytes()
        item.wrong(f"{path.name!r} has {megabytes(size)}, which no mail server takes: send a link to it.")
    except OSError as error:
        item.wrong(f"{path.name!r} cannot be read: {error.strerror}.")
    return None
