"""What happens at the link of List-Unsubscribe, for a mail program (RFC 8058) and for a person?"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException
from fastapi.responses import HTMLResponse

from cadenza.domain.opt_out import OptOutScope
from cadenza.web.forms import read_form
from cadenza.web.recipient import TheRecipient

router = APIRouter()


@router.api_route("/unsubscribe/{token}", methods=["GET", "HEAD"])
def ask(recipient: TheRecipient) -> HTMLResponse:
    """A page with a button. It changes nothing: scanners open every link of a mail."""
    return recipient.page("unsubscribe.html.j2")


@router.post("/unsubscribe/{token}")
def unsubscribe(recipient: TheRecipient, form: Annotated[dict[str, str], Depends(read_form)]) -> HTMLResponse:
    """Opt out of everything; the mail program and the button of the page send the same.

    Raises:
        HTTPException: the form says something else (400).
    """
    if form.get("List-Unsubscribe", "").lower() != "one-click":
        raise HTTPException(400)
    recipient.opt_out(OptOutScope.ALL, "one_click")
    return recipient.page("unsubscribe.html.j2")
