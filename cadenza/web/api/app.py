"""Which applications make up the API?"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import HTMLResponse
from starlette.middleware.cors import CORSMiddleware

from cadenza.runtime import Runtime
from cadenza.web.api import (
    automations,
    batches,
    contacts,
    documents,
    drafts,
    enrolling,
    enrollments,
    hubspot,
    lists,
    records,
    reports,
    sequences,
    statistics,
    suppressions,
    todos,
    users,
)
from cadenza.web.api.callers import KnownKeys
from cadenza.web.api.errors import RESPONSES, answer_errors
from cadenza.web.api.gate import Gate
from cadenza.web.pages import page

#: In the order of the description.
ROUTERS = (
    contacts, lists, records, sequences, enrolling, drafts, enrollments, batches, todos, reports, statistics,
    automations, users, suppressions, documents,
)  # fmt: skip
API_PATH = "/api/v1"
HUBSPOT_PATH = "/automation"


def build_api(runtime: Runtime, known_keys: KnownKeys) -> FastAPI:
    """Our own API."""
    app = _application(
        runtime,
        known_keys,
        [module.router for module in ROUTERS],
        title="Cadenza",
        version="1",
        openapi_url="/openapi.json",
        servers=[{"url": API_PATH}],
        description="Contacts, sequences and enrollments for programs. Keys come from `cadenza key create`.",
    )
    app.add_api_route("/docs", _docs, include_in_schema=False, response_class=HTMLResponse)
    return app


def build_hubspot_api(runtime: Runtime, known_keys: KnownKeys) -> FastAPI:
    """HubSpot's Sequences API v4, under its own paths."""
    app = _application(
        runtime,
        known_keys,
        [],
        title="Sequences",
        version="v4",
        openapi_url="/v4/openapi.json",
        servers=[{"url": HUBSPOT_PATH}],
        description="What an integration for HubSpot's Sequences API v4 finds here: see docs/hubspot-api.md.",
    )
    app.include_router(hubspot.router, prefix="/v4/sequences", responses=RESPONSES)
    app.include_router(hubspot.router, prefix="/sequences/2026-03", responses=RESPONSES, include_in_schema=False)
    return app


def _application(runtime: Runtime, known_keys: KnownKeys, routers: list[APIRouter], **described: Any) -> FastAPI:
    app = FastAPI(docs_url=None, redoc_url=None, redirect_slashes=False, root_path_in_servers=False, **described)
    app.state.runtime = runtime
    app.state.known_keys = known_keys
    for router in routers:
        app.include_router(router, responses=RESPONSES)
    answer_errors(app)
    app.add_middleware(Gate)
    if runtime.settings.api_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=runtime.settings.api_origins,
            allow_methods=["GET", "POST", "PUT", "DELETE"],
            allow_headers=["Authorization", "Content-Type", "Idempotency-Key"],
        )
    return app


def _docs(request: Request) -> HTMLResponse:
    """The description as a page."""
    return page("api.html.j2", request.headers, {"api": request.app.openapi()})
