"""The envelope of the next mail travels with the body of the one before, and no outcome gets lost by that."""

from __future__ import annotations

import socket
import threading

import pytest
from fault_server import FaultServer

from cadenza.domain.delivery import AttemptResult
from cadenza.mail.transports import Outgoing, Transports
from cadenza.settings import Settings

ACCEPTED, REJECTED, SILENCE = AttemptResult.ACCEPTED, AttemptResult.REJECTED, AttemptResult.SILENCE
ENVELOPE = b"MAIL FROM:<ana@northwind.example>\r\n"


def mails(*local_parts: str) -> list[Outgoing]:
    return [
        Outgoing(
            number, "ana@northwind.example", f"{local}@customer.example", f"Subject: {number}\r\n\r\nx\r\n".encode()
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


def to(transports, server):
    return transports.of(1, {"kind": "smtp", "host": "127.0.0.1", "port": server.port, "security": "none"})


class TerseServer(threading.Thread):
    """Takes one mail a connection, answers only when the next envelope came behind it, and hangs up at once."""

    def __init__(self, mails: int) -> None:
        super().__init__(daemon=True)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.mails = mails

    def run(self) -> None:
        for number in range(1, self.mails + 1):
            connection, _ = self.listener.accept()
            connection.settimeout(5)

            def read_until(end: bytes, connection: socket.socket = connection) -> None:
                read = b""
                while not read.endswith(end):
                    # One by one: what is not read when it hangs up makes the system reset the connection.
                    read += connection.recv(1)

            connection.sendall(b"220 ready\r\n")
            read_until(b"\r\n")
            connection.sendall(b"250-terse\r\n250 PIPELINING\r\n")
            read_until(b"DATA\r\n")
            connection.sendall(b"250 ok\r\n250 ok\r\n354 go on\r\n")
            read_until(b"\r\n.\r\n" if number == self.mails else b"\r\n.\r\n" + ENVELOPE)
            connection.sendall(b"250 2.0.0 tak\0en\r\n")
            connection.close()


def test_the_next_envelope_travels_with_the_body_and_the_answer_survives_a_server_that_hangs_up(transports):
    server = TerseServer(mails=3)
    server.start()
    attempts = list(to(transports, server).send(mails("a", "b", "c"), always))
    # Without the zero byte, which no text in PostgreSQL may have.
    assert [(attempt.result, attempt.text) for attempt in attempts] == [(ACCEPTED, "2.0.0 taken")] * 3


@pytest.mark.parametrize("pipelining", [True, False])
def test_each_mail_has_its_own_outcome_whatever_becomes_of_the_one_before(transports, pipelining):
    names = ("a", "rcpt-550-5.1.1", "b", "jörg", "eod-554-5.7.1", "c", "acceptdrop", "d", "garbage", "rcptdrop", "e")
    with FaultServer(pipelining=pipelining) as server:
        attempts = list(to(transports, server).send(mails(*names), always))
    results = {
        name: attempt.result
        for name, attempt in zip(names, attempts, strict=True)
        if attempt.result is not ACCEPTED
    }  # fmt: skip
    assert results == {
        "rcpt-550-5.1.1": REJECTED, "eod-554-5.7.1": REJECTED, "acceptdrop": SILENCE, "garbage": SILENCE,
        "rcptdrop": REJECTED,
    }  # fmt: skip
    taken = [recipient.partition("@")[0] for recipient, _ in server.accepted]
    assert taken == [name for name in names if results.get(name) is not REJECTED]


def test_who_stops_sending_leaves_no_open_envelope_for_the_next(transports):
    with FaultServer() as server:
        transport = to(transports, server)
        sending = transport.send(mails("a", "b"), always)
        next(sending)
        sending.close()
        assert [attempt.result for attempt in transport.send(mails("c"), always)] == [ACCEPTED]
    assert [recipient[0] for recipient, _ in server.accepted] == ["a", "c"]
    assert server.accepted[1][1] == mails("c")[0].message
