"""A real Dovecot and a real Postfix take access tokens; they check each at the provider."""

from __future__ import annotations

import json

import pytest
from mail_rig import missing
from oauth_rig import OAuthRig
from token_endpoint import TokenEndpoint

from cadenza.domain.delivery import AttemptResult
from cadenza.errors import MailboxRefused
from cadenza.mail.imap import opened
from cadenza.mail.probe import probe
from cadenza.mail.transports import Outgoing, Transports
from cadenza.settings import Settings

ANA = "sender1@sender.test"


@pytest.fixture(scope="module")
def google():
    with TokenEndpoint(username=ANA) as endpoint:
        yield endpoint


@pytest.fixture(scope="module")
def rig(google):
    if reason := missing():
        pytest.skip(reason)
    with OAuthRig(check_url=f"{google.url}/check") as rig:
        yield rig


class Shelf:
    """The secret of the one mailbox."""

    def __init__(self, secret: str) -> None:
        self.secret = secret

    def stored(self, name: str) -> str:
        assert name == "google:ana"
        return self.secret

    def store(self, name: str, value: str) -> None:
        self.secret = value

    def block(self, name: str) -> str:
        raise NotImplementedError(name)


@pytest.fixture
def transports(google, rig, tmp_path, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(rig.ca_file))
    secret = {"client_id": "c", "client_secret": "s", "refresh_token": "refresh-1", "token_uri": google.token_url}
    opened = Transports(Settings(home=tmp_path), Shelf(json.dumps(secret)))
    yield opened
    opened.close()


def settings(rig):
    account = {"username": ANA, "password_secret": "google:ana", "oauth": {"kind": "google"}}
    transport = {"kind": "smtp", "host": "127.0.0.1", "port": rig.submission_port, **account}
    return transport, {"host": "127.0.0.1", "port": rig.imaps_port}


def mail() -> Outgoing:
    return Outgoing(1, ANA, "c1@customer.test", b"Message-ID: <x1@sender.test>\r\nSubject: x\r\n\r\nhello\r\n")


def test_a_mail_goes_out_and_the_mailbox_is_read_with_a_token(transports, rig):
    transport, imap = settings(rig)
    assert probe(1, ANA, (), transport, imap, transports).trouble is None
    [attempt] = transports.of(1, transport).send([mail()], lambda _: True)
    assert attempt.result is AttemptResult.ACCEPTED
    assert rig.wait_for("c1@customer.test", containing=b"x1@sender.test")


def test_a_kept_token_that_the_server_has_had_enough_of_is_replaced_at_once(transports, rig, google):
    transport, imap = settings(rig)
    server = transports.imap_server(1, imap, transport)
    with opened(server):
        pass
    google.revoked.update(google.issued)
    before = len(google.issued)
    with opened(server) as client:
        assert client.folder_exists("INBOX")
    google.revoked.update(google.issued)
    assert transports.of(1, transport).check() is None
    assert len(google.issued) == before + 2


def test_an_account_that_is_let_in_nowhere_is_refused_and_not_asked_for_again_and_again(transports, rig, google):
    transport, imap = settings(rig)
    other = {**transport, "username": "sender2@sender.test"}  # the provider says that the token is ana's
    before = len(google.issued)
    with pytest.raises(MailboxRefused, match="535"):
        list(transports.of(1, other).send([mail()], lambda _: True))
    with pytest.raises(MailboxRefused), opened(transports.imap_server(1, imap, other)):
        pass
    assert len(google.issued) <= before + 2
