"""Which mails does a person want?"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException
from fastapi.responses import HTMLResponse

from cadenza.domain.opt_out import OptOutScope
from cadenza.web.forms import read_form
from cadenza.web.recipient import TheRecipient

router = APIRouter()

#: What the events of these choices name as their source.
SOURCE = "preferences"
#: The choice that takes the others back.
AGAIN = "again"
#: Whether opens and clicks are noted.
TRACKING = {"untracked": False, "tracked": True}


@router.api_route("/preferences/{token}", methods=["GET", "HEAD"])
def show(recipient: TheRecipient) -> HTMLResponse:
    """What the person has chosen, and the other choices."""
    return recipient.page("preferences.html.j2", is_saved=False)


@router.post("/preferences/{token}")
def choose(recipient: TheRecipient, form: Annotated[dict[str, str], Depends(read_form)]) -> HTMLResponse:
    """Make a choice; nobody can make it for the person without the token, so a form needs no other protection.

    Raises:
        HTTPException: there is no such choice (400).
    """
    choice = form.get("choice")
    if choice == AGAIN:
        recipient.opt_in(SOURCE)
    elif choice in TRACKING:
        recipient.choose_tracking(TRACKING[choice], SOURCE)
    elif choice in tuple(OptOutScope):
        recipient.opt_out(OptOutScope(choice), SOURCE)
    else:
        raise HTTPException(400)
    return recipient.page("preferences.html.j2", is_saved=True)
