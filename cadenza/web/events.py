"""How do form submissions and page views come in?"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from datetime import datetime, timedelta
from importlib import resources
from typing import Annotated, Any, Final

import orjson
from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from cadenza.domain.automation import Signal, TriggerKind
from cadenza.domain.contact import property_name
from cadenza.domain.page_url import normalized_url
from cadenza.runtime import Runtime
from cadenza.sources.addresses import normalize_address
from cadenza.store.database import autocommit
from cadenza.store.signals import keep_signals
from cadenza.web.api.errors import ErrorDetail, Problem, answer_errors
from cadenza.web.forms import read_body
from cadenza.web.signatures import check_sender, is_signed

router = APIRouter()

EVENTS_PATH: Final = "/events"

LARGEST_BODY: Final = 1_000_000
MOST_EVENTS: Final = 1_000
#: What a browser sends: one page view.
LARGEST_VIEW: Final = 8_192
#: How much later than our clock another one may be.
AHEAD: Final = timedelta(minutes=5)
SCRIPT: Final = resources.files("cadenza.web").joinpath("cadenza.js").read_text(encoding="utf-8")

#: One line without control characters; of texts of several lines only the NUL is refused.
Line = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^[^\x00-\x1f\x7f]*$")]
Text = Annotated[str, StringConstraints(max_length=5_000, pattern=r"^[^\x00]*$")]


class Happened(BaseModel):
    """What every event says."""

    model_config = ConfigDict(extra="forbid", coerce_numbers_to_str=True)

    #: Of the sender's making; the same again is passed over.
    id: Annotated[Line, Field(min_length=1, max_length=200)]
    at: AwareDatetime | None = None
    email: Annotated[Line, Field(max_length=320)] | None = None
    contact_id: Annotated[int, Field(ge=1, lt=2**63)] | None = None
    visitor: Annotated[Line, Field(min_length=1, max_length=100)] | None = None


class FormSubmission(Happened):
    """Somebody sent a form."""

    form: Annotated[Line, Field(min_length=1, max_length=200)]
    fields: Annotated[dict[Annotated[Line, Field(max_length=200)], Text], Field(max_length=100)] = {}


class PageView(Happened):
    """Somebody saw a page."""

    url: Annotated[Line, Field(min_length=1, max_length=2_000)]


def build_events(runtime: Runtime) -> FastAPI:
    """What takes events in."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    app.state.runtime = runtime
    app.state.events_key, app.state.site_key = runtime.events_key, runtime.site_key
    app.include_router(router)
    answer_errors(app)
    return app


@router.post("/forms")
async def forms(request: Request) -> Response:
    """Keep form submissions; 202 as soon as they are safe."""
    runtime: Runtime = request.app.state.runtime
    body = await read_body(request, LARGEST_BODY)
    now = runtime.clock.now()
    check_sender(request.app.state.events_key, request.headers, body, now)
    return await _keep(runtime, _signals(body, FormSubmission, now), now)


@router.post("/page-views")
async def page_views(request: Request, site: str = "") -> Response:
    """Keep page views: of a server that signs them, or of our script in a browser, which knows only the site's key."""
    runtime: Runtime = request.app.state.runtime
    is_browser = bool(site) and not is_signed(request.headers)
    if is_browser:
        _check_site(request, site)
    body = await read_body(request, LARGEST_VIEW if is_browser else LARGEST_BODY)
    now = runtime.clock.now()
    if not is_browser:
        check_sender(request.app.state.events_key, request.headers, body, now)
    return await _keep(runtime, _signals(body, PageView, now, is_browser=is_browser), now)


@router.get("/cadenza.js")
async def script() -> Response:
    """The script that pages send their views with."""
    headers = {"Cache-Control": "public, max-age=3600", "Cross-Origin-Resource-Policy": "cross-origin"}
    return Response(SCRIPT, media_type="text/javascript; charset=utf-8", headers=headers)


