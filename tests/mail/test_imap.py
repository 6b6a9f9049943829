"""Every mishap of an IMAP server is either a reason to wait or one for a person to act, and never tells a secret."""

from __future__ import annotations

import base64

import pytest
from imapclient.imap_utf7 import encode
from scripted_imap import ScriptedImap

from cadenza.errors import MailboxRefused, MailServerUnavailable
from cadenza.mail.folders import Folder, folders_of, sent_folder
from cadenza.mail.imap import opened
from cadenza.mail.transports import Transports
from cadenza.settings import Settings

PASSWORD = "hunter2"


def server_of(tmp_path, monkeypatch, port: int, **other):
    monkeypatch.setenv("PASSWORD", PASSWORD)
    settings = {"host": "127.0.0.1", "port": port, "security": "none", "username": "ana", "password_env": "PASSWORD"}
    return Transports(Settings(home=tmp_path)).imap_server(1, settings | other, {})


@pytest.mark.parametrize(
    ("greeting", "answers", "error"),
    [
        ("* OK ready", {"LOGIN": ["{tag} NO [AUTHENTICATIONFAILED] bad hunter2"]}, MailboxRefused),
        ("* OK ready", {"LOGIN": ["{tag} BAD what is hunter2"]}, MailboxRefused),
        ("* OK ready", {"LOGIN": ["{tag} NO [UNAVAILABLE] later"]}, MailServerUnavailable),
        ("* OK ready", {"LOGIN": ["{tag} NO [ALERT] Too many simultaneous connections. (Failure)"]},
         MailServerUnavailable),
        ("* OK ready", {"LOGIN": [None]}, MailServerUnavailable),
        ("* OK ready", {"LOGIN": ["* BYE shutting down", None]}, MailServerUnavailable),
        ("* BYE too busy", {}, MailServerUnavailable),
        ("garbage", {}, MailServerUnavailable),
        ("* OK ready", {"LIST": ["{tag} NO not now"]}, MailServerUnavailable),
        ("* OK ready", {"LIST": [None]}, MailServerUnavailable),
    ],
)  # fmt: skip
def test_each_mishap_has_its_meaning(tmp_path, monkeypatch, greeting, answers, error):
    with ScriptedImap(answers, greeting) as server:
        where = server_of(tmp_path, monkeypatch, server.port)
        with pytest.raises(error) as caught, opened(where) as client:
            folders_of(client)
    assert PASSWORD not in str(caught.value)
    assert caught.value.transient is (error is MailServerUnavailable)


def test_nobody_listens(tmp_path, monkeypatch):
    with pytest.raises(MailServerUnavailable), opened(server_of(tmp_path, monkeypatch, 1)):
        pass


def test_no_password_travels_where_starttls_is_wanted_and_not_offered(tmp_path, monkeypatch):
    with ScriptedImap() as server:
        where = server_of(tmp_path, monkeypatch, server.port, security="starttls")
        with pytest.raises(MailboxRefused, match="STARTTLS"), opened(where):
            pass
    assert not any(PASSWORD in command for command in server.commands)


@pytest.mark.parametrize(
    ("username", "password"), [("ana b", "pw"), ("ana", "pässword"), ('ana"\\', "pw"), ("CORP\\ana", "pw")]
)
def test_names_and_passwords_of_all_kinds_arrive_as_they_are(tmp_path, monkeypatch, username, password):
    with ScriptedImap({"AUTHENTICATE": ["+ "]}) as server:
        where = server_of(tmp_path, monkeypatch, server.port, username=username)
        monkeypatch.setenv("PASSWORD", password)
        with pytest.raises(MailServerUnavailable), opened(where):
            pass
    asked = next(number for number, command in enumerate(server.commands) if "AUTHENTICATE PLAIN" in command)
    said = server.commands[asked + 1]
    assert base64.b64decode(said).decode().split("\0") == ["", username, password]


def folders(*names: str, flags: frozenset[bytes] = frozenset()) -> list[Folder]:
    return [Folder("INBOX", frozenset(), "/"), *(Folder(name, flags, "/") for name in names)]


@pytest.mark.parametrize(
    "name",
    [
        "Sent",
        "SENT ITEMS",
        "INBOX/Gesendete Elemente",
        "Éléments envoyés",
        "Отправленные",
        "已发送",
        "寄件備份",
        "Wysłane",
    ],
)
def test_the_folder_of_sent_mails_is_known_by_its_name_in_many_languages(name):
    assert sent_folder(folders("Drafts", name, "Presents")) == name


def test_what_the_server_says_comes_before_a_name():
    said = Folder("Postausgang", frozenset([rb"\Sent"]), ".")
    assert sent_folder([*folders("Sent"), said]) == "Postausgang"
    assert sent_folder(folders("Drafts", "Unsent")) is None


def test_folders_are_read_with_their_real_names(tmp_path, monkeypatch):
    name = encode("Éléments envoyés").decode()
    lines = [f'* LIST (\\HasNoChildren) "." "INBOX.{name}"', '* LIST (\\Noselect) "." "Sent"', "{tag} OK done"]
    with ScriptedImap({"LIST": lines}) as server, opened(server_of(tmp_path, monkeypatch, server.port)) as client:
        assert sent_folder(folders_of(client)) == "INBOX.Éléments envoyés"
