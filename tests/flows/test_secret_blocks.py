"""A password that a mailbox names may be in a Secret block of a real Prefect server."""

from __future__ import annotations

import pytest
from fault_server import FaultServer
from prefect import flow
from prefect.blocks.system import Secret

from cadenza.errors import NotRunning, SecretMissing
from tasks.claim_steps import claim_steps
from tasks.secret_blocks import read_secret_block
from tasks.send_email import hand_over


def test_mails_leave_with_a_password_from_a_block(prefect_server, world):
    Secret(value="hunter2").save("ana-password", overwrite=True)
    with FaultServer(account=("ana", "hunter2")) as server:
        transports = {"kind": "smtp", "host": "127.0.0.1", "port": server.port, "security": "none", "username": "ana"}
        for handle in ("ana", "ben"):  # several mailboxes: each in a thread of its own
            transport = transports | {"password_block": "ana-password"}
            world.enroll(world.contacts(1), world.sequence(), world.mailbox(handle, transport))

        @flow
        def send():
            return [attempt.code for attempt in hand_over(claim_steps("Europe/Berlin").delivery_ids)]

        assert send() == [250, 250]
    assert len(server.accepted) == 2


def test_a_block_that_is_not_there_is_missed_and_the_mailbox_waits(prefect_server, world):
    with pytest.raises(SecretMissing, match="no-such-block"):
        read_secret_block("no-such-block")
    with FaultServer(account=("ana", "x")) as server:
        transport = {"kind": "smtp", "host": "127.0.0.1", "port": server.port, "security": "none", "username": "ana"}
        world.enroll(world.contacts(1), world.sequence(), world.mailbox("ana", transport | {"password_block": "gone"}))
        hand_over(claim_steps.fn("Europe/Berlin").delivery_ids)
    [(is_connected, reason)] = world.rows("SELECT is_connected, disconnected_reason FROM mailboxes")
    assert (is_connected, "'gone'" in reason) == (False, True)


def test_without_a_prefect_server_no_block_is_read(monkeypatch):
    from prefect.settings import PREFECT_API_URL, temporary_settings

    with temporary_settings({PREFECT_API_URL: None}), pytest.raises(NotRunning):
        read_secret_block("x")
