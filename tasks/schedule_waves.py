"""Which waves come next? Each gets a scheduled run, so that the Prefect UI shows what comes when and where."""

from __future__ import annotations

import logging
from datetime import timedelta
from uuid import UUID

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterId,
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import StateType
from prefect.exceptions import ObjectNotFound
from prefect.states import Scheduled

from cadenza.domain.wave import PlannedRun, is_covered, shards_of
from cadenza.errors import NotRunning
from cadenza.runtime import current
from cadenza.store import database, waves
from tasks.retrying import WAITS, waiting_helps

logger = logging.getLogger(__name__)

#: How far ahead waves get their runs; later ones follow from the runs before them and from catch_up.
HORIZON = timedelta(hours=24)
PAGE = 200


@task(cache_policy=NO_CACHE, retries=len(WAITS), retry_delay_seconds=WAITS, retry_condition_fn=waiting_helps)
def schedule_waves() -> list[PlannedRun]:
    """Make sure that each zone's next due instant within a day has a scheduled run of ``send_wave``.

    Returns the runs that were created.

    Raises:
        NotRunning: the deployment ``send-wave`` does not exist on this Prefect server.
    """
    runtime = current()
    now = runtime.clock.now()
    with database.transaction(runtime.engine) as connection:
        due = waves.waves_due(connection, now, HORIZON, runtime.settings.limits)
    created = []
    with get_client(sync_client=True) as client:
        deployment_id = _deployment(client)
        planned = _planned_runs(client, deployment_id)
        for wave in due:
            shards = shards_of(wave.steps, runtime.settings.wave_shard_steps)
            for shard in range(shards):
                if not is_covered(planned, wave.time_zone, shard, max(wave.due_at, now)):
                    run = PlannedRun(wave.time_zone, shard, max(wave.due_at, now))
                    _create_run(client, deployment_id, run, shards)
                    created.append(run)
    logger.info("%d zones with due steps, %d new runs of send-wave", len(due), len(created))
    return created


def _deployment(client: SyncPrefectClient) -> UUID:
    try:
        return client.read_deployment_by_name("send-wave/send-wave").id
    except ObjectNotFound as error:
        raise NotRunning(
            "The deployment send-wave is not on this Prefect server: run 'prefect deploy --all'."
        ) from error


def _planned_runs(client: SyncPrefectClient, deployment_id: UUID) -> list[PlannedRun]:
    """The runs of send_wave that wait for their time or for a worker."""
    planned: list[PlannedRun] = []
    while True:
        page = client.read_flow_runs(
            deployment_filter=DeploymentFilter(id=DeploymentFilterId(any_=[deployment_id])),
            flow_run_filter=FlowRunFilter(
                state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.SCHEDULED, StateType.PENDING]))
            ),
            limit=PAGE,
            offset=len(planned),
        )
        planned += [
            PlannedRun(run.parameters["time_zone"], run.parameters.get("shard", 0), run.expected_start_time)
            for run in page
            if run.expected_start_time
        ]
        if len(page) < PAGE:
            return planned


def _create_run(client: SyncPrefectClient, deployment_id: UUID, run: PlannedRun, shards: int) -> None:
    """Create the run once, however many ask for it in the same minute.

    A run of that minute that has ended already cannot look after what came due since: then it takes a further one.
    """
    key = f"{run.time_zone}:{run.shard}/{shards}:{run.starts_at:%Y-%m-%dT%H:%M}"
    for _ in range(20):
        flow_run = client.create_flow_run_from_deployment(
            deployment_id,
            name=run.time_zone,
            parameters={"time_zone": run.time_zone, "shard": run.shard, "shards": shards},
            state=Scheduled(scheduled_time=run.starts_at),
            idempotency_key=key,
            tags=["wave"],
        )
        if flow_run.state is None or not (flow_run.state.is_final() or flow_run.state.is_running()):
            return
        key = f"{key}:{flow_run.id}"
