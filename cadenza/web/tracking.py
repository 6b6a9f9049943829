"""What happens when the picture of a mail is fetched, or one of its links is followed?

Whatever goes wrong with noting it, the person gets the picture, or where the link leads.
"""

from __future__ import annotations

import base64
import logging
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse

from cadenza.domain.sightings import Sight, Sighting, machine_of
from cadenza.errors import DatabaseUnavailable
from cadenza.mail.links import Mail, read_click_token, read_open_token
from cadenza.store.database import transaction
from cadenza.store.sightings import note

logger = logging.getLogger(__name__)
router = APIRouter()

#: One transparent point.
_POINT: Final = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")


@router.api_route("/o/{token}.gif", methods=["GET", "HEAD"])
def opened(request: Request, token: str) -> Response:
    """The picture that nobody sees.

    Raises:
        LinkInvalid: this installation did not make it.
    """
    _note(request, Sight.OPEN, read_open_token(request.app.state.key, token))
    # Mail programs in a browser show it from another site.
    return Response(_POINT, media_type="image/gif", headers={"Cross-Origin-Resource-Policy": "cross-origin"})


@router.api_route("/c/{token}", methods=["GET", "HEAD"])
def clicked(request: Request, token: str, to: Annotated[str, Query(max_length=10_000)] = "") -> Response:
    """On to where the link leads, and nowhere else: the token holds for this target only.

    Raises:
        LinkInvalid: this installation did not make it for this target.
    """
    _note(request, Sight.CLICK, read_click_token(request.app.state.key, token, to), to)
    return RedirectResponse(to, 302)


def _note(request: Request, what: Sight, mail: Mail, target: str = "") -> None:
    runtime = request.app.state.runtime
    now = runtime.clock.now()
    machine = machine_of(request.method, request.headers.get("User-Agent", ""))
    try:
        with transaction(runtime.engine) as connection:
            note(connection, [Sighting(what, *mail, now, machine, target)], now)
    except DatabaseUnavailable:
        logger.warning("the database is away: a sighting is lost")
