"""Every message gets exactly one outcome, whatever the server does."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
import threading
import time
from dataclasses import replace

import pytest
from fault_server import FaultServer

from cadenza.domain.delivery import AttemptResult
from cadenza.errors import MailboxRefused, SecretMissing, SettingsInvalid
from cadenza.mail.sink import Sink
from cadenza.mail.transports import Outgoing, Transports
from cadenza.settings import Settings

ACCEPTED, DEFERRED, REJECTED, SILENCE, LOST = (
    AttemptResult.ACCEPTED,
    AttemptResult.DEFERRED,
    AttemptResult.REJECTED,
    AttemptResult.SILENCE,
    AttemptResult.LOST,
)


def mails(*local_parts: str, deadline: float | None = None) -> list[Outgoing]:
    return [
        Outgoing(
            number,
            "ana@northwind.example",
            f"{local}@customer.example",
            f"Message-ID: <{number}@northwind.example>\r\nSubject: x\r\n\r\n.dots\r\n..\r\nend\r\n".encode(),
            deadline,
        )
        for number, local in enumerate(local_parts, start=1)
    ]


def always(_: Outgoing) -> bool:
    return True


@pytest.fixture
def transports(tmp_path):
    opened = Transports(Settings(home=tmp_path, dot_timeout_seconds=1))
    yield opened
    opened.close()


def to(transports, server, **more):
    settings = {"kind": "smtp", "host": "127.0.0.1", "port": server.port, "security": "none", **more}
    return transports.of(1, settings)


@pytest.mark.parametrize("pipelining", [True, False])
@pytest.mark.parametrize(
    ("local", "result", "code", "status"),
    [
        ("kim", ACCEPTED, 250, "2.0.0"),
        ("rcpt-550-5.1.1", REJECTED, 550, "5.1.1"),
        ("rcpt-450-4.2.1", DEFERRED, 450, "4.2.1"),
        ("rcptdrop", REJECTED, 550, "5.1.1"),
        ("data-451-4.7.1", DEFERRED, 451, "4.7.1"),
        ("data-554-5.7.1", REJECTED, 554, "5.7.1"),
        ("data-250-2.0.0", DEFERRED, 0, None),
        ("eod-554-5.7.1", REJECTED, 554, "5.7.1"),
        ("eod-451-4.3.0", DEFERRED, 451, "4.3.0"),
        ("grey-1", DEFERRED, 450, "4.2.0"),
        ("acceptdrop", SILENCE, None, None),
        ("garbage", SILENCE, None, None),
        ("slow-0.2", ACCEPTED, 250, "2.0.0"),
    ],
)
def test_each_answer_has_its_outcome_and_the_next_mail_still_goes(transports, pipelining, local, result, code, status):
    with FaultServer(pipelining=pipelining) as server:
        first, second = to(transports, server).send(mails(local, "lee"), always)
    assert (first.delivery_id, first.result, first.code, first.status) == (1, result, code, status)
    assert (second.delivery_id, second.result, second.provider_id) == (2, ACCEPTED, f"F{len(server.accepted):08X}")


@pytest.mark.parametrize("local", ["mid421", "middrop"])
def test_a_server_that_breaks_off_inside_the_message_never_counts_as_sent(transports, local):
    with FaultServer() as server:
        [attempt] = to(transports, server).send(mails(local), always)
    assert attempt.result in (DEFERRED, SILENCE)
    assert server.accepted == []


def test_the_message_arrives_byte_for_byte(transports):
    with FaultServer() as server:
        list(to(transports, server).send(mails("kim"), always))
    assert server.accepted == [("kim@customer.example", mails("kim")[0].message)]


def test_many_mails_share_one_connection_also_between_two_sends(transports):
    with FaultServer() as server:
        transport = to(transports, server)
        results = [attempt.result for attempt in transport.send(mails(*["kim"] * 20), always)]
        results += [attempt.result for attempt in transport.send(mails(*["kim"] * 20), always)]
    assert results == [ACCEPTED] * 40
    assert server.connections == 1


def test_an_answer_that_does_not_come_is_silence(transports):
    with FaultServer() as server:
        [attempt] = to(transports, server).send(mails("accepthang-3"), always)
    assert attempt.result is SILENCE
    assert len(server.accepted) == 1


def test_before_body_is_asked_after_the_354_and_before_a_byte_of_the_message(transports):
    with FaultServer() as server:
        seen = []

        def before_body(mail: Outgoing) -> bool:
            seen.append((mail.delivery_id, server.commands[-1], len(server.accepted)))
            return True

        list(to(transports, server).send(mails("rcpt-550-5.1.1", "kim"), before_body))
    assert seen == [(2, "DATA", 0)]


def test_a_mail_that_may_not_go_is_lost_and_the_others_go(transports):
    with FaultServer() as server:
        attempts = to(transports, server).send(mails("a", "b", "c"), lambda mail: mail.delivery_id != 2)
        assert [attempt.result for attempt in attempts] == [ACCEPTED, LOST, ACCEPTED]
    assert [recipient[0] for recipient, _ in server.accepted] == ["a", "c"]


def test_after_its_deadline_no_mail_goes(transports):
    with FaultServer() as server:
        [attempt] = to(transports, server).send(mails("kim", deadline=time.monotonic() - 1), always)
    assert attempt.result is AttemptResult.NOT_TRIED
    assert server.accepted == []


def test_a_mail_whose_envelope_went_ahead_is_dropped_when_its_turn_comes_too_late(transports):
    def before_body(mail):
        time.sleep(0.2)
        return True

    first, second, third = mails("a", "b", "c")
    with FaultServer() as server:
        second = replace(second, deadline=time.monotonic() + 0.1)
        attempts = to(transports, server).send([first, second, third], before_body)
        assert [attempt.result for attempt in attempts] == [ACCEPTED, AttemptResult.NOT_TRIED, ACCEPTED]
    assert [recipient[0] for recipient, _ in server.accepted] == ["a", "c"]


def test_an_error_of_ours_at_the_354_leaves_no_half_message_for_the_next(transports):
    def fail(_: Outgoing) -> bool:
        raise RuntimeError("the database is gone")

    with FaultServer() as server:
        transport = to(transports, server)
        with pytest.raises(RuntimeError):
            list(transport.send(mails("a"), fail))
        assert [attempt.result for attempt in transport.send(mails("b"), always)] == [ACCEPTED]
    assert server.accepted == [("b@customer.example", mails("b")[0].message)]


@pytest.mark.parametrize("pipelining", [True, False])
@pytest.mark.parametrize(
    ("local", "copy", "result", "copy_asked", "taken"),
    [
        ("kim", "ana", ACCEPTED, "ana", ["kim", "ana"]),
        ("kim", "rcpt-550-5.1.1", ACCEPTED, None, ["kim"]),
        ("kim", "grey-1", ACCEPTED, None, ["kim"]),
        ("kim", "a>b", ACCEPTED, None, ["kim"]),
        ("kim", "jörg", ACCEPTED, None, ["kim"]),
        ("rcpt-550-5.1.1", "ana", REJECTED, "never", []),
        ("grey-1", "ana", DEFERRED, "never", []),
        ("rcptdrop", "ana", REJECTED, "never", []),
        ("data-451-4.7.1", "ana", DEFERRED, "never", []),
        ("acceptdrop", "ana", SILENCE, "ana", ["acceptdrop", "ana"]),
    ],
)
def test_a_copy_never_goes_alone_and_never_holds_the_mail_back(
    transports, pipelining, local, copy, result, copy_asked, taken
):
    asked = []

    def before_body(mail: Outgoing) -> bool:
        asked.append(mail.copy_to)
        return True

    with FaultServer(pipelining=pipelining) as server:
        first = replace(mails(local)[0], copy_to=f"{copy}@northwind.example")
        attempts = list(to(transports, server).send([first, mails("lee")[0]], before_body))
    assert [attempt.result for attempt in attempts] == [result, ACCEPTED]
    expected = [] if copy_asked == "never" else [copy_asked and f"{copy_asked}@northwind.example"]
    assert asked[:-1] == expected
    assert [recipient.partition("@")[0] for recipient, _ in server.accepted] == [*taken, "lee"]


@pytest.mark.parametrize("password", ["pässword", "pass word", "p'\"\\"])
def test_passwords_of_all_kinds_log_in(transports, monkeypatch, password):
    monkeypatch.setenv("ANA_PASSWORD", password)
    with FaultServer(account=("ana", password)) as server:
        assert to(transports, server, username="ana", password_env="ANA_PASSWORD").check() is None


@pytest.mark.parametrize("says_goodbye", [True, False])
def test_a_connection_that_went_away_between_two_mails_is_replaced_without_a_deferral(transports, says_goodbye):
    with FaultServer(mails_per_connection=1, says_goodbye=says_goodbye) as server:
        results = [attempt.result for attempt in to(transports, server).send(mails("a", "b", "c"), always)]
    assert results == [ACCEPTED] * 3
    assert server.connections == 3


def test_without_a_server_every_mail_is_deferred(transports):
    with FaultServer() as server:
        pass
    results = [attempt.result for attempt in to(transports, server).send(mails("a", "b"), always)]
    assert results == [DEFERRED] * 2


def test_a_server_that_is_too_busy_to_greet_defers(transports):
    with FaultServer(greeting=b"421 4.3.2 too many connections\r\n") as server:
        assert [attempt.result for attempt in to(transports, server).send(mails("a"), always)] == [DEFERRED]


def test_an_address_beyond_ascii_needs_a_server_that_takes_it(transports):
    with FaultServer() as server:
        [attempt] = to(transports, server).send(mails("jörg"), always)
        assert attempt.result is ACCEPTED
        assert "MAIL FROM:<ana@northwind.example> SMTPUTF8" in server.commands
    with FaultServer(smtputf8=False) as server:
        [attempt] = to(transports, server).send(mails("jörg"), always)
    assert (attempt.result, attempt.status) == (REJECTED, "5.6.7")


@pytest.mark.parametrize("address", ["a@x.example>\r\nRCPT TO:<b@x.example", "a b@x.example", "a@x.example\n"])
def test_an_address_cannot_smuggle_commands(transports, address):
    with FaultServer() as server:
        [attempt] = to(transports, server).send([replace(mails("a")[0], to_address=address)], always)
    assert (attempt.result, attempt.status) == (REJECTED, "5.1.3")
    assert not any("RCPT" in command for command in server.commands)


def test_several_threads_send_at_once_and_nothing_is_mixed_up(transports):
    with FaultServer() as server:
        transport = to(transports, server)
        results = []

        def send(name: str) -> None:
            results.extend(attempt.result for attempt in transport.send(mails(*[name] * 30), always))

        threads = [threading.Thread(target=send, args=(name,)) for name in ("a", "b", "c", "d")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert results == [ACCEPTED] * 120
    assert server.connections <= 4
    assert all(message == mails(*["x"] * 30)[number].message for _, message in server.accepted
               if (number := int(message.split(b"<")[1].split(b"@")[0]) - 1) >= 0)  # fmt: skip


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate for 127.0.0.1, signed by itself; its path."""
    x509 = pytest.importorskip("cryptography.x509")
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    path.write_bytes(
        signed.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return path


def server_tls(certificate) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_login_over_tls_with_the_password_from_the_environment(transports, certificate, monkeypatch, security):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    monkeypatch.setenv("ANA_PASSWORD", "s3cret")
    tls = server_tls(certificate)
    with FaultServer(tls=tls, is_tls_from_start=security == "tls", account=("ana", "s3cret")) as server:
        transport = to(transports, server, security=security, username="ana", password_env="ANA_PASSWORD")
        assert transport.check() is None
        assert [attempt.result for attempt in transport.send(mails("kim"), always)] == [ACCEPTED]
    if security == "starttls":
        assert server.commands.index("STARTTLS") < next(n for n, c in enumerate(server.commands) if "AUTH" in c)


def test_a_certificate_that_nobody_vouches_for_is_not_trusted(transports, certificate):
    with FaultServer(tls=server_tls(certificate)) as server:
        transport = to(transports, server, security="starttls")
        assert [attempt.result for attempt in transport.send(mails("kim"), always)] == [DEFERRED]
    assert server.accepted == []


def test_a_refused_login_disconnects_the_mailbox(transports, tmp_path):
    secret = tmp_path / "password"
    secret.write_text("wrong\n")
    with FaultServer(account=("ana", "right")) as server:
        transport = to(transports, server, username="ana", password_file=str(secret))
        with pytest.raises(MailboxRefused, match="535"):
            list(transport.send(mails("kim"), always))
        problem = transport.check()
    assert problem is not None
    assert "wrong" not in problem


def test_a_login_server_that_is_down_is_no_reason_to_disconnect(transports, tmp_path):
    secret = tmp_path / "password"
    secret.write_text("right")
    with FaultServer(account=("ana", "x"), auth_reply=b"454 4.7.0 Temporary authentication failure\r\n") as server:
        transport = to(transports, server, username="ana", password_file=str(secret))
        assert [attempt.result for attempt in transport.send(mails("kim"), always)] == [DEFERRED]


def test_a_server_without_starttls_gets_no_mail(transports):
    with FaultServer() as server:
        transport = to(transports, server, security="starttls")
        with pytest.raises(MailboxRefused, match="security"):
            list(transport.send(mails("kim"), always))
    assert server.accepted == []


@pytest.mark.parametrize(
    ("transport", "words"),
    [
        ({"kind": "pigeon"}, "kind"),
        ({"kind": "smtp"}, "host"),
        ({"kind": "smtp", "host": "x", "password": "s3cret"}, "password"),
        ({"kind": "smtp", "host": "x", "port": 0}, "port"),
        ({"kind": "smtp", "host": "x", "security": "none", "username": "a"}, "in the open"),
        ({"kind": "smtp", "host": "x", "username": "a"}, "password_secret"),
        ({"kind": "smtp", "host": "x", "username": "a", "password_env": "A", "password_file": "b"}, "enough"),
        ({"kind": "smtp", "host": "x", "username": "a", "oauth": {"kind": "google"}}, "password_secret"),
        ({"kind": "smtp", "host": "x", "username": "a\r\nQUIT", "password_env": "A"}, "username"),
        ({"kind": "smtp", "host": "x", "witness": "god"}, "witness"),
    ],
)
def test_a_transport_that_is_not_right_is_named_without_its_secret(transports, transport, words):
    with pytest.raises(SettingsInvalid, match=words) as caught:
        transports.of(7, transport)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    "where",
    [
        {"password_env": "NOT_SET_AT_ALL"},
        {"password_file": "/nowhere"},
        {"password_secret": "a"},
        {"password_block": "b"},
    ],
)
def test_a_password_that_is_not_there_is_missed_before_a_mail_goes(transports, where):
    with FaultServer(account=("ana", "s3cret")) as server:
        transport = to(transports, server, username="ana", **where)
        [name] = where.values()
        with pytest.raises(SecretMissing, match=name):
            list(transport.send(mails("kim"), always))
        assert name in transport.check()
    assert server.accepted == []


def test_plain_smtp_has_no_witness(transports):
    with FaultServer() as server:
        assert to(transports, server).accepted(["<1@northwind.example>"]) is None


def test_the_sink_is_its_own_witness(tmp_path):
    with Sink(tmp_path / "sink") as sink:
        transports = Transports(Settings(home=tmp_path, sink_port=sink.port))
        transport = transports.of(1, {"kind": "sink"})
        assert [attempt.result for attempt in transport.send(mails("kim", "jörg"), always)] == [ACCEPTED] * 2
        asked = ["<1@northwind.example>", "<2@northwind.example>", "<3@northwind.example>"]
        assert transport.accepted(asked) == set(asked[:2])
        transports.close()
    [first, _] = sink.messages()
    assert first.read_bytes() == b"Delivered-To: kim@customer.example\r\n" + mails("kim")[0].message
