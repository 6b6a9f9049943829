"""How does a request that comes again get the same answer?"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import Header
from fastapi.encoders import jsonable_encoder
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from cadenza.store.api_answers import Answer, claim_answer, forget_answer, keep_answer
from cadenza.web.api.callers import Caller

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        pattern=r"^[\x21-\x7e]+$",
        description="A name of your choice for this request: sent again within a day, it gets the same answer.",
    ),
]


def once(
    caller: Caller, name: str | None, path: str, body: BaseModel, work: Callable[[], tuple[int, Any]]
) -> JSONResponse:
    """What ``work`` answers; the same as last time if the request with this name was answered before.

    Only successes are kept: what failed did nothing, and may be tried again.

    Raises:
        UsedForOther: the name stands for another request.
        StillWorking: the first one is not answered yet (transient).
    """
    if name is None:
        status, told = work()
        return JSONResponse(jsonable_encoder(told), status)
    asked = hashlib.sha256(f"{path}\n{body.model_dump_json()}".encode()).digest()
    with caller.transaction() as connection:
        known = claim_answer(connection, caller.key.id, name, asked, caller.now)
    if known is not None:
        return JSONResponse(known.body, known.status, {"Idempotent-Replayed": "true"})
    try:
        status, told = work()
    except Exception:
        with caller.transaction() as connection:
            forget_answer(connection, caller.key.id, name)
        raise
    content = jsonable_encoder(told)
    with caller.transaction() as connection:
        keep_answer(connection, caller.key.id, name, Answer(status, content))
    return JSONResponse(content, status)
