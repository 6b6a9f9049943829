"""Mailboxes are probed when mails are to go through them, not too often, and come back by themselves."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fault_server import FaultServer

from cadenza.domain.enrollment import CONTACT_OWNER, EnrollmentOptions, Segment
from cadenza.store import connections, database
from cadenza.store.enrollments import list_enrollments
from tasks.begin_batch import outline_batch
from tasks.claim_steps import claim_steps
from tasks.probe_mailboxes import Probed, probe_mailboxes
from tasks.send_email import hand_over

BERLIN = "Europe/Berlin"


@pytest.fixture
def server(monkeypatch):
    """A server with one account; its password is in the environment."""
    monkeypatch.setenv("PASSWORD", "right")
    with FaultServer(account=("ana", "right")) as server:
        yield server


def smtp(server: FaultServer) -> dict[str, object]:
    return {"kind": "smtp", "host": "127.0.0.1", "port": server.port, "security": "none", "username": "ana",
            "password_env": "PASSWORD"}  # fmt: skip


def batch(world, sender: str = "ana", **options):
    found = outline_batch.fn("hello", sender, Segment(filter="first_name = 'Kim'"), EnrollmentOptions(**options))
    return replace(found, id=1)


def wait(world, minutes: int = 15) -> None:
    world.runtime.clock.wait(60 * minutes)


def test_a_mailbox_is_probed_once_in_fifteen_minutes(world, server):
    ana = world.mailbox("ana", smtp(server))
    world.sequence()
    assert probe_mailboxes.fn(batch(world)) == Probed(well=(ana,))
    assert probe_mailboxes.fn(batch(world)) == Probed()
    wait(world, 14)
    assert probe_mailboxes.fn(batch(world)) == Probed()
    wait(world, 1)
    assert probe_mailboxes.fn(batch(world)) == Probed(well=(ana,))
    assert server.connections == 2
    assert world.rows("SELECT probed_at, probe ->> 'trouble' FROM mailboxes") == [(world.now, None)]


def test_only_mailboxes_of_the_batch_are_probed_and_never_the_sink(world, server):
    ana, ben = world.mailbox("ana", smtp(server)), world.mailbox("ben", smtp(server))
    world.mailbox("cleo")
    world.sequence()
    assert probe_mailboxes.fn(batch(world, "cleo")) == Probed()
    assert probe_mailboxes.fn(batch(world, "cleo", mailbox_id=ben)) == Probed(well=(ben,))
    world.contacts(2, owner_email="Ana@Northwind.example")
    assert probe_mailboxes.fn(batch(world, CONTACT_OWNER)) == Probed(well=(ana,))
    assert world.rows("SELECT probed_at FROM mailboxes WHERE address LIKE 'cleo%'") == [(None,)]


def test_a_refused_mailbox_waits_and_goes_on_by_itself(world, server, monkeypatch):
    ana = world.mailbox("ana", smtp(server))
    world.enroll(world.contacts(1), world.sequence(), ana)
    monkeypatch.setenv("PASSWORD", "wrong")
    assert probe_mailboxes.fn(batch(world)) == Probed(refused=(ana,))
    assert claim_steps.fn(BERLIN).delivery_ids == ()
    with database.transaction(world.runtime.engine) as connection:
        [waiting] = list_enrollments(connection)
    assert (waiting.held_reason, waiting.status) == ("MAILBOX_NOT_CONNECTED", "active")
    monkeypatch.setenv("PASSWORD", "right")
    assert probe_mailboxes.fn() == Probed()
    wait(world)
    assert probe_mailboxes.fn() == Probed(well=(ana,), reconnected=(ana,))
    [attempt] = hand_over(claim_steps.fn(BERLIN).delivery_ids)
    assert attempt.code == 250
    assert world.rows("SELECT is_connected, disconnected_reason FROM mailboxes") == [(True, None)]


def test_a_login_that_is_refused_while_sending_is_found_well_later(world, server, monkeypatch):
    ana = world.mailbox("ana", smtp(server))
    world.enroll(world.contacts(2), world.sequence(), ana)
    monkeypatch.delenv("PASSWORD")
    hand_over(claim_steps.fn(BERLIN).delivery_ids)
    [(is_connected, reason)] = world.rows("SELECT is_connected, disconnected_reason FROM mailboxes")
    assert (is_connected, "PASSWORD" in reason) == (False, True)
    assert world.rows("SELECT DISTINCT state FROM deliveries") == [("deferred",)]
    monkeypatch.setenv("PASSWORD", "right")
    assert probe_mailboxes.fn() == Probed(well=(ana,), reconnected=(ana,))
    wait(world)
    assert len(hand_over(claim_steps.fn(BERLIN).delivery_ids)) == 2
    assert len(server.accepted) == 2


def test_without_a_batch_only_refused_mailboxes_are_probed(world, server):
    world.mailbox("ana", smtp(server))
    assert probe_mailboxes.fn() == Probed()
    assert server.connections == 0


def test_a_server_that_is_away_disconnects_nothing(world, server):
    ana = world.mailbox("ana", smtp(server) | {"port": 1})
    world.sequence()
    assert probe_mailboxes.fn(batch(world)) == Probed(troubled=(ana,))
    assert world.one("SELECT is_connected FROM mailboxes")


def test_what_a_person_disconnected_stays_so(world, server):
    ana = world.mailbox("ana", smtp(server))
    world.sequence()
    with database.transaction(world.runtime.engine) as connection:
        connections.disconnect_by_hand(connection, ana, "kim")
    assert probe_mailboxes.fn() == Probed()
    assert probe_mailboxes.fn(batch(world)) == Probed()
    assert not world.one("SELECT is_connected FROM mailboxes")


def test_a_probe_that_a_new_connection_has_overtaken_changes_nothing(world, server, monkeypatch):
    ana = world.mailbox("ana", smtp(server))
    world.sequence()
    world.rows(
        "CREATE FUNCTION overtake() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN NEW.probed_at := NEW.probed_at + interval '1 second'; RETURN NEW; END $$"
    )
    world.rows(
        "CREATE TRIGGER overtake BEFORE UPDATE OF probed_at ON mailboxes FOR EACH ROW "
        "WHEN (OLD.probed_at IS DISTINCT FROM NEW.probed_at) EXECUTE FUNCTION overtake()"
    )
    monkeypatch.setenv("PASSWORD", "wrong")
    assert probe_mailboxes.fn(batch(world)) == Probed(refused=(ana,))
    assert world.one("SELECT is_connected FROM mailboxes")
