"""Documents over the API: keep a file that mails are to take along."""

from __future__ import annotations

import binascii
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field

from cadenza.domain.access import Scope
from cadenza.domain.attachments import LONGEST_NAME, attachment_of
from cadenza.store.documents import keep_documents
from cadenza.web.api.callers import Caller, need
from cadenza.web.api.errors import Problem
from cadenza.web.api.shapes import STORABLE, In

router = APIRouter(tags=["documents"])


class DocumentIn(In):
    """A file; larger ones are attached by `cadenza enroll --attach`, or by a sequence's file."""

    name: Annotated[str, Field(min_length=1, max_length=LONGEST_NAME, pattern=STORABLE)]
    content: Annotated[
        str, Field(min_length=4, max_length=1_900_000, pattern=r"^[A-Za-z0-9+/]+={0,2}$", description="In base64.")
    ]


class Document(BaseModel):
    """A file that is kept; it stands like this in `overrides.steps.2.attachments`."""

    name: str
    media_type: str
    size: int
    sha256: str


@router.post("/documents")
def keep(caller: Annotated[Caller, need(Scope.ENROLLMENTS_WRITE)], body: DocumentIn) -> Document:
    """Keep a file that mails are to take along. The same content is kept once, whatever its name is."""
    try:
        content = binascii.a2b_base64(body.content, strict_mode=True)
        attachment = attachment_of(body.name, content)
    except binascii.Error as error:
        raise Problem(
            422, "content: this is no base64: encode the file's bytes.", "INVALID_VALUE", field="content"
        ) from error
    except ValueError as error:
        raise Problem(422, f"The file cannot be attached: {error}", "INVALID_VALUE", field="name") from error
    with caller.transaction() as connection:
        keep_documents(connection, {attachment.sha256: content})
    return Document.model_validate(attachment, from_attributes=True)
