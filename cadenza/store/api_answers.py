"""What was answered to a request that comes again?"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, text

from cadenza.errors import StillWorking, UsedForOther

#: So long is an answer kept.
KEPT: Final = timedelta(hours=24)
#: Whoever has not answered by now has died.
LONGEST_WORK: Final = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer as it was given."""

    status: int
    body: Any


def claim_answer(connection: Connection, key_id: int, name: str, request_hash: bytes, now: datetime) -> Answer | None:
    """The answer that was given to this request; None: nobody has, it is ours to give.

    Raises:
        UsedForOther: the name stands for another request.
        StillWorking: somebody is about to answer it (transient).
    """
    connection.execute(text("DELETE FROM api_answers WHERE created_at < :before"), {"before": now - KEPT})
    is_ours = connection.scalar(
        text("""
            INSERT INTO api_answers (key_id, idempotency_key, request_hash, created_at)
            VALUES (:key_id, :name, :hash, :now)
            ON CONFLICT (key_id, idempotency_key) DO UPDATE SET created_at = :now
                WHERE api_answers.status IS NULL AND api_answers.created_at < :dead
                  AND api_answers.request_hash = excluded.request_hash
            RETURNING true
        """),
        {"key_id": key_id, "name": name, "hash": request_hash, "now": now, "dead": now - LONGEST_WORK},
    )
    if is_ours:
        return None
    row = connection.execute(
        text("SELECT request_hash, status, body FROM api_answers WHERE key_id = :key_id AND idempotency_key = :name"),
        {"key_id": key_id, "name": name},
    ).one()
    if bytes(row.request_hash) != request_hash:
        raise UsedForOther()
    if row.status is None:
        raise StillWorking()
    return Answer(row.status, row.body)


def keep_answer(connection: Connection, key_id: int, name: str, answer: Answer) -> None:
    """Store what was answered."""
    connection.execute(
        text("""
            UPDATE api_answers SET status = :status, body = CAST(:body AS jsonb)
            WHERE key_id = :key_id AND idempotency_key = :name
        """),
        {"key_id": key_id, "name": name, "status": answer.status, "body": json.dumps(answer.body)},
    )


def forget_answer(connection: Connection, key_id: int, name: str) -> None:
    """Nothing was done: the request may come again as if it never had."""
    connection.execute(
        text("DELETE FROM api_answers WHERE key_id = :key_id AND idempotency_key = :name AND status IS NULL"),
        {"key_id": key_id, "name": name},
    )
