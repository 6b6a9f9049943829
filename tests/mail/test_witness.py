"""The mailbox itself shows which mails its server took."""

from __future__ import annotations

import pytest

from cadenza.domain.delivery import AttemptResult
from cadenza.errors import MailboxRefused, MailServerUnavailable
from cadenza.mail.transports import Outgoing, Transports
from cadenza.settings import Settings

ANA = "sender3@sender.test"


def mail(name: str, to: str = "c3@customer.test", copy_to: str | None = None) -> Outgoing:
    message = f"Message-ID: <{name}@sender.test>\r\nSubject: x\r\n\r\n{name}\r\n".encode()
    return Outgoing(1, ANA, to, message, copy_to=copy_to)


def ids(*names: str) -> list[str]:
    return [f"<{name}@sender.test>" for name in names]


@pytest.fixture
def rig(mail_rig, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(mail_rig.ca_file))
    monkeypatch.setenv("ANA_PASSWORD", "pw")
    mail_rig.clear(ANA)
    return mail_rig


@pytest.fixture
def transport(rig, tmp_path):
    """The transport of a mailbox with a witness; makes any that differs."""
    opened = Transports(Settings(home=tmp_path))

    def of(*, is_submitted: bool = True, imap_port: int | None = None, password: str = "ANA_PASSWORD", **other):
        port, security = (rig.submission_port, "starttls") if is_submitted else (rig.smtp_port, "none")
        sending = {"kind": "smtp", "host": "127.0.0.1", "port": port, "security": security, "witness": "sent"}
        account = {"username": ANA, "password_env": password}
        reading = {"host": "127.0.0.1", "port": imap_port or rig.imaps_port, **account}
        return opened.of(1, sending | (account if is_submitted else {}) | other, reading, None)

    yield of
    opened.close()


def taken(transport, *mails: Outgoing) -> list[Outgoing]:
    """Send; what was asked before each body."""
    asked = []

    def before_body(mail: Outgoing) -> bool:
        asked.append(mail)
        return True

    for attempt in transport.send(mails, before_body):
        assert attempt.result is AttemptResult.ACCEPTED, attempt
    return asked


def test_the_folder_of_sent_mails_shows_what_the_provider_filed(transport, rig):
    taken(transport(), mail("a"), mail("b"))
    rig.wait_for(ANA, "Sent", count=2)
    assert transport().accepted(ids("a", "b", "c")) == set(ids("a", "b"))


def test_a_name_inside_another_name_is_another_mail(transport, rig):
    rig.append(ANA, mail("aa").message, "Sent")
    assert transport().accepted(ids("a", "aa")) == set(ids("aa"))


def test_many_mails_are_asked_for_at_once(transport, rig):
    names = [f"n{number}" for number in range(45)]
    for name in names[::2]:
        rig.append(ANA, mail(name).message, "Sent")
    assert transport().accepted(ids(*names)) == set(ids(*names[::2]))


def test_a_mail_that_was_moved_since_is_found(transport, rig):
    rig.append(ANA, mail("moved").message, "INBOX")
    assert transport().accepted(ids("moved")) == set(ids("moved"))


def test_a_mailbox_that_shows_nothing_proves_nothing(transport, rig):
    assert transport().accepted(ids("a")) is None
    assert transport().accepted(ids("a"), known=ids("b")) is None
    rig.append(ANA, mail("b").message, "Sent")
    assert transport().accepted(ids("a"), known=ids("b")) == set()


def test_looking_changes_nothing_in_the_mailbox(transport, rig):
    rig.append(ANA, mail("a").message, "Sent")
    transport().accepted(ids("a"))
    assert [path.name.partition(":2,")[2] for path in rig.paths(ANA, "Sent")] == [""]


def test_a_witness_out_of_reach_is_waited_for(transport):
    with pytest.raises(MailServerUnavailable):
        transport(imap_port=1).accepted(ids("a"))


def test_a_witness_that_lets_nobody_in_is_a_refusal(transport, monkeypatch):
    monkeypatch.setenv("WRONG", "hunter2")
    with pytest.raises(MailboxRefused) as caught:
        transport(is_submitted=False, password="WRONG").accepted(ids("a"))
    assert "hunter2" not in str(caught.value)


def test_a_copy_to_the_mailbox_itself_is_a_witness_and_names_nobody(transport, rig):
    sender = transport(is_submitted=False, witness="self")
    [asked] = taken(sender, mail("copied", copy_to=ANA))
    assert asked.copy_to == ANA
    [copy] = rig.wait_for(ANA, containing=b"copied@")
    [original] = rig.wait_for("c3@customer.test", containing=b"copied@")
    body = copy.partition(b"Message-ID")[2]
    assert body == original.partition(b"Message-ID")[2]
    assert b"\r\nBcc" not in body
    assert sender.accepted(ids("copied", "lost")) == set(ids("copied"))


def test_a_copy_that_is_not_taken_does_not_keep_the_mail_back(transport, rig):
    sender = transport(is_submitted=False, witness="self")
    asked = taken(sender, mail("alone", copy_to="nobody@sender.test"), mail("both", copy_to=ANA))
    assert [one.copy_to for one in asked] == [None, ANA]
    assert rig.wait_for("c3@customer.test", containing=b"alone@")


def test_a_refused_mail_leaves_no_copy(transport, rig):
    sender = transport(is_submitted=False, witness="self")
    first, second = sender.send(
        [mail("refused", to="nobody@customer.test", copy_to=ANA), mail("next", copy_to=ANA)], lambda _: True
    )
    assert (first.result, first.code) == (AttemptResult.REJECTED, 550)
    assert second.result is AttemptResult.ACCEPTED
    rig.wait_for(ANA, containing=b"next@")
    assert not [message for message in rig.messages(ANA) if b"refused@" in message]
