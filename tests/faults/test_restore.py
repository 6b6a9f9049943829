"""A backup of the database is restored that does not know what was sent since."""

from __future__ import annotations

import pytest
from fault_run import IS_LARGE
from sqlalchemy import make_url

from cadenza.store import database
from cadenza.store.embedded import url_of
from cadenza.store.restored import stop_sending


class Backup:
    """A copy of a run's database, as it was when it was made."""

    def __init__(self, postgres, run) -> None:
        self.run = run
        self.name = make_url(run.world.runtime.settings.database_url.get_secret_value()).database
        self.maintenance = database.connect(url_of(postgres, "postgres"), pool_size=1)
        self._copy(self.name, f"{self.name}_backup")

    def restore(self) -> None:
        self._copy(f"{self.name}_backup", self.name)

    def _copy(self, source: str, target: str) -> None:
        self.run.world.runtime.engine.dispose()
        database.drop_database(self.maintenance, target)
        database.create_database(self.maintenance, target, template=source)


@pytest.fixture
def half_sent(run, postgres):
    """A run of which half was backed up, and nearly all was sent before the backup was restored."""

    def plan(dice):
        return [{"at": dice.choice(["after-claim", "after-dot", "mid-body"]), "countdown": dice.randint(1, 40)}]

    run.drive(plan, most_faults=max(3, run.mails // 40), seconds=200, mails=run.mails // 2)
    run.interrupts = False
    backup = Backup(postgres, run)
    run.drive(plan, most_faults=2 * max(3, run.mails // 40), seconds=200, mails=run.mails * 8 // 10)
    known = run.sent()
    backup.restore()
    forgotten = known - run.sent()
    assert forgotten > run.mails // 10
    run.happened["mails forgotten"] = forgotten
    return run


@pytest.mark.parametrize("how", ["noticed", "told"] if IS_LARGE else ["noticed"])
def test_restored_backup(half_sent, holds, how):
    """The machine that sends next remembers more than the database; or it does not, and somebody says so."""
    run = half_sent
    if how == "told":
        for mark in (run.world.runtime.settings.home / "marks").iterdir():
            mark.unlink()
        with database.transaction(run.world.runtime.engine) as connection:
            stop_sending(connection, run.world.now)
    run.drive(lambda _: [], most_faults=0, seconds=200)
    holds(run, least_faults=1)
    assert run.world.one(
        "SELECT count(*) FROM deliveries WHERE reply_text LIKE 'Found in the mailbox after a restore%'"
    )
