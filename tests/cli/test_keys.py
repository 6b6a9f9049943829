"""Keys of the API are made, shown once, listed and revoked from the command line."""

from __future__ import annotations

import re


def test_a_key_is_shown_once_listed_and_revoked(terminal, database_url, world):
    world.mailbox("ana")
    where = {"CADENZA_DATABASE_URL": database_url}
    made = terminal.run("key", "create", "web shop", "--scope", "contacts.read", "--user", "ana", **where)
    assert made.returncode == 0, made.stderr
    [key] = re.findall(r"^cdz_1_[\w-]{43}$", made.stdout, flags=re.M)
    listed = terminal.run("key", "list", **where).stdout
    assert "web shop" in listed
    assert "contacts.read" in listed
    assert key not in listed
    assert terminal.run("key", "revoke", "1", **where).returncode == 0
    assert "revoked" in terminal.run("key", "list", **where).stdout
    assert terminal.run("key", "revoke", "1", **where).returncode == 2


def test_a_scope_that_does_not_exist_is_named_with_those_that_do(terminal, database_url, world):
    shown = terminal.run("key", "create", "x", "--scope", "contacts", CADENZA_DATABASE_URL=database_url)
    assert shown.returncode == 2
    assert "contacts.read" in shown.stderr
    assert shown.stderr.count("\n") == 1
