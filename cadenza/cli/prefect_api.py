"""What does the Prefect server say? The few questions of the supervisor, without importing Prefect."""

from __future__ import annotations

import json
import socket
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any


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
        """Mark as crashed what this machine ran when it was killed, so that limits and pages are right; how many.

        Only for whoever owns the server and has started nothing yet: none of these runs can be alive.
        """
        buried = 0
        for state in ("RUNNING", "PENDING", "CANCELLING"):
            runs = self._call(
                "POST", "flow_runs/filter", {"flow_runs": {"state": {"type": {"any_": [state]}}}, "limit": 200}
            )
            for run in runs:
                place = run.get("infrastructure_pid") or ""
                if place and not place.startswith(f"{socket.gethostname()}:"):
                    continue
                buried += 1
                self._call(
                    "POST",
                    f"flow_runs/{run['id']}/set_state",
                    {
                        "state": {"type": "CRASHED", "message": "Cadenza was stopped while this ran."},
                        "force": True,
                    },
                )
        return buried

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


def missing(wanted: Sequence[str], there: Sequence[str]) -> list[str]:
    """Which deployments a server lacks."""
    return sorted(set(wanted) - set(there))
