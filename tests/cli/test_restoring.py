"""Whoever restored a backup says so."""

from __future__ import annotations

from cadenza import cli
from cadenza.store.restored import LOOKING


def test_after_a_restore_every_mailbox_waits(world, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    world.mailbox("ana")
    world.mailbox("ben")
    world.rows("UPDATE mailboxes SET paused_at = now(), paused_reason = 'on holiday' WHERE address LIKE 'ben%'")
    assert cli.run(["restored"]) == 0
    assert "1 mailboxes are paused" in capsys.readouterr().out
    assert world.rows("SELECT paused_reason FROM mailboxes ORDER BY id") == [(LOOKING,), ("on holiday",)]
