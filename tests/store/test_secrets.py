"""Secrets are stored encrypted; only the key of the installation opens them, and only by their own name."""

from __future__ import annotations

import stat

import pytest
from pydantic import SecretStr, ValidationError

from cadenza.errors import SecretMissing, SecretUnreadable
from cadenza.settings import Settings
from cadenza.store import database, secrets

KEY = b"k" * 32


@pytest.fixture
def connection(engine):
    with database.transaction(engine) as connection:
        yield connection


def test_a_secret_comes_back_and_its_new_value_replaces_it(connection):
    secrets.save_secret(connection, KEY, "mailbox:ana", "hünter2")
    secrets.save_secret(connection, KEY, "mailbox:ana", "hünter3")
    assert secrets.read_secret(connection, KEY, "mailbox:ana") == "hünter3"


def test_no_table_holds_it_in_clear(world):
    with database.transaction(world.runtime.engine) as connection:
        secrets.save_secret(connection, KEY, "mailbox:ana", "hunter2")
    [(dumped,)] = world.rows("SELECT convert_from(decode(encode(ciphertext, 'hex'), 'hex'), 'LATIN1') FROM secrets")
    assert "hunter2" not in dumped
    assert world.one("SELECT ciphertext FROM secrets")[:5] == b"gAAAA"


def test_another_key_is_named_as_the_cause(connection):
    secrets.save_secret(connection, KEY, "mailbox:ana", "hunter2")
    with pytest.raises(SecretUnreadable, match="CADENZA_SECRETS_KEY"):
        secrets.read_secret(connection, b"x" * 32, "mailbox:ana")


def test_a_ciphertext_put_under_another_name_opens_nothing(world):
    with database.transaction(world.runtime.engine) as connection:
        secrets.save_secret(connection, KEY, "mailbox:ana", "hunter2")
    world.rows("UPDATE secrets SET name = 'mailbox:mallory'")
    with database.transaction(world.runtime.engine) as connection, pytest.raises(SecretUnreadable):
        secrets.read_secret(connection, KEY, "mailbox:mallory")


def test_a_secret_that_is_not_there_is_missed(connection):
    with pytest.raises(SecretMissing, match="mailbox:nobody"):
        secrets.read_secret(connection, KEY, "mailbox:nobody")


def test_only_secrets_that_no_mailbox_needs_are_forgotten(world):
    transport = {"kind": "smtp", "host": "h", "username": "a", "password_secret": "shared"}
    ana, ben = world.mailbox("ana", transport), world.mailbox("ben", transport)
    with database.transaction(world.runtime.engine) as connection:
        for name in ("shared", "other"):
            secrets.save_secret(connection, KEY, name, "x")
    for id_, left in ((ana, ["shared"]), (ben, [])):
        world.rows("UPDATE mailboxes SET disconnected_by = 'kim' WHERE id = :id", id=id_)
        with database.transaction(world.runtime.engine) as connection:
            secrets.forget_secrets(connection, ["shared", "other"])
        assert world.rows("SELECT name FROM secrets") == [(name,) for name in left]


def test_the_key_is_made_once_and_readable_by_its_owner_only(runtime):
    key = runtime.secrets_key
    path = runtime.settings.home / "secrets.key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert key == runtime.secrets_key == path.read_bytes()
    assert key != runtime.secret_key
    assert [found.name for found in path.parent.glob("secret*")] in (
        ["secrets.key", "secret.key"],
        ["secret.key", "secrets.key"],
    )


def test_the_setting_comes_before_the_file_and_may_not_be_short(runtime):
    runtime.settings.secrets_key = SecretStr("from the environment, and long enough")
    assert runtime.secrets_key == b"from the environment, and long enough"
    assert not (runtime.settings.home / "secrets.key").exists()
    with pytest.raises(ValidationError, match="at least 32"):
        Settings(secrets_key="short")


def test_mailboxes_read_their_secrets_through_the_runtime(runtime):
    runtime.vault.store("mailbox:ana", "hunter2")
    assert runtime.transports.secrets.stored("mailbox:ana") == "hunter2"
    assert "hunter2" not in repr(runtime.vault) + repr(runtime.settings)
