"""A real Prefect server for the session, on the session's PostgreSQL."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from cadenza.store import database
from cadenza.store.embedded import url_of

ROOT = Path(__file__).parents[2]


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@pytest.fixture(scope="session")
def prefect_environment(postgres: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What the server, the command line and workers of the session's Prefect need in their environment."""
    port = free_port()
    maintenance = database.connect(url_of(postgres, "postgres"), pool_size=1)
    database.create_database(maintenance, "prefect")
    maintenance.dispose()
    return {
        "PREFECT_HOME": str(tmp_path_factory.mktemp("prefect")),
        "PREFECT_API_URL": f"http://127.0.0.1:{port}/api",
        "PREFECT_API_DATABASE_CONNECTION_URL": url_of(postgres, "prefect", driver="asyncpg"),
        "PREFECT_SERVER_API_PORT": str(port),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_LOGGING_TO_API_ENABLED": "false",
    }


@pytest.fixture(scope="session")
def prefect_server(prefect_environment: dict[str, str]) -> Iterator[str]:
    """The API's URL of a running Prefect server; flows of this process talk to it."""
    api = prefect_environment["PREFECT_API_URL"]
    log = Path(prefect_environment["PREFECT_HOME"]) / "server.log"
    with log.open("wb") as output:
        server = subprocess.Popen(
            [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1"],
            env={**os.environ, **prefect_environment},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        for _ in range(240):
            try:
                httpx.get(f"{api}/health").raise_for_status()
                break
            except httpx.HTTPError:
                assert server.poll() is None, log.read_text()
                time.sleep(0.25)
        else:
            pytest.fail(f"The Prefect server did not start: {log.read_text()}")
        import prefect.settings

        with prefect.settings.temporary_settings(
            {
                prefect.settings.PREFECT_API_URL: api,
                prefect.settings.PREFECT_LOGGING_TO_API_ENABLED: False,
            }
        ):
            yield api
    finally:
        server.terminate()
        server.wait(20)


@pytest.fixture(scope="session")
def prefect_cli(prefect_environment: dict[str, str]) -> Callable[..., str]:
    """The Prefect command line against the session's server; returns what it prints."""

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "prefect", *arguments],
            env={**os.environ, **prefect_environment},
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


@pytest.fixture(scope="session")
def deployments(prefect_server: str, prefect_cli: Callable[..., str]) -> str:
    """The server with every deployment of prefect.yaml; nothing runs them."""
    prefect_cli("work-pool", "create", "cadenza", "--type", "process")
    prefect_cli("--no-prompt", "deploy", "--all")
    return prefect_server
