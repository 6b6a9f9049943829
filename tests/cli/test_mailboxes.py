"""A person connects a mailbox, looks at it, and decides about mails that nobody else can tell about."""

from __future__ import annotations

import io
import json
import os
import pty
import re
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from mail_rig import missing
from oauth_rig import OAuthRig
from pydantic import SecretStr
from token_endpoint import TokenEndpoint

from cadenza import cli
from cadenza.mail.imap import opened
from cadenza.mail.inbox import Inbox
from cadenza.mail.oauth import Tokens
from cadenza.mail.sink import Sink
from flows.enroll_filed import enroll_filed
from tasks.claim_steps import claim_steps
from tasks.take_filed import take_filed

ANA = "sender6@sender.test"


@pytest.fixture
def rig(mail_rig):
    mail_rig.clear(ANA)
    return mail_rig


@dataclass
class Done:
    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def cadenza(world, tmp_path, monkeypatch, capsys):
    """Runs a command in this process, on the test's database, with a user "ana"; a process of its own costs seconds."""
    world.mailbox("ana")
    monkeypatch.chdir(tmp_path)
    before = dict(os.environ)

    def run(*arguments: str, typed: str = "") -> Done:
        monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
        return Done(cli.run(arguments), *capsys.readouterr())

    yield run
    for name in os.environ.keys() - before.keys():
        del os.environ[name]
    os.environ.update(before)


@pytest.fixture
def trusted(cadenza, rig, monkeypatch):
    """The rig, whose certificate this process trusts."""
    monkeypatch.setenv("SSL_CERT_FILE", str(rig.ca_file))
    return rig


def account(rig, *more: str) -> list[str]:
    return [
        "mailbox", "connect", ANA, "--user", "ana", "--smtp", f"127.0.0.1:{rig.submission_port}",
        "--imap", f"127.0.0.1:{rig.imaps_port}", *more,
    ]  # fmt: skip


def test_a_mailbox_is_connected_with_a_password_that_is_kept_encrypted(cadenza, world, trusted):
    options = ("--password-stdin", "--witness", "sent", "--alias", "sales@sender.test", "--limit", "3/60")
    done = cadenza(*account(trusted, *options), typed="pw\n")
    assert done.returncode == 0, done.stderr
    assert f"{ANA} is connected and works" in done.stdout
    [row] = world.rows(
        "SELECT u.handle, m.display_name, m.aliases, m.limits, m.transport, m.imap, m.sent_folder, m.is_connected "
        "FROM mailboxes m JOIN users u ON u.id = m.user_id WHERE m.address = :a",
        a=ANA,
    )
    assert row[:4] == ("ana", "Ana North", ["sales@sender.test"], [{"count": 3, "seconds": 60}])
    assert row.transport == {
        "kind": "smtp", "host": "127.0.0.1", "port": trusted.submission_port, "security": "starttls",
        "username": ANA, "password_secret": f"mailbox:{ANA}", "witness": "sent",
    }  # fmt: skip
    assert (row.imap["port"], row.sent_folder, row.is_connected) == (trusted.imaps_port, "Sent", True)
    assert world.rows("SELECT name FROM secrets") == [(f"mailbox:{ANA}",)]
    listed = cadenza("mailbox", "list")
    assert ANA in listed.stdout
    assert "well" in listed.stdout


def test_a_stored_password_is_forgotten_when_it_is_kept_elsewhere(cadenza, world, trusted, monkeypatch):
    monkeypatch.setenv("ANA_PASSWORD", "pw")
    cadenza(*account(trusted, "--password-stdin"), typed="pw\n")
    assert cadenza(*account(trusted, "--password-env", "ANA_PASSWORD")).returncode == 0
    assert world.rows("SELECT name FROM secrets") == []
    assert world.one("SELECT transport ->> 'password_env' FROM mailboxes WHERE address = :a", a=ANA) == "ANA_PASSWORD"


