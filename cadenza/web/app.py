"""Which pages are there, and what does a person see when something is wrong?"""

from __future__ import annotations

from functools import partial
from urllib.parse import parse_qs

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Scope

from cadenza.errors import DatabaseUnavailable, LinkInvalid
from cadenza.mail.links import read_click_token, read_open_token, read_unsubscribe_token
from cadenza.runtime import Runtime
from cadenza.store.database import transaction
from cadenza.store.health import answers
from cadenza.web import preferences, tracking, unsubscribing
from cadenza.web.buckets import Buckets
from cadenza.web.door import Door
from cadenza.web.pages import notice


def build_app(runtime: Runtime) -> ASGIApp:
    """The public pages of an installation, behind their door."""
    app = FastAPI(title="Cadenza", openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    app.state.runtime = runtime
    app.state.key = runtime.secret_key
    app.include_router(unsubscribing.router)
    app.include_router(preferences.router)
    app.include_router(tracking.router)
    app.add_api_route("/health", health, methods=["GET", "HEAD"])
    app.add_exception_handler(LinkInvalid, _nothing_here)
    app.add_exception_handler(404, _nothing_here)
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(DatabaseUnavailable, _busy)
    app.add_exception_handler(Exception, _broken)
    buckets = Buckets(runtime.settings.web_requests_per_minute)
    return Door(app, buckets, runtime.settings.trusted_proxies, partial(_link_of, app.state.key))


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
