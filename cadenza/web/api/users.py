"""Users over the API: who sends, and what becomes of the contacts of somebody who leaves?"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field

from cadenza.domain.access import Scope
from cadenza.store.deletions import deactivate_user
from cadenza.store.mailboxes import SenderMailbox, sender_mailboxes
from cadenza.store.users import User, list_users
from cadenza.web.api.callers import Caller, need
from cadenza.web.api.shapes import In, Name, Page

router = APIRouter(tags=["users"])


class UserLine(BaseModel):
    """A user, with the mailboxes that mails may go through."""

    id: int
    handle: str
    name: str
    email: str
    is_active: bool
    may_enroll: bool
    may_bulk_enroll: bool
    mailboxes: list[SenderMailbox]


class Leaving(In):
    """What becomes of the contacts that are in sequences: exactly one of these, if there are any."""

    move_to: Annotated[Name | None, Field(description="Handle of the user who writes to them from now on.")] = None
    unenroll: Annotated[bool, Field(strict=True, description="Their sequences end.")] = False


class Moved(BaseModel):
    """How many contacts were concerned."""

    contacts: int


@router.get("/users")
def page(caller: Annotated[Caller, need(Scope.SEQUENCES_READ)]) -> Page[UserLine]:
    """Every user with mailboxes and their aliases."""
    with caller.transaction() as connection:
        found = list_users(connection)
        mailboxes = sender_mailboxes(connection)
    return Page(results=[_line(user, [box for box in mailboxes if box.user_id == user.id]) for user in found])


@router.post("/users/{handle}/deactivate")
def deactivate(caller: Annotated[Caller, need(Scope.USERS_WRITE)], handle: Name, body: Leaving) -> Moved:
    """Switch a user's account off; the contacts in sequences go on with another user, or are unenrolled."""
    with caller.transaction() as connection:
        return Moved(
            contacts=deactivate_user(connection, handle, body.move_to, body.unenroll, caller.actor, caller.now)
        )


def _line(user: User, mailboxes: list[SenderMailbox]) -> UserLine:
    return UserLine(
        id=user.id,
        handle=user.handle,
        name=user.name,
        email=user.email,
        is_active=user.is_active,
        may_enroll=user.may_enroll,
        may_bulk_enroll=user.may_bulk_enroll,
        mailboxes=mailboxes,
    )
