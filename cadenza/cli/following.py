"""How does a person watch a run of a deployment?"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from cadenza.cli.output import console
from cadenza.cli.up import watch
from cadenza.errors import RunFailed

#: What Prefect itself logs around a run; people wait for what the run says.
MACHINERY = (
    "Worker ",
    "Flow run ",
    "Running 1 deployment",
    "Executing deployment",
    "Deployment step",
    "All deployment",
    "Beginning flow run",
    "Completed submission",
    "Process ",
    "Opening process",
    "Finished in state",
    "Created task run",
    "Downloading flow code",
    "Importing flow",
)


def follow(deployment: str, parameters: Mapping[str, Any], title: str) -> UUID:
    """Start a run of ``flow/deployment`` and show how far it is until it has ended; returns its id.

    Ctrl-C stops the watching, not the run.

    Raises:
        RunFailed: with the reason of the run.
    """
    from tasks.start_run import follow_run, run_url, start_run

    began = time.monotonic()
    run_id = start_run(deployment, parameters)
    latest = ""
    try:
        with console().status(f"{title} [dim]asked the Prefect server[/]") as status:
            for progress in follow_run(run_id):
                watch()
                latest = next((m for m in reversed(progress.messages) if not m.startswith(MACHINERY)), latest)
                status.update(f"{title} [dim]{progress.state.lower()} {time.monotonic() - began:.0f} s[/] {latest}")
    except KeyboardInterrupt:
        console().print(f"Not watched any longer; the run goes on: {run_url(run_id)}")
        raise
    if not progress.is_completed:
        reason = progress.reason or f"the run ended as {progress.state}"
        raise RunFailed(f"{title}: {reason.rstrip('.')}. See {run_url(run_id)}")
    console().print(f"[green]✓[/] {title} [dim]({time.monotonic() - began:.1f} s)[/]")
    return run_id
