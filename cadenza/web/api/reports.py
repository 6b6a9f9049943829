"""Reports over the API: how does the installation stand?"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter

from cadenza.domain.access import Scope
from cadenza.store.health import Health, health
from cadenza.web.api.callers import Caller, need

router = APIRouter(tags=["reports"])


@router.get("/reports/health")
def report(caller: Annotated[Caller, need(Scope.REPORTS_READ)]) -> Health:
    """How many enrollments and deliveries are in which state."""
    with caller.transaction() as connection:
        return health(connection, caller.now)
