"""What does the Prefect server say? The few questions of the supervisor, without importing Prefect."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psutil


@dataclass(frozen=True, slots=True)
class PrefectApi:
    """The API of a Prefect server."""

    url: str

    def is_ready(self) -> bool:
        """Whether it answers."""
        try:
            return self._call("GET", "health") is True
        except (OSError, ValueError):
            return False

    def deployments(self) -> dict[str, str]:
        """The names of its deployments and their ids."""
        return {found["name"]: found["id"] for found in self._call("POST", "deployments/filter", {})}

    def has_pool(self, name: str) -> bool:
        """Whether a work pool exists."""
        return any(pool["name"] == name for pool in self._call("POST", "work_pools/filter", {}))

    def workers_seen(self, pool: str, since: datetime) -> int:
        """How many workers have asked the pool for runs since an instant."""
        workers = self._call("POST", f"work_pools/{pool}/workers/filter", {})
        return sum(datetime.fromisoformat(worker["last_heartbeat_time"]) >= since for worker in workers)

    def bury_runs(self) -> int:
        """Mark as crashed what was running when it was killed, so that limits and pages are right; how many.

        Only for whoever owns the server, which listens on this machine alone, and has started nothing yet.
        """
        state = {"type": "CRASHED", "message": "Cadenza was stopped while this ran."}
        buried: set[str] = set()
        while ids := {run["id"] for run in self._unfinished() if not _is_alive(run)} - buried:
            for id_ in ids:
                self._call("POST", f"flow_runs/{id_}/set_state", {"state": state, "force": True})
            buried |= ids
        return len(buried)

    def _unfinished(self) -> list[dict[str, Any]]:
        states = {"type": {"any_": ["RUNNING", "PENDING", "CANCELLING"]}}
        return list(self._call("POST", "flow_runs/filter", {"flow_runs": {"state": states}, "limit": 200}))

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        request = urllib.request.Request(  # noqa: S310 - always our own server's http
            f"{self.url}/{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
            content = answer.read()
        return json.loads(content) if content else None


def _is_alive(run: dict[str, Any]) -> bool:
    """Whether the process of a flow run is there: somebody else's worker may have outlived the server."""
    try:
        its_own = psutil.Process(int(run["infrastructure_pid"])).environ().get("PREFECT__FLOW_RUN_ID")
    except (TypeError, ValueError, psutil.Error):
        return False
    return bool(its_own == run["id"])


def missing(wanted: Sequence[str], there: Sequence[str]) -> list[str]:
    """Which deployments a server lacks."""
    return sorted(set(wanted) - set(there))
