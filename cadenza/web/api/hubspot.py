"""HubSpot's Sequences API v4, so that an integration for HubSpot works here by changing the host."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field

from cadenza.domain.access import Scope
from cadenza.domain.enrollment import EnrollmentOptions, Outcome
from cadenza.domain.overrides import Overrides
from cadenza.errors import NotFound
from cadenza.store import sequence_ages
from cadenza.store.enrollments import running_enrollment
from cadenza.store.mailboxes import SenderMailbox, sender_mailboxes
from cadenza.store.users import User, user_named
from cadenza.web.api.callers import Caller, need
from cadenza.web.api.enrolling import refused
from cadenza.web.api.errors import Problem
from cadenza.web.api.hubspot_sequence import lite, whole
from cadenza.web.api.hubspot_shapes import (
    CollectionResponseWithTotalPublicSequenceLiteResponse,
    PublicSequenceEnrollmentLiteResponse,
    PublicSequenceEnrollmentResponse,
    PublicSequenceResponse,
)
from cadenza.web.api.shapes import MOST_RESULTS, STORABLE, After, paging_of

router = APIRouter(tags=["Basic"])

Reader = Annotated[Caller, need(Scope.SEQUENCES_READ)]
UserId = Annotated[
    str, Query(min_length=1, max_length=320, pattern=STORABLE, description="A user's number, handle or address.")
]
TextId = Annotated[str, Field(pattern=r"^[1-9][0-9]{0,17}$")]


class PublicSequenceEnrollmentRequest(BaseModel):
    """Whom to enroll into what."""

    contactId: TextId  # noqa: N815
    sequenceId: TextId  # noqa: N815
    senderEmail: Annotated[  # noqa: N815
        str, Field(min_length=1, max_length=320, pattern=STORABLE, description="The address of a mailbox of the user.")
    ]
    senderAliasAddress: Annotated[  # noqa: N815
        str | None, Field(min_length=1, max_length=320, pattern=STORABLE, description="One of the mailbox's aliases.")
    ] = None


@router.get("")
def page(
    request: Request,
    caller: Reader,
    userId: UserId,  # noqa: N803
    after: After = None,
    limit: Annotated[int, Query(ge=1, le=MOST_RESULTS)] = 100,
    name: Annotated[str | None, Query(max_length=200, pattern=STORABLE)] = None,
) -> CollectionResponseWithTotalPublicSequenceLiteResponse:
    """The sequences that a user may send."""
    with caller.transaction() as connection:
        user = _user(caller, connection, userId)
        found = sequence_ages.page_shared(connection, user.id, int(after or 0), limit + 1, name)
        total = sequence_ages.count_shared(connection, user.id, name)
    shown = [lite(one, user.id) for one in found[:limit]]
    paging = paging_of(request, int(shown[-1].id)) if len(found) > limit else None
    return CollectionResponseWithTotalPublicSequenceLiteResponse(total=total, results=shown, paging=paging)


@router.get("/enrollments/contact/{contactId}")
def status(
    caller: Annotated[Caller, need(Scope.ENROLLMENTS_READ)],
    contactId: TextId,  # noqa: N803
) -> PublicSequenceEnrollmentResponse:
    """The enrollment that a contact is in now."""
    with caller.transaction() as connection:
        found = running_enrollment(connection, int(contactId))
    if found is None:
        raise NotFound(f"Contact {contactId} is in no sequence now.")
    return PublicSequenceEnrollmentResponse(
        id=str(found.id),
        toEmail=found.to_email,
        enrolledAt=found.enrolled_at,
        updatedAt=found.updated_at,
        sequenceId=str(found.sequence_id),
        sequenceName=found.sequence,
        enrolledBy=str(found.enrolled_by),
        enrolledByEmail=found.enrolled_by_email,
    )


@router.post("/enrollments")
def enroll(
    caller: Annotated[Caller, need(Scope.ENROLLMENTS_WRITE)],
    userId: UserId,  # noqa: N803
    body: PublicSequenceEnrollmentRequest,
) -> PublicSequenceEnrollmentLiteResponse:
    """Enroll a contact into a sequence, through a mailbox of the user."""
    from flows.enroll_now import enroll_now

    contact_id = int(body.contactId)
    with caller.transaction() as connection:
        user = _user(caller, connection, userId)
        sequence = sequence_ages.find_shared(connection, user.id, int(body.sequenceId)).stored.sequence.name
        mailbox = _mailbox(sender_mailboxes(connection, user.id), user, body)
    alias = body.senderAliasAddress and body.senderAliasAddress.strip().lower()
    options = EnrollmentOptions(mailbox_id=mailbox.id, overrides=Overrides(from_alias=alias or None))
    [told] = enroll_now(sequence, user.handle, [contact_id], options, enrolled_by=user.handle)
    if told.outcome is Outcome.REFUSED:
        raise refused(told, 400)
    with caller.transaction() as connection:
        found = running_enrollment(connection, contact_id)
    if found is None:
        raise Problem(409, f"The enrollment of contact {contact_id} has ended already.", "ENDED")
    return PublicSequenceEnrollmentLiteResponse(
        id=str(found.id), toEmail=found.to_email, enrolledAt=found.enrolled_at, updatedAt=found.updated_at
    )


@router.get("/{sequenceId}")
def get(caller: Reader, sequenceId: TextId, userId: UserId) -> PublicSequenceResponse:  # noqa: N803
    """One sequence with its steps."""
    with caller.transaction() as connection:
        user = _user(caller, connection, userId)
        return whole(sequence_ages.find_shared(connection, user.id, int(sequenceId)), user.id)


def _user(caller: Caller, connection: Any, name: str) -> User:
    user = user_named(connection, name)
    caller.user_for(user.handle, "userId")
    return user


def _mailbox(mailboxes: list[SenderMailbox], user: User, body: PublicSequenceEnrollmentRequest) -> SenderMailbox:
    """The mailbox that senderEmail names, and whose alias senderAliasAddress is.

    Raises:
        Problem: it is not the user's, or has no such alias.
    """
    wanted = body.senderEmail.strip().lower()
    mailbox = next((box for box in mailboxes if box.address == wanted), None)
    if mailbox is None:
        known = ", ".join(box.address for box in mailboxes) or "none"
        raise Problem(
            400,
            f"senderEmail is no mailbox of the user {user.handle!r} (who has: {known}): name one of them.",
            "SEND_AS_DENIED",
            field="senderEmail",
        )
    alias = body.senderAliasAddress and body.senderAliasAddress.strip().lower()
    if alias and alias not in [one.lower() for one in mailbox.aliases]:
        known = ", ".join(mailbox.aliases) or "none"
        raise Problem(
            400,
            f"senderAliasAddress is no alias of {mailbox.address} (which has: {known}): name one of them.",
            "SEND_AS_DENIED",
            field="senderAliasAddress",
        )
    return mailbox