def test_a_probe_disconnects_and_takes_back(cadenza, world, trusted):
    def is_connected() -> bool:
        return bool(world.one("SELECT is_connected FROM mailboxes WHERE address = :a", a=ANA))

    cadenza(*account(trusted, "--password-stdin"), typed="pw\n")
    assert cadenza("mailbox", "probe", ANA).returncode == 0
    world.runtime.settings.secrets_key = SecretStr("another key, which is long enough")
    lost = cadenza("mailbox", "probe", ANA)
    assert (lost.returncode, is_connected()) == (1, False)
    assert "CADENZA_SECRETS_KEY" in lost.stdout
    world.runtime.settings.secrets_key = None
    assert (cadenza("mailbox", "probe", ANA).returncode, is_connected()) == (0, True)


def test_a_connection_that_does_not_work_changes_nothing(cadenza, world, trusted):
    done = cadenza(*account(trusted, "--password-stdin"), typed="hunter2\n")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "Nothing was changed" in done.stderr
    assert "hunter2" not in done.stderr + done.stdout
    assert world.rows("SELECT name FROM secrets") == []
    assert world.rows("SELECT id FROM mailboxes WHERE address = :a", a=ANA) == []


@contextmanager
def at_a_terminal(folder, environment, arguments):
    """A command at a terminal of its own: (process, read until some words come, write)."""
    parent, child = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "cadenza.cli", *arguments],
        env=environment, cwd=folder, stdin=child, stdout=child, stderr=child, start_new_session=True, close_fds=True,
    )  # fmt: skip
    os.close(child)
    shown = b""

    def read(words: bytes | None = None) -> str:
        nonlocal shown
        while words is None or words not in shown:
            try:
                shown += os.read(parent, 4_000)
            except OSError:
                break  # it has ended
        return shown.decode()

    try:
        yield process, read, lambda words: os.write(parent, words.encode())
    finally:
        process.kill()
        process.wait()
        os.close(parent)


def test_a_password_is_asked_for_at_a_terminal_and_not_shown(world, rig, terminal, database_url):
    world.mailbox("ana")
    environment = terminal.environment | {"CADENZA_DATABASE_URL": database_url, "SSL_CERT_FILE": str(rig.ca_file)}
    with at_a_terminal(terminal.folder, environment, account(rig)) as (process, read, write):
        read(b"Password of")
        write("pw\n")
        shown = read()
        assert process.wait(60) == 0, shown
    assert "pw\r\n" not in shown
    assert world.rows("SELECT name FROM secrets") == [(f"mailbox:{ANA}",)]


def test_a_person_signs_in_at_google_and_pastes_where_the_browser_ended(world, terminal, database_url):
    if reason := missing():
        pytest.skip(reason)
    world.mailbox("ana")
    with TokenEndpoint(username=ANA) as google, OAuthRig(check_url=f"{google.url}/check", senders=7) as rig:
        client = terminal.folder / "client.json"
        installed = {"client_id": "c", "client_secret": "s", "token_uri": google.token_url}
        client.write_text(json.dumps({"installed": installed}))
        environment = terminal.environment | {"CADENZA_DATABASE_URL": database_url, "SSL_CERT_FILE": str(rig.ca_file)}
        arguments = account(rig, "--google-login", str(client))
        with at_a_terminal(terminal.folder, environment, arguments) as (process, read, write):
            shown = read(b"paste here")
            [url] = re.findall(r"^(https://accounts\.google\.com/\S+)\r$", shown, flags=re.M)
            asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
            write("http://127.0.0.1:1/?code=evil&state=guessed\n")
            write(f"{asked['redirect_uri']}?code=the-code&state={asked['state']}\n")
            shown = read()
            assert process.wait(60) == 0, shown
    assert google.asked[0]["code"] == "the-code"
    assert world.rows("SELECT name FROM secrets") == [(f"google:{ANA}",)]


