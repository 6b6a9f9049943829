"""How does a run of a deployment start, and how far is it?"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import LogFilter, LogFilterFlowRunId
from prefect.client.schemas.objects import FlowRun
from prefect.client.schemas.sorting import LogSort
from prefect.exceptions import ObjectNotFound, PrefectHTTPStatusError
from prefect.settings import get_current_settings

from cadenza.errors import NotFound, NotRunning, WrongUse


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is."""

    #: Prefect's name of the state: Scheduled, Pending, Running, Completed, Failed …
    state: str
    #: What the run logged since the last look.
    messages: tuple[str, ...] = ()
    is_final: bool = False
    is_completed: bool = False
    #: Why it failed, where it did.
    reason: str = ""


def start_run(deployment: str, parameters: Mapping[str, Any]) -> UUID:
    """Ask for a run of ``flow/deployment`` now; returns its id.

    Raises:
        NotRunning: no Prefect server answers.
        NotFound: the deployment is not on this server.
        WrongUse: the server refuses a parameter; names the field.
    """
    with _client() as client:
        try:
            found = client.read_deployment_by_name(deployment)
            return client.create_flow_run_from_deployment(found.id, parameters=dict(parameters)).id
        except ObjectNotFound as error:
            raise NotFound(
                f"The deployment {deployment} is not on this Prefect server: run 'prefect deploy --all'."
            ) from error
        except PrefectHTTPStatusError as error:
            if error.response.status_code in (409, 422):
                raise WrongUse(f"The parameters do not fit: {_detail(error.response)}.") from error
            raise
        except httpx.TransportError as error:
            raise _away() from error


def follow_run(run_id: UUID, pause_seconds: float = 0.5) -> Iterator[Progress]:
    """The run's progress, again and again until it has ended.

    A server that is away for a while is waited for: the run goes on without it.
    """
    seen = 0
    while True:
        with _client() as client:
            try:
                run = client.read_flow_run(run_id)
                # Logs come in batches: a run that has ended may have said more than has arrived.
                if run.state is not None and run.state.is_final():
                    time.sleep(pause_seconds)
                logs = client.read_logs(
                    log_filter=LogFilter(flow_run_id=LogFilterFlowRunId(any_=[run_id])),
                    sort=LogSort.TIMESTAMP_ASC,
                    offset=seen,
                )
            except httpx.TransportError:
                yield Progress("Waiting for the Prefect server")
                time.sleep(2)
                continue
        seen += len(logs)
        progress = _progress(run, tuple(log.message for log in logs))
        yield progress
        if progress.is_final:
            return
        time.sleep(pause_seconds)


def run_url(run_id: UUID) -> str:
    """Where the Prefect UI shows a run."""
    api = get_current_settings().api.url or ""
    return f"{api.removesuffix('/').removesuffix('/api')}/runs/flow-run/{run_id}"


def _client() -> SyncPrefectClient:
    """A client of the server that PREFECT_API_URL names; never a server of the client's own."""
    if not get_current_settings().api.url:
        raise NotRunning()
    return get_client(sync_client=True)


def _progress(run: FlowRun, messages: tuple[str, ...]) -> Progress:
    state = run.state
    if state is None:
        return Progress("Scheduled", messages)
    reason = "" if state.is_completed() else state.message or ""
    return Progress(state.name or "", messages, state.is_final(), state.is_completed(), reason)


def _detail(response: httpx.Response) -> str:
    try:
        content = response.json()
    except ValueError:
        return response.text[:300]
    detail = content.get("detail") or content.get("exception_detail") or content
    return (detail if isinstance(detail, str) else str(detail)).strip().rstrip(".")[:500]


def _away() -> NotRunning:
    url = get_current_settings().api.url
    return NotRunning(f"No Prefect server answers at {url}: start one with 'cadenza up', or correct PREFECT_API_URL.")
