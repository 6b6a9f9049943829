"""Which programs make up a running Cadenza, and with what environment?"""

from __future__ import annotations

import json
import os
import socket
import sys
import urllib.request
from http.client import HTTPException
from pathlib import Path

from pydantic import SecretStr

from cadenza.cli.child import Child
from cadenza.cli.sweep import marks
from cadenza.errors import PortInUse, WrongUse
from cadenza.settings import Settings

#: The Prefect server keeps up best with its batches raised (docs/operating.md).
BATCHES = dict.fromkeys(
    (
        "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE",
        "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_READ_BATCH_SIZE",
        "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_BATCH_SIZE",
        "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_READ_BATCH_SIZE",
    ),
    "200",
)

#: Nothing tells anybody outside that Cadenza runs.
SILENCE = {
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
    "GX_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
}

#: What makes runs begin soon and say in the Prefect UI what they do.
LIVELINESS = {
    "PREFECT_WORKER_QUERY_SECONDS": "2",
    "PREFECT_LOGGING_EXTRA_LOGGERS": "cadenza,flows,tasks,data_contracts",
    "PREFECT_LOGGING_TO_API_BATCH_INTERVAL": "0.5",
}

#: The name of the work pool in prefect.yaml.
POOL = "cadenza"


def api_url(settings: Settings) -> str:
    """Where the Prefect server of this installation answers."""
    return f"http://127.0.0.1:{settings.prefect_port}/api"


def ui_url(settings: Settings) -> str:
    """Where a browser finds the Prefect server."""
    return f"http://127.0.0.1:{settings.prefect_port}"


def environment(settings: Settings, database_url: str, prefect_database_url: str) -> dict[str, str]:
    """What every program of this installation has in its environment.

    Settings of ``cadenza.toml`` go along, so that a program finds them whatever its working folder is.
    """
    return {
        **_chosen(settings),
        "CADENZA_HOME": str(settings.home.resolve()),
        "CADENZA_DATABASE_URL": database_url,
        "CADENZA_CONNECTORS_FOLDER": str(settings.connectors_folder.resolve()),
        "PREFECT_HOME": str(settings.home.resolve() / "prefect"),
        "PREFECT_API_URL": api_url(settings),
        "PREFECT_SERVER_API_HOST": "127.0.0.1",
        "PREFECT_SERVER_API_PORT": str(settings.prefect_port),
        "PREFECT_SERVER_DATABASE_CONNECTION_URL": os.environ.get(
            "PREFECT_SERVER_DATABASE_CONNECTION_URL",
            os.environ.get("PREFECT_API_DATABASE_CONNECTION_URL", prefect_database_url),
        ),
        **BATCHES,
        **SILENCE,
        **LIVELINESS,
        "PYTHONUNBUFFERED": "1",
        "NO_COLOR": "1",
    }


def children(settings: Settings, shared: dict[str, str]) -> dict[str, Child]:
    """The programs, by name: the sink, the public pages, the Prefect server, a worker."""
    logs = settings.home / "logs"
    sink = ["-m", "cadenza.mail.sink", "--port", str(settings.sink_port), "--folder", str(settings.home / "sink")]
    server = ["-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(settings.prefect_port)]
    worker = ["-m", "prefect", "worker", "start", "--pool", POOL, "--type", "process", "--name", socket.gethostname()]
    named = {"sink": sink, "web": ["-m", "cadenza.web"], "prefect server": server, "worker": worker}
    return {
        name: Child(name, arguments, {**shared, **marks(settings.home, name)}, logs)
        for name, arguments in named.items()
    }


def check_ports(settings: Settings) -> None:
    """Make sure that nobody else listens where we want to.

    Raises:
        PortInUse: names the port, the setting, and a port that is free.
    """
    for name in ("prefect_port", "sink_port", "web_port"):
        port = getattr(settings, name)
        if not is_free(port):
            free = next((p for p in range(port + 1, min(port + 200, 65536)) if is_free(p)), None)
            raise PortInUse(
                f"Port {port} is taken by another program: stop it, or choose another port with "
                f"CADENZA_{name.upper()}={free or 'PORT'} (or {name} in cadenza.toml)."
            )


def web_url(settings: Settings) -> str:
    """Where the public pages of this machine answer, whatever stands before them."""
    is_everywhere = settings.web_host in ("0.0.0.0", "::")  # noqa: S104
    return f"http://{'127.0.0.1' if is_everywhere else settings.web_host}:{settings.web_port}"


def is_serving(url: str) -> bool:
    """Whether public pages answer, and their database."""
    try:
        with urllib.request.urlopen(f"{url}/health", timeout=30) as answer:  # noqa: S310 - http or https, by settings
            return bool(answer.status == 200)
    except (OSError, HTTPException):
        return False


def project_folder() -> Path:
    """Where prefect.yaml lies: the folder of this installation, or the working folder.

    Raises:
        WrongUse: there is none.
    """
    for folder in (Path(__file__).resolve().parents[2], Path.cwd()):
        if (folder / "prefect.yaml").exists():
            return folder
    raise WrongUse("There is no prefect.yaml here: start Cadenza in the folder of the project.")


def is_free(port: int) -> bool:
    """Whether nobody listens on a port of this machine."""
    with socket.socket() as probe:
        if sys.platform != "win32":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _chosen(settings: Settings) -> dict[str, str]:
    """Every setting that is not the default, as an environment variable."""
    chosen = {}
    for name in settings.model_fields_set:
        value = getattr(settings, name)
        if isinstance(value, SecretStr):
            chosen[name] = value.get_secret_value()
        elif value is not None:
            plain = settings.model_dump(mode="json", include={name})[name]
            chosen[name] = plain if isinstance(plain, str) else json.dumps(plain)
    return {f"CADENZA_{name.upper()}": value for name, value in chosen.items()}
