"""Against a real Postfix: what leaves arrives unchanged, and what comes back still says what it is about."""

from __future__ import annotations

import email
import email.message
import email.policy
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cadenza.domain.delivery import AttemptResult
from cadenza.domain.sequence import Delay, Sequence, Step, StepKind
from cadenza.errors import MailboxRefused
from cadenza.mail.message import Letter, SenderIdentity, StepComposer, message_id
from cadenza.mail.transports import Outgoing, Transports
from cadenza.settings import Settings

SENDER = "sender1@sender.test"
#: As long as an id may be, and longer than most programs fold at.
LONG = [message_id("a-rather-long-name-of-a-department.sender.test", f"{number}.{'x' * 24}") for number in range(6)]
SEQUENCE = Sequence(
    "hello",
    "Hello",
    (Step(1, StepKind.EMAIL, Delay(0), subject="Grüße, {{ contact.first_name }}", text=".one\n.\n..\nßo long\n"),),
)


@pytest.fixture
def transports(tmp_path, mail_rig, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(mail_rig.ca_file))
    monkeypatch.setenv("RIG_PASSWORD", mail_rig.password)
    opened = Transports(Settings(home=tmp_path, dot_timeout_seconds=30))
    yield opened
    opened.close()


def submission(mail_rig, security="starttls", **more):
    port = mail_rig.submission_port if security == "starttls" else mail_rig.smtps_port
    return {
        "kind": "smtp", "host": mail_rig.host, "port": port, "security": security,
        "username": SENDER, "password_env": "RIG_PASSWORD", **more,
    }  # fmt: skip


def letter(number: int, to: str, own_id: str, references: tuple[str, ...] = ()) -> Outgoing:
    """A mail as a step composes it."""
    composer = StepComposer(SEQUENCE.steps[0], SEQUENCE, SenderIdentity(SENDER, "Ana Nørth", "Kaistraße 1", {}))
    composed = composer.compose(
        Letter(
            to, "Kim", own_id, datetime.now(UTC), {"contact": {"first_name": "Kim"}}, "https://north.test/unsubscribe/x",
            "Grüße" if references else None, references,
        )
    )  # fmt: skip
    return Outgoing(number, SENDER, to, composed.message)


def always(_: Outgoing) -> bool:
    return True


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_mail_arrives_byte_for_byte_through_a_login_over_tls(transports, mail_rig, security):
    transport = transports.of(1, submission(mail_rig, security))
    assert transport.check() is None
    mails = [letter(n, "c1+x@customer.test", message_id("sender.test", f"{security}.{n}")) for n in range(3)]
    attempts = list(transport.send(mails, always))
    assert [attempt.result for attempt in attempts] == [AttemptResult.ACCEPTED] * 3
    for mail, attempt in zip(mails, attempts, strict=True):
        # The server's own id of it stands in its trace of the mail.
        assert attempt.provider_id
        [arrived] = mail_rig.wait_for("c1@customer.test", containing=attempt.provider_id.encode())
        assert arrived.endswith(mail.message.replace(b"\r\n", b"\n"))
        assert b"with ESMTPSA id" in arrived


def test_what_is_submitted_lies_in_the_senders_own_sent_folder(transports, mail_rig):
    own_id = message_id("sender.test", "sent-folder")
    list(transports.of(1, submission(mail_rig)).send([letter(1, "c2@customer.test", own_id)], always))
    mail_rig.wait_for(SENDER, "Sent", containing=own_id.encode())


def test_a_wrong_password_is_refused(transports, mail_rig, monkeypatch):
    monkeypatch.setenv("RIG_PASSWORD", "wrong")
    transport = transports.of(1, submission(mail_rig))
    with pytest.raises(MailboxRefused, match="535"):
        list(transport.send([letter(1, "c1@customer.test", LONG[0])], always))


def test_nobody_is_let_in_whom_the_authorities_do_not_know(transports, mail_rig, monkeypatch):
    monkeypatch.delenv("SSL_CERT_FILE")
    [attempt] = transports.of(1, submission(mail_rig)).send([letter(1, "c1@customer.test", LONG[0])], always)
    assert attempt.result is AttemptResult.DEFERRED


