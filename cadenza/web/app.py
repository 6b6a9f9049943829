"""Which pages are there, and what does a person see when something is wrong?"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from urllib.parse import parse_qs

from anyio.to_thread import current_default_thread_limiter
from fastapi import FastAPI, Request, Response
from fastapi.datastructures import Headers
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Scope

from cadenza.errors import DatabaseUnavailable, LinkInvalid
from cadenza.mail.links import read_click_token, read_open_token, read_unsubscribe_token
from cadenza.runtime import Runtime
from cadenza.store.database import transaction
from cadenza.store.health import answers
from cadenza.web import preferences, tracking, unsubscribing
from cadenza.web.api.app import API_PATH, HUBSPOT_PATH, build_api, build_hubspot_api
from cadenza.web.api.callers import KnownKeys
from cadenza.web.api.errors import Problem, answer
from cadenza.web.buckets import Buckets
from cadenza.web.door import Door, Payer
from cadenza.web.events import EVENTS_PATH, build_events
from cadenza.web.pages import notice
from cadenza.web.signatures import is_signed

#: What stands before the paths of the API.
API_PATHS = (f"{API_PATH}/", f"{HUBSPOT_PATH}/")
EVENT_PATHS = f"{EVENTS_PATH}/"


def build_app(runtime: Runtime) -> ASGIApp:
    """The public pages and the API of an installation, behind their door."""
    app = FastAPI(
        title="Cadenza",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=_as_many_as_the_database_takes,
    )
    app.state.runtime = runtime
    app.state.key = runtime.secret_key
    app.include_router(unsubscribing.router)
    app.include_router(preferences.router)
    app.include_router(tracking.router)
    app.add_api_route("/health", health, methods=["GET", "HEAD"])
    known_keys = KnownKeys()
    app.mount(EVENTS_PATH, build_events(runtime))
    app.mount(API_PATH, build_api(runtime, known_keys))
    app.mount(HUBSPOT_PATH, build_hubspot_api(runtime, known_keys))
    app.add_exception_handler(LinkInvalid, _nothing_here)
    app.add_exception_handler(404, _nothing_here)
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(DatabaseUnavailable, _busy)
    app.add_exception_handler(Exception, _broken)
    settings = runtime.settings
    buckets, of_keys = Buckets(settings.web_requests_per_minute), Buckets(settings.api_requests_per_minute)
    payer_of = partial(_payer_of, app.state.key, known_keys, of_keys)
    return Door(app, buckets, settings.trusted_proxies, payer_of, _too_often)


@asynccontextmanager
async def _as_many_as_the_database_takes(app: FastAPI) -> AsyncIterator[None]:
    """No more requests at once than there are connections: the others wait here, not for a connection."""
    current_default_thread_limiter().total_tokens = 2 * app.state.runtime.settings.database_pool_size
    yield


def _payer_of(key: bytes, known_keys: KnownKeys, keys: Buckets, scope: Scope, headers: Headers, client: Payer) -> Payer:
    """The link that is followed, if we made it, or the key of a request to the API, if it was good before; else who
    comes in."""
    if scope["path"].startswith(API_PATHS):
        name = known_keys.name_of(headers.get("Authorization", ""))
        return Payer(name, keys, may_guess=False) if name else client
    if scope["path"].startswith(EVENT_PATHS):
        return replace(client, pays_for_guesses_only=is_signed(headers))
    link = _link_of(key, scope)
    return Payer(link, client.buckets) if link else client


def _link_of(key: bytes, scope: Scope) -> str | None:
    """A name for the link that is followed, if we made it."""
    page, _, token = scope["path"].lstrip("/").partition("/")
    try:
        match page:
            case "o":
                return f"open {read_open_token(key, token.removesuffix('.gif'))}"
            case "c":
                to = parse_qs(scope["query_string"].decode("latin-1")).get("to", [""])[0]
                return f"click {read_click_token(key, token, to)}"
            case _:
                return f"link {read_unsubscribe_token(key, token)}"
    except LinkInvalid:
        return None


def _too_often(path: str, headers: Headers, extra: Mapping[str, str]) -> ASGIApp:
    if path.startswith((*API_PATHS, EVENT_PATHS)):
        seconds = extra["Retry-After"]
        return answer(Problem(429, f"Too many requests: wait {seconds} seconds.", "TOO_MANY_REQUESTS", headers=extra))
    return notice(headers, 429, "too_often", extra)


def health(request: Request) -> Response:
    """200 when the database answers, else 503: for supervisors and monitors."""
    try:
        with transaction(request.app.state.runtime.engine) as connection:
            answers(connection)
    except DatabaseUnavailable:
        return JSONResponse({"status": "the database does not answer"}, 503)
    return JSONResponse({"status": "ok"})


def _nothing_here(request: Request, _: Exception) -> Response:
    """The same for a link that nobody made and for a page that does not exist."""
    return notice(request.headers, 404, "no_link")


def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return notice(request.headers, error.status_code, "not_understood", dict(error.headers or {}))


def _busy(request: Request, _: Exception) -> Response:
    return notice(request.headers, 503, "unavailable", {"Retry-After": "60"})


def _broken(request: Request, _: Exception) -> Response:
    return notice(request.headers, 500, "unavailable")
