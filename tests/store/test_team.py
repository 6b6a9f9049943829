"""What a team file says of a mailbox, and what it leaves as it is."""

from __future__ import annotations

import pytest

from cadenza.cli.loading import load_team
from cadenza.errors import SettingsInvalid

SMTP = {"kind": "smtp", "host": "smtp.example.com", "username": "ana", "password_env": "A"}


@pytest.fixture
def load(world, tmp_path):
    def load(mailbox: str) -> tuple[object, object]:
        path = tmp_path / "team.yaml"
        path.write_text(
            "users: [{handle: ana, email: ana@northwind.example, name: Ana North, "
            f"mailboxes: [{{address: ana@northwind.example{mailbox}}}]}}]"
        )
        load_team(str(path))
        return tuple(world.rows("SELECT transport, imap FROM mailboxes")[0])

    return load


def test_a_mailbox_without_a_transport_uses_the_sink(load):
    assert load("") == ({"kind": "sink"}, None)


def test_what_an_entry_leaves_out_stays_as_somebody_connected_it(load):
    sending = "transport: {kind: smtp, host: smtp.example.com, username: ana, password_env: A}"
    assert load(f", {sending}, imap: {{host: imap.example.com}}") == (SMTP, {"host": "imap.example.com"})
    assert load("") == (SMTP, {"host": "imap.example.com"})
    assert load(f", {sending}") == (SMTP, {"host": "imap.example.com"})
    assert load(", imap: {host: other.example.com}") == (SMTP, {"host": "other.example.com"})
    assert load(", transport: {kind: sink}") == ({"kind": "sink"}, None)


@pytest.mark.parametrize(
    ("mailbox", "words"),
    [
        (", transport: {kind: smtp}", "transport of ana@northwind.example: host"),
        (", transport: {kind: smtp, host: h, password: hunter2}", "password"),
        (", imap: {port: 993}", "IMAP settings of ana@northwind.example: host"),
        (", imap: {host: h, witness: sent}", "witness"),
    ],
)
def test_settings_that_cannot_work_are_named_when_the_file_is_loaded(load, mailbox, words):
    with pytest.raises(SettingsInvalid, match=words) as caught:
        load(mailbox)
    assert "hunter2" not in str(caught.value)
