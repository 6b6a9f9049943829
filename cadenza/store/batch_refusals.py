"""Which contacts of a batch have an error or a warning?"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, text


def page_refusals(connection: Connection, batch_id: int, after: int, limit: int) -> list[Any]:
    """The next contacts behind a line: line, contact_id, code, outcome, detail, also_broken (codes)."""
    rows = connection.execute(
        text("""
            SELECT r.ordinal AS line, r.contact_id, r.code, r.outcome, r.detail,
                   ARRAY(SELECT o.code FROM refusals o
                         WHERE o.batch_id = r.batch_id AND o.ordinal = r.ordinal AND NOT o.is_reason
                         ORDER BY o.code) AS also_broken
            FROM refusals r
            WHERE r.batch_id = :batch_id AND r.ordinal > :after AND r.is_reason
            ORDER BY r.ordinal LIMIT :limit
        """),
        {"batch_id": batch_id, "after": after, "limit": limit},
    )
    return list(rows)
