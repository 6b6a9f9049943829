"""The ledger: who writes at the same time shares a commit and hears only of its own deliveries."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from sqlalchemy import event

from cadenza.errors import DatabaseUnavailable
from cadenza.store import database, deliveries
from cadenza.store.ledger import Ledger
from tasks.claim_steps import claim_steps


@pytest.fixture
def mails(world):
    """Three claimed mails."""
    world.enroll(world.contacts(3), world.sequence(), world.mailbox())
    ids = claim_steps.fn("Europe/Berlin").delivery_ids
    with database.transaction(world.runtime.engine) as connection:
        return deliveries.claimed_mails(connection, ids)


def written_at_once(world, ledger, windows):
    """What each of several threads hears, the first of which has to wait for a lock while the others come."""
    with psycopg.connect(world.runtime.settings.database_url.get_secret_value().replace("+psycopg", "")) as other:
        other.execute("SELECT FROM deliveries WHERE id = %s FOR UPDATE", [windows[0][0].id])
        with ThreadPoolExecutor(len(windows)) as pool:
            running = [pool.submit(ledger.write, [], windows[0], world.now)]
            while not world.one("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"):
                assert not running[0].done()
            running += [pool.submit(ledger.write, [], window, world.now) for window in windows[1:]]
            while ledger.waiting < len(windows) - 1:
                time.sleep(0.01)
            yield
            other.rollback()
            yield running


def test_what_comes_during_a_commit_shares_the_next_one(world, mails):
    ledger = Ledger(world.runtime.engine)
    steps = written_at_once(world, ledger, [[mail] for mail in mails])
    next(steps)
    commits = []
    event.listen(world.runtime.engine, "commit", commits.append)
    first, second, third = [one.result() for one in next(steps)]
    assert len(commits) == 2
    assert first.marked == {mails[0].id}
    assert second.marked == third.marked == {mails[1].id, mails[2].id}
    assert world.one("SELECT count(*) FROM deliveries WHERE state = 'in_flight'") == 3


def test_everybody_who_shares_a_commit_that_fails_hears_of_it_and_may_try_again(world, mails):
    ledger = Ledger(world.runtime.engine)
    steps = written_at_once(world, ledger, [[mail] for mail in mails])
    next(steps)

    @event.listens_for(world.runtime.engine, "begin", once=True)
    def cut_the_connection(connection):
        with psycopg.connect(world.runtime.settings.database_url.get_secret_value().replace("+psycopg", "")) as other:
            other.execute(
                "SELECT pg_terminate_backend(%s, 5000)", [connection.connection.driver_connection.info.backend_pid]
            )

    first, *others = next(steps)
    assert first.result().marked == {mails[0].id}
    for one in others:
        with pytest.raises(DatabaseUnavailable):
            one.result()
    assert ledger.write([], mails, world.now).marked == {mails[1].id, mails[2].id}
