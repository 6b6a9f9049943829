import time

import pytest
from sqlalchemy import text

from cadenza.errors import DatabaseUnavailable
from cadenza.store import database


def test_migrating_twice_changes_nothing(engine):
    database.migrate(engine)
    with database.transaction(engine) as connection:
        assert connection.scalar(text("SELECT count(*) FROM contacts")) == 0


@pytest.fixture
def frozen(database_url):
    """Connections whose client may be silent inside a transaction for half a second."""
    engine = database.connect(database_url, frozen_seconds=0.5)
    yield engine
    engine.dispose()


def test_a_client_that_stands_still_inside_a_transaction_loses_its_locks(engine, frozen):
    lock = text("LOCK TABLE mailboxes IN ACCESS EXCLUSIVE MODE")

    def stand_still() -> None:
        with database.transaction(frozen) as connection:
            connection.execute(lock)
            with database.transaction(engine) as other:
                other.execute(lock)
            connection.execute(text("SELECT 1"))

    started = time.monotonic()
    with pytest.raises(DatabaseUnavailable, match="idle-in-transaction"):
        stand_still()
    assert time.monotonic() - started < 10
    with database.transaction(frozen) as connection:
        assert connection.scalar(text("SELECT 1")) == 1


def test_one_that_reads_elsewhere_meanwhile_takes_its_time(frozen):
    with database.transaction(frozen) as connection:
        database.take_time(connection)
        time.sleep(1)
        assert connection.scalar(text("SELECT 1")) == 1