async def _keep(runtime: Runtime, signals: Sequence[Signal], now: datetime) -> Response:
    def keep() -> int:
        with autocommit(runtime.engine) as connection:
            return keep_signals(connection, signals, now)

    kept = await run_in_threadpool(keep)
    return JSONResponse({"accepted": kept, "duplicates": len(signals) - kept}, 202)


def _check_site(request: Request, site: str) -> None:
    """A page's key is no secret: it lets page views in, from our own sites.

    Raises:
        Problem: it is another key, or another site (403).
    """
    if not hmac.compare_digest(site.encode(), request.app.state.site_key.encode()):
        raise Problem(403, "The site's key is not ours: see 'cadenza automation keys'.", "SITE_KEY_INVALID")
    origin = request.headers.get("Origin", "").lower().rstrip("/")
    if origin not in request.app.state.runtime.settings.event_origins:
        raise Problem(403, "Pages of this origin are not in the setting event_origins.", "ORIGIN_NOT_ALLOWED")


def _signals(body: bytes, model: type[Happened], now: datetime, *, is_browser: bool = False) -> list[Signal]:
    """The events of a body, one or ``{"events": […]}``.

    Raises:
        Problem: something is wrong with any of them; names each field (400).
    """
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Problem(400, f"The body is no JSON: {error}.", "INVALID_JSON") from error
    is_batch = isinstance(content, dict) and set(content) == {"events"} and isinstance(content["events"], list)
    items: list[Any] = content["events"] if is_batch else [content]
    if not 1 <= len(items) <= (1 if is_browser else MOST_EVENTS):
        raise Problem(400, f"A request brings 1 to {MOST_EVENTS} events, not {len(items)}.", "TOO_MANY_EVENTS")
    signals: list[Signal] = []
    problems: list[tuple[str, str]] = []
    for number, item in enumerate(items):
        place = f"events[{number}]." if is_batch else ""
        try:
            event = model.model_validate(item)
        except ValidationError as error:
            problems += [(place + _path(one["loc"]), one["msg"]) for one in error.errors(include_input=False)]
            continue
        wrong = _wrong(event, now, is_browser=is_browser)
        problems += [(place + field, words) for field, words in wrong]
        if not wrong:
            signals.append(_signal(event, now, is_browser=is_browser))
    if problems:
        raise Problem(
            400,
            f"{problems[0][0]}: {problems[0][1]}. Nothing of the request was kept.",
            "INVALID_EVENT",
            details=_details(problems),
        )
    return signals


def _details(problems: Sequence[tuple[str, str]]) -> list[ErrorDetail]:
    return [ErrorDetail(message=words, code="INVALID_VALUE", field=field) for field, words in problems[:50]]


def _wrong(event: Happened, now: datetime, *, is_browser: bool) -> list[tuple[str, str]]:
    """What no type can say."""
    wrong = []
    if event.at and event.at > now + AHEAD:
        wrong.append(("at", "it is in the future"))
    if event.email and normalize_address(event.email) is None:
        wrong.append(("email", "it is no email address"))
    if is_browser and (event.email or event.contact_id):
        wrong.append(("email" if event.email else "contact_id", "a browser may not say who somebody is"))
    if is_browser and not event.visitor:
        wrong.append(("visitor", "a page view without a visitor is of no use"))
    return wrong


def _signal(event: Happened, now: datetime, *, is_browser: bool) -> Signal:
    kind, source, name, fields = TriggerKind.FORM, "form", "", None
    if isinstance(event, FormSubmission):
        named = {property_name(name): value.strip() for name, value in event.fields.items()}
        name, fields = event.form, {name: value for name, value in named.items() if name and value}
    if isinstance(event, PageView):
        # What a browser calls its event never stands in the way of one that is signed.
        kind, source, name = TriggerKind.PAGE_VIEW, "site" if is_browser else "page", normalized_url(event.url)
    return Signal(
        kind,
        f"{source}:{event.id}",
        name,
        min(event.at or now, now),
        event.contact_id,
        normalize_address(event.email) if event.email else None,
        event.visitor,
        fields,
    )


def _path(location: Sequence[int | str]) -> str:
    return ".".join(str(part) for part in location) or "the event"