def test_a_person_signs_in_at_microsoft_with_a_code(cadenza, world, tmp_path_factory, monkeypatch):
    """The code flow, a refresh token that is replaced at each use, and a server that takes access tokens."""
    if reason := missing():
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
         "-keyout", folder / "key.pem", "-out", folder / "cert.pem", "-days", "2", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=IP:127.0.0.1"],
        check=True, capture_output=True,
    )  # fmt: skip
    (folder / "both.pem").write_bytes((folder / "cert.pem").read_bytes() + (folder / "key.pem").read_bytes())
    with (
        TokenEndpoint(folder / "both.pem", username=ANA, replaces=True, pending=1) as microsoft,
        TokenEndpoint(username=ANA, issued=microsoft.issued) as checking,
        OAuthRig(check_url=f"{checking.url}/check", senders=7, customers=1) as rig,
    ):
        monkeypatch.setenv("SSL_CERT_FILE", str(rig.ca_file))
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(folder / "cert.pem"))
        options = ["--microsoft-device", "app", "--authority", microsoft.authority]
        done = cadenza(*account(rig, *options, "--witness", "sent"))
        assert done.returncode == 0, done.stderr
        assert "ABCD-EFGH" in done.stdout
        for _ in range(2):  # as if in a new process: the token that the one before has stored is good
            world.runtime.transports.tokens = Tokens()
            probed = cadenza("mailbox", "probe", ANA)
            assert probed.returncode == 0, probed.stdout
    asked = [form["refresh_token"] for form in microsoft.asked if "refresh_token" in form]
    assert len(set(asked)) == 3
    [ciphertext] = world.rows("SELECT ciphertext FROM secrets")
    assert not any(token.encode() in bytes(ciphertext[0]) for token in asked)


def test_google_without_delegation_changes_nothing(cadenza, world, tmp_path):
    pem = rsa.generate_private_key(65537, 2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    with TokenEndpoint(refusal=(401, "unauthorized_client")) as google:
        key = tmp_path / "key.json"
        key.write_text(
            json.dumps({"type": "service_account", "client_email": "robot@project.example",
                        "private_key": pem.decode(), "token_uri": google.token_url})
        )  # fmt: skip
        done = cadenza("mailbox", "connect", ANA, "--user", "ana", "--google-service-account", str(key))
    assert done.returncode == 1
    assert "domain-wide delegation" in done.stderr
    assert "PRIVATE KEY" not in done.stderr
    assert world.rows("SELECT name FROM secrets") == []


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--user", "ana"], "--smtp"),
        (["--user", "anna", "--smtp", "h:587"], "ana"),
        (["--user", "ana", "--smtp", "h:587"], "--password-stdin"),
        (["--user", "ana", "--smtp", "h:587:x"], "HOST:PORT"),
        (["--user", "ana", "--smtp", "h", "--smtp-security", "ssl"], "starttls"),
        (["--user", "ana", "--smtp", "h", "--limit", "many"], "3/60"),
        (["--user", "ana", "--smtp", "h", "--witness", "sent"], "--imap"),
        (["--user", "ana", "--smtp", "h", "--witness", "god"], "sent, self, none"),
        (["--user", "ana", "--smtp", "h", "--alias", "a b"], "no address"),
        (["--user", "ana", "--smtp", "h", "--password-env", "A", "--password-file", "b"], "One way"),
        (["--user", "ana", "--microsoft-app", "x", "--password-env", "A"], "--tenant"),
        (["--user", "ana", "--google-login", "nowhere.json"], "nowhere.json"),
        (["--user", "ana", "--google-service-account", "x", "--microsoft-device", "y"], "One way"),
    ],
)
def test_wrong_use_is_one_line_that_names_the_remedy(cadenza, options, words):
    done = cadenza("mailbox", "connect", ANA, *options)
    assert done.returncode == 2, done.stderr
    assert done.stderr.count("\n") == 1
    assert words in done.stderr


