"""What is in the files that go with mails? Each content is kept once, by its hash."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from sqlalchemy import Connection, text

from cadenza.domain.overrides import Overrides
from cadenza.errors import OverrideInvalid


def keep_documents(connection: Connection, documents: Mapping[str, bytes]) -> None:
    """Keep contents by their hashes; those that are there already stay."""
    if documents:
        connection.execute(
            text("INSERT INTO documents (sha256, content) VALUES (:sha256, :content) ON CONFLICT DO NOTHING"),
            [{"sha256": sha256, "content": content} for sha256, content in documents.items()],
        )


def contents_of(connection: Connection, hashes: Collection[str]) -> dict[str, bytes]:
    """The contents of documents by their hashes."""
    rows = connection.execute(
        text("SELECT sha256, content FROM documents WHERE sha256 = ANY (:hashes)"), {"hashes": list(hashes)}
    )
    return {row.sha256: bytes(row.content) for row in rows}


def check_documents(connection: Connection, chosen: Iterable[Overrides]) -> None:
    """See that the files are kept that are to go with mails.

    Raises:
        OverrideInvalid: names the field and the file that is not.
    """
    named = {
        (one.sha256, one.size): (place, one.name)
        for own in chosen
        for place, some in own.attachments.items()
        for one in some
    }
    if not named:
        return
    rows = connection.execute(
        text("SELECT sha256, octet_length(content) AS size FROM documents WHERE sha256 = ANY (:hashes)"),
        {"hashes": [sha256 for sha256, _ in named]},
    )
    for place, name in (named[key] for key in named.keys() - {(row.sha256, row.size) for row in rows}):
        raise OverrideInvalid.of(
            place, f"there is no such file {name!r} here: attach it with --attach, or name one of a loaded sequence."
        )
