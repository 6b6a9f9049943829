"""To-dos over the API: what waits for people?"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request

from cadenza.domain.access import Scope
from cadenza.store import todos as store
from cadenza.store.todos import Completion, TodoRow
from cadenza.store.users import find_user
from cadenza.web.api.callers import Caller, need
from cadenza.web.api.shapes import IdInUrl, Name, Page, Paged, paging_of

router = APIRouter(tags=["to-dos"])


class TodoPage(Paged):
    """Whose to-dos."""

    user: Name | None = None


@router.get("/todos")
def page(
    request: Request, caller: Annotated[Caller, need(Scope.TODOS_READ)], wanted: Annotated[TodoPage, Query()]
) -> Page[TodoRow]:
    """Open to-dos, urgent and old ones first; ``after`` counts results, as others complete some meanwhile."""
    with caller.transaction() as connection:
        if wanted.user:
            find_user(connection, wanted.user)
        found = store.open_todos(connection, wanted.user, wanted.limit + 1, wanted.place)
    is_last = len(found) <= wanted.limit
    return Page(
        results=found[: wanted.limit],
        paging=None if is_last else paging_of(request, wanted.place + wanted.limit),
    )


@router.post("/todos/{todo_id}/complete")
def complete(caller: Annotated[Caller, need(Scope.TODOS_WRITE)], todo_id: IdInUrl) -> Completion:
    """Complete a to-do; a sequence that waited for it goes on."""
    from flows.enroll_now import plan_waves_soon

    with caller.transaction() as connection:
        completed = store.complete_todo(connection, todo_id, caller.actor, caller.now)
    plan_waves_soon()
    return completed
