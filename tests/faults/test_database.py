"""The database stops, loses its answers, or its disk is full, while mails leave."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from fault_run import IS_LARGE, rows

from cadenza.errors import DatabaseUnavailable
from cadenza.store import database
from cadenza.store.embedded import keep_running, start_embedded, url_of


@contextmanager
def own_postgres(home: Path) -> Iterator[object]:
    """A PostgreSQL that nobody else uses, prepared as the session's one is."""
    server = start_embedded(home)
    maintenance = database.connect(url_of(server, "postgres"), pool_size=1)
    database.create_database(maintenance, "template_cadenza")
    template = database.connect(url_of(server, "template_cadenza"), pool_size=1)
    database.migrate(template)
    template.dispose()
    maintenance.dispose()
    try:
        yield server
    finally:
        server.cleanup()


@pytest.fixture(scope="module")
def disk(tmp_path_factory) -> Iterator[Path]:
    """A disk of 400 MB; a folder of no size limit where none may be mounted."""
    folder = tmp_path_factory.mktemp("disk")
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400m", "tmpfs", folder], capture_output=True)
    folder.chmod(0o755)
    yield folder
    if mounted.returncode == 0:
        subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.fixture(scope="module")
def postgres(disk) -> Iterator[object]:
    """In place of the session's PostgreSQL: one that may be stopped, on a disk that may be full."""
    with own_postgres(disk / "home") as server:
        yield server


def revive(postgres):
    """What ``meanwhile`` does in these runs: start PostgreSQL again when a worker has stopped it."""

    def meanwhile(run) -> None:
        if keep_running(postgres):
            run.config["postmaster"] = postgres.get_pid()

    return meanwhile


@pytest.mark.parametrize("moments", rows("before-commit", "commit-unanswered"))
def test_postgresql_is_stopped_at_each_commit(run, holds, postgres, moments):
    """Each commit of a claim, of a mark, of a settlement and of a recovery may be the last one for a while."""
    mails = max(15, run.mails // 60)
    commits = {"claim": max(3, mails // 10), "mark": mails, "settlement": mails, "recovery": 2}
    run.config["postmaster"] = postgres.get_pid()
    run.drive(
        lambda dice: [
            {"at": f"{moment} of {kind}", "countdown": dice.randint(1, often), "again": 3 * often, "do": "postgres"}
            for kind, often in commits.items()
            for moment in moments
        ],
        most_faults=run.mails,
        seconds=300,
        meanwhile=revive(postgres),
    )
    holds(run, least_faults=20)
    if IS_LARGE:
        assert set(run.happened) == {f"{moment} of {kind}" for moment in moments for kind in commits}


class FullDisk:
    """Fills the disk of the database for a while, again and again, as mails leave."""

    def __init__(self, disk: Path, postgres: object, times: int) -> None:
        self.ballast = disk / "ballast"
        self.postgres = postgres
        self.times = times
        self.until = 0.0

    def __call__(self, run) -> None:
        now = time.monotonic()
        if self.ballast.exists():
            if now < self.until:
                return
            run.happened["disk full"] += self.is_felt(run)
            self.ballast.unlink()
            self.until = now + 0.3
        elif now > self.until and run.happened["disk full"] < self.times:
            with self.ballast.open("wb", buffering=0) as file, suppress(OSError):
                while file.write(bytes(1 << 20)):
                    pass
            self.until = now + 0.5
        keep_running(self.postgres)

    def is_felt(self, run) -> bool:
        """Whether PostgreSQL cannot store anything now."""
        try:
            run.world.rows("CREATE TABLE probe AS SELECT generate_series(1, 2000000)")
        except DatabaseUnavailable:
            return True
        run.world.rows("DROP TABLE probe")
        return False


def test_disk_of_the_database_is_full(run, holds, postgres, disk):
    if not disk.is_mount():
        pytest.skip("no disk of its own may be mounted here")
    times = max(2, run.mails // 100)
    full = FullDisk(disk, postgres, times)
    full(run)  # a few mails may have left before a disk is filled
    run.drive(lambda _: [], most_faults=0, seconds=300, meanwhile=full)
    full.ballast.unlink(missing_ok=True)
    keep_running(postgres)
    holds(run, least_faults=1)