def test_a_mailbox_that_is_disconnected_forgets_its_password_and_moves_its_mails(cadenza, world, trusted):
    cadenza(*account(trusted, "--password-stdin"), typed="pw\n")
    ana = world.one("SELECT id FROM mailboxes WHERE address = :a", a=ANA)
    world.enroll(world.contacts(3), world.sequence(), ana)
    assert cadenza("mailbox", "disconnect", ANA).returncode == 0
    assert world.rows("SELECT name FROM secrets") == []
    assert "Connect it" in cadenza("mailbox", "probe", ANA).stdout
    moved = cadenza("mailbox", "move", ANA, "ana@northwind.example")
    assert "3 enrollments" in moved.stdout, moved.stderr
    assert len(claim_steps.fn("Europe/Berlin").delivery_ids) == 3
    assert cadenza("mailbox", "move", ANA, "ana@northwind.example").returncode == 2


def test_the_doctor_names_what_is_wrong_with_a_mailbox_and_takes_it_back(cadenza, world, trusted, monkeypatch):
    monkeypatch.setenv("ANA_PASSWORD", "pw")
    monkeypatch.setattr(world.runtime.clock, "at", datetime.now(UTC))
    with Sink(world.runtime.settings.home / "sink") as sink:
        world.runtime.settings.sink_port = sink.port
        cadenza(*account(trusted, "--password-env", "ANA_PASSWORD"))
        monkeypatch.setenv("ANA_PASSWORD", "wrong")
        sick = cadenza("doctor").stdout
        monkeypatch.setenv("ANA_PASSWORD", "pw")
        well = cadenza("doctor").stdout
    assert f"{ANA}: 127.0.0.1 refused the login (535)" in sick
    assert re.search(rf"✓ mailbox \d+ +{ANA}\n", well)
    assert re.search(r"✓ mailbox \d+ +ana@northwind.example\n", sick)


def test_a_mailbox_is_paused_and_resumed(cadenza, world):
    assert cadenza("mailbox", "pause", "ana@northwind.example", "--reason", "holiday").returncode == 0
    assert "paused: holiday" in cadenza("mailbox", "list").stdout
    assert cadenza("mailbox", "resume", "ana@northwind.example").returncode == 0
    assert cadenza("mailbox", "resume", "ana@northwind.example").returncode == 2


def test_a_person_decides_about_an_unknown_delivery(cadenza, world):
    assert "No delivery waits" in cadenza("deliveries", "unknown").stdout
    world.enroll(world.contacts(1), world.sequence(), 1)
    [id_] = claim_steps.fn("Europe/Berlin").delivery_ids
    world.rows("UPDATE deliveries SET state = 'unknown', in_flight_at = claimed_at, lease_until = NULL")
    world.rows("UPDATE enrollments SET held_reason = 'SEND_UNKNOWN', due_at = NULL")
    assert "Hello 1" in cadenza("deliveries", "unknown").stdout
    assert cadenza("deliveries", "decide", str(id_), "maybe").returncode == 2
    assert cadenza("deliveries", "decide", str(id_), "sent").returncode == 0
    assert cadenza("deliveries", "decide", str(id_), "sent").returncode == 2
    assert world.rows("SELECT state FROM deliveries") == [("sent",)]


def test_folders_to_file_mails_into_are_made_and_what_came_of_them_is_shown(cadenza, trusted, world):
    assert cadenza(*account(trusted, "--password-stdin"), typed="pw").returncode == 0
    world.sequence(name="win_back")
    world.sequence(name="other_team", shared_with=("team:others",))
    made = cadenza("mailbox", "folders", ANA)
    assert made.returncode == 0, made.stderr
    assert "Cadenza.win_back" in made.stdout
    assert "other_team" not in made.stdout
    assert "No mail was filed" in cadenza("report", "--filed").stdout
    trusted.append(ANA, f"From: {ANA}\r\nMessage-ID: <a@b.test>\r\n\r\n".encode(), "Cadenza.win_back")
    box = world.rows("SELECT id, user_id, address, imap, transport FROM mailboxes WHERE address = :a", a=ANA)[0]
    with opened(world.runtime.transports.imap_server(box.id, box.imap, box.transport)) as client:
        assert take_filed(box, Inbox(client, ANA)) == 1
    enroll_filed()
    shown = cadenza("report", "--filed").stdout
    assert "EMAIL_MISSING" in shown
    assert "nobody" in shown
