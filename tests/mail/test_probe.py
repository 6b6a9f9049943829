"""A probe tells whether a mailbox works, and leaves no trace in it."""

from __future__ import annotations

import socket
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from aiosmtpd.controller import Controller
from fault_server import FaultServer

from cadenza.mail.probe import probe
from cadenza.mail.sink import Sink
from cadenza.mail.transports import Transports
from cadenza.settings import Settings

ANA = "sender4@sender.test"
ALIAS = "sales@sender.test"


@pytest.fixture
def transports(tmp_path):
    opened = Transports(Settings(home=tmp_path))
    yield opened
    opened.close()


@pytest.fixture
def rig(mail_rig, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(mail_rig.ca_file))
    monkeypatch.setenv("ANA_PASSWORD", "pw")
    mail_rig.clear(ANA)
    return mail_rig


def settings(rig, **other):
    account = {"username": ANA, "password_env": "ANA_PASSWORD"}
    sending = {"kind": "smtp", "host": "127.0.0.1", "port": rig.submission_port, **account, **other}
    return sending, {"host": "127.0.0.1", "port": rig.imaps_port}


def plain(port: int) -> dict[str, object]:
    return {"kind": "smtp", "host": "127.0.0.1", "port": port, "security": "none"}


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_mailbox_that_works_tells_its_facts_and_gets_no_mail(transports, rig, security):
    sending, reading = settings(rig)
    if security == "tls":
        sending |= {"security": "tls", "port": rig.smtps_port}
        reading |= {"security": "starttls", "port": rig.imap_port}
    found = probe(1, ANA, (ALIAS,), sending, reading, transports)
    assert (found.trouble, found.is_refused, found.refused_senders) == (None, False, None)
    assert (found.size_limit, found.sent_folder, found.clock_skew_seconds) == (30_000_000, "Sent", None)
    assert rig.is_queue_empty()
    assert rig.messages(ANA) == rig.messages(ANA, "Sent") == []


@pytest.mark.parametrize("is_for_reading", [False, True])
def test_a_wrong_password_is_a_refusal_that_tells_no_secret(transports, rig, monkeypatch, is_for_reading):
    monkeypatch.setenv("WRONG", "hunter2")
    sending, reading = settings(rig)
    wrong = {"username": ANA, "password_env": "WRONG"}
    found = probe(1, ANA, (), sending | ({} if is_for_reading else wrong), reading | wrong, transports)
    assert found.is_refused
    assert ("read" in (found.trouble or "")) is is_for_reading
    assert "hunter2" not in repr(found)


@pytest.mark.parametrize("missing", ["smtp", "imap"])
def test_a_server_that_is_away_is_no_refusal(transports, rig, missing):
    sending, reading = settings(rig)
    (sending if missing == "smtp" else reading)["port"] = 1
    found = probe(1, ANA, (), sending, reading, transports)
    assert found.trouble
    assert not found.is_refused


def test_settings_that_cannot_work_are_a_refusal(transports):
    found = probe(1, ANA, (), {"kind": "smtp"}, None, transports)
    assert found.is_refused
    assert "host" in (found.trouble or "")


class Owner:
    """Lets an account send as one address only, and says so at MAIL or, like Postfix, at RCPT."""

    def __init__(self, allowed: str, at: str) -> None:
        self.allowed, self.at = allowed, at
        self.port = self.messages = 0

    async def handle_MAIL(self, server, session, envelope, address, options):
        envelope.mail_from = address
        if self.at == "MAIL" and address != self.allowed:
            return "553 5.7.60 Client does not have permissions to send as this sender"
        return "250 2.1.0 OK"

    async def handle_RCPT(self, server, session, envelope, address, options):
        if self.at == "RCPT" and envelope.mail_from != self.allowed:
            return "553 5.7.1 Sender address rejected: not owned by user"
        if self.at == "full":
            return "552 5.2.2 mailbox full"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server, session, envelope):
        self.messages += 1
        return "250 OK"


@pytest.fixture
def owner():
    started = []

    def start(allowed: str, at: str) -> Owner:
        handler = Owner(allowed, at)
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            handler.port = listener.getsockname()[1]
        controller = Controller(handler, hostname="127.0.0.1", port=handler.port, data_size_limit=0)
        controller.start()
        started.append(controller)
        return handler

    yield start
    for controller in started:
        controller.stop()


@pytest.mark.parametrize(("at", "code"), [("MAIL", "553 5.7.60"), ("RCPT", "553 5.7.1")])
def test_an_alias_that_the_server_forbids_is_named_and_the_mailbox_works(transports, owner, at, code):
    server = owner(ANA, at)
    found = probe(1, ANA, (ALIAS, "ok@sender.test"), plain(server.port), None, transports)
    assert found.refused_senders == {ALIAS: code, "ok@sender.test": code}
    assert (found.trouble, found.size_limit) == (None, None)
    assert server.messages == 0


def test_an_account_that_may_not_send_as_its_own_mailbox_is_refused(transports, owner):
    server = owner(ALIAS, "RCPT")
    found = probe(1, ANA, (ALIAS,), plain(server.port), None, transports)
    assert found.is_refused
    assert f"as {ANA} (553 5.7.1)" in (found.trouble or "")


def test_a_full_mailbox_may_still_send(transports, owner):
    found = probe(1, ANA, (ALIAS,), plain(owner(ANA, "full").port), None, transports)
    assert (found.trouble, found.refused_senders) == (None, None)


def test_an_address_beyond_ascii_needs_a_server_that_takes_it(transports):
    for smtputf8, refused in ((True, None), (False, {"jörg@sender.test": "553 5.6.7"})):
        with FaultServer(smtputf8=smtputf8) as server:
            found = probe(1, ANA, ("jörg@sender.test",), plain(server.port), None, transports)
        assert found.refused_senders == refused


def test_a_server_that_greets_with_the_time_tells_how_far_its_clock_is_off(transports):
    said = format_datetime(datetime.now(UTC) + timedelta(minutes=7)).encode()
    with FaultServer(greeting=b"220 mx.example Microsoft ESMTP MAIL Service ready at " + said + b"\r\n") as server:
        found = probe(1, ANA, (), plain(server.port), None, transports)
    assert found.clock_skew_seconds == pytest.approx(420, abs=5)


def test_the_sink_is_asked_whether_it_listens(tmp_path):
    with Sink(tmp_path / "sink") as sink:
        transports = Transports(Settings(home=tmp_path, sink_port=sink.port))
        assert probe(1, ANA, (), {"kind": "sink"}, None, transports).trouble is None
    assert probe(1, ANA, (), {"kind": "sink"}, None, transports).trouble
