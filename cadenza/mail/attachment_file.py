"""Which files does an email take along, and what is in them?"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from cadenza.domain.attachments import MEGABYTE, MOST_ATTACHMENTS, Attachment, attachment_of, megabytes
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
        if path is None:
            continue
        try:
            attachment, content = attached(path)
        except ValueError as error:
            one.wrong(str(error))
            continue
        if attachment.name in found:
            one.wrong(f"{attachment.name!r} is attached twice.")
        documents[attachment.sha256] = content
        found[attachment.name] = attachment
    return tuple(found.values())


def attached(path: Path) -> tuple[Attachment, bytes]:
    """A file as it goes with a mail, and its bytes.

    Raises:
        ValueError: says why it may not.
    """
    try:
        size = path.stat().st_size
        if size > _LARGEST_FILE:
            raise ValueError(f"{path.name!r} has {megabytes(size)}, which no mail server takes: send a link to it.")
        content = path.read_bytes()
    except OSError as error:
        raise ValueError(f"{path.name!r} cannot be read: {error.strerror}.") from error
    return attachment_of(path.name, content), content


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
