"""What is in the files that go with mails? Each content is kept once, by its hash."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from sqlalchemy import Connection, text


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