def test_an_unknown_recipient_is_refused_at_once(transports, mail_rig):
    transport = transports.of(1, submission(mail_rig))
    [attempt] = transport.send([letter(1, "nobody@customer.test", LONG[0])], always)
    assert (attempt.result, attempt.code, attempt.status) == (AttemptResult.REJECTED, 550, "5.1.1")


#: What the next server says, and the status that the report which comes back must have.
REFUSALS = {
    "rcpt-550-5.1.1": "5.1.1",
    "data-554-5.7.1": "5.7.1",
    "eod-552-5.2.2": "5.2.2",
    # These come back when the server gives up.
    "rcpt-450-4.2.1": "4.2.1",
    "data-451-4.7.1": "4.7.1",
    "eod-451-4.3.0": "4.3.0",
    "mid421": "4.3.2",
    "middrop": "4.4.2",
}


@pytest.fixture(scope="module")
def refused(mail_rig, tmp_path_factory):
    """Mails that the server takes and cannot deliver, by directive: all handed over at once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(mail_rig.ca_file))
        patch.setenv("RIG_PASSWORD", mail_rig.password)
        transports = Transports(Settings(home=tmp_path_factory.mktemp("home")))
        mails = {
            directive: letter(
                number, f"{directive}@fault.test", message_id("sender.test", f"{directive}.{'y' * 20}"), tuple(LONG)
            )
            for number, directive in enumerate(REFUSALS)
        }
        mails["refused"] = letter(99, "kim@refused.test", message_id("sender.test", "refused"), tuple(LONG))
        attempts = list(transports.of(1, submission(mail_rig)).send(list(mails.values()), always))
        transports.close()
    assert [attempt.result for attempt in attempts] == [AttemptResult.ACCEPTED] * len(mails)
    return mails


@pytest.mark.parametrize(("directive", "status"), [*REFUSALS.items(), ("refused", "4.4.1")])
def test_a_mail_that_comes_back_still_says_which_it_was(mail_rig, refused, directive, status):
    mail = refused[directive]
    own_id = email.message_from_bytes(mail.message)["Message-ID"]
    [report] = mail_rig.wait_for(SENDER, containing=f"Original-Recipient: rfc822;{mail.to_address}".encode())
    parsed = email.message_from_bytes(report, policy=email.policy.default)
    assert parsed.get_content_type() == "multipart/report"
    _, delivery, original = parsed.iter_parts()
    [_, recipient] = delivery.get_payload()
    assert recipient["Final-Recipient"].rpartition(";")[2].strip() == mail.to_address
    assert (recipient["Action"], recipient["Status"]) == ("failed", status)
    returned = original.get_content()
    assert isinstance(returned, email.message.EmailMessage)
    assert returned["Message-ID"] == own_id
    assert returned["In-Reply-To"] == LONG[-1]
    assert returned["References"].split() == LONG
    assert returned["Subject"] == "Re: Grüße"


def test_a_greylisted_mail_arrives_after_all(transports, mail_rig):
    mails = [
        letter(1, "grey-2+kim@fault.test", message_id("sender.test", "grey")),
        letter(2, "first2-eod-451-4.3.0+kim@fault.test", message_id("sender.test", "first2")),
    ]
    list(transports.of(1, submission(mail_rig)).send(mails, always))
    until = time.monotonic() + 20
    while not {mail.to_address for mail in mails} <= {to for to, _ in mail_rig.fault.accepted}:
        assert time.monotonic() < until, mail_rig.log()
        time.sleep(0.05)


def is_running(pid: int) -> bool:
    try:
        return (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_the_servers_end_with_whoever_started_them(mail_rig):
    script = (
        "import os, sys, time; from mail_rig import MailRig; rig = MailRig().__enter__()\n"
        "print(rig.folder, *(child.pid for child in rig._children.values()), flush=True); time.sleep(60)"
    )
    starter = subprocess.Popen(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1] / "rig")},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert starter.stdout
    folder, *keepers = starter.stdout.readline().split()
    starter.send_signal(signal.SIGKILL)
    starter.wait()
    until = time.monotonic() + 15
    while any(is_running(int(pid)) for pid in keepers):
        assert time.monotonic() < until
        time.sleep(0.05)
    subprocess.run(["rm", "-r", folder], check=True)
