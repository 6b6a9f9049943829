"""Reports over the API: how does the installation stand, and who sends?"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel

from cadenza.domain.access import Scope
from cadenza.store.health import Health, health
from cadenza.store.mailboxes import SenderMailbox, sender_mailboxes
from cadenza.store.users import User, list_users
from cadenza.web.api.callers import Caller, need
from cadenza.web.api.shapes import Page

router = APIRouter(tags=["reports"])


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


@router.get("/reports/health")
def report(caller: Annotated[Caller, need(Scope.REPORTS_READ)]) -> Health:
    """How many enrollments and deliveries are in which state."""
    with caller.transaction() as connection:
        return health(connection, caller.now)


@router.get("/users")
def users(caller: Annotated[Caller, need(Scope.SEQUENCES_READ)]) -> Page[UserLine]:
    """Every user with mailboxes and their aliases."""
    with caller.transaction() as connection:
        found = list_users(connection)
        mailboxes = sender_mailboxes(connection)
    return Page(results=[_line(user, [box for box in mailboxes if box.user_id == user.id]) for user in found])


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
