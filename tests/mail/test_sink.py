"""The embedded sink takes mails, files them, and remembers their Message-IDs."""

from __future__ import annotations

import os
import smtplib
import socket
import subprocess
import sys
import time

import pytest

from cadenza.errors import PortInUse
from cadenza.mail.sink import Sink, has_taken

MAIL = b"Message-ID: <1@northwind.example>\r\nSubject: x\r\n\r\n.a\r\nb\r\n"


def deliver(port, *mails):
    with smtplib.SMTP("127.0.0.1", port) as server:
        for mail in mails:
            server.sendmail("ana@northwind.example", ["kim@customer.example"], mail)


def test_it_files_each_mail_once_under_its_message_id(tmp_path):
    with Sink(tmp_path) as sink:
        deliver(sink.port, MAIL, MAIL.replace(b"<1@", b"<2@"))
        first, second = sink.messages()
    assert first.read_bytes() == b"Delivered-To: kim@customer.example\r\n" + MAIL
    assert has_taken(tmp_path, "<1@northwind.example>")
    assert has_taken(tmp_path, "<2@northwind.example>")
    assert not has_taken(tmp_path, "<3@northwind.example>")
    assert second.stat().st_nlink == 2


def test_a_mail_that_comes_twice_is_there_twice(tmp_path):
    with Sink(tmp_path) as sink:
        deliver(sink.port, MAIL, MAIL)
        assert len(sink.messages()) == 2


def test_a_mail_without_a_message_id_is_taken_too(tmp_path):
    with Sink(tmp_path) as sink:
        deliver(sink.port, b"Subject: x\r\n\r\nMessage\r\n")
        assert len(sink.messages()) == 1


def test_after_a_kill_it_keeps_what_it_said_it_took_and_drops_the_rest(tmp_path):
    with Sink(tmp_path) as sink:
        deliver(sink.port, MAIL)
        [path] = sink.messages()
    # As if killed between indexing and filing one mail, and while writing another.
    path.rename(tmp_path / "Maildir" / "tmp" / path.name)
    (tmp_path / "Maildir" / "tmp" / "half").write_bytes(b"Message-ID")
    with Sink(tmp_path) as sink:
        assert [found.name for found in sink.messages()] == [path.name]
    assert not list((tmp_path / "Maildir" / "tmp").iterdir())


def test_a_full_disk_defers(tmp_path):
    with Sink(tmp_path) as sink:
        os.rmdir(tmp_path / "Maildir" / "tmp")
        with pytest.raises(smtplib.SMTPDataError) as caught:
            deliver(sink.port, MAIL)
    assert caught.value.smtp_code == 452
    assert not has_taken(tmp_path, "<1@northwind.example>")


def test_it_takes_many_mails_that_are_sent_in_one_breath(tmp_path):
    with Sink(tmp_path) as sink, socket.create_connection(("127.0.0.1", sink.port)) as raw:
        commands = b"MAIL FROM:<a@x.example>\r\nRCPT TO:<b@x.example>\r\nDATA\r\n"
        raw.sendall(b"EHLO x\r\n" + (commands + MAIL + b".\r\n") * 20 + b"QUIT\r\n")
        answer = b""
        while chunk := raw.recv(65_536):
            answer += chunk
        assert b"250-PIPELINING\r\n" in answer
        assert answer.count(b"queued as") == 20
        assert len(sink.messages()) == 20


def test_it_runs_alone_and_ends_when_told(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "cadenza.mail.sink", "--port", str(port), "--folder", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        assert str(port) in running.stdout.readline()
        deliver(port, MAIL)
        second = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
        running.terminate()
        assert running.wait(10) == 0
    assert second.returncode == 1
    assert "taken by another program" in second.stderr
    assert has_taken(tmp_path, "<1@northwind.example>")


def test_a_taken_port_is_named(tmp_path):
    with Sink(tmp_path / "a") as sink, pytest.raises(PortInUse, match=str(sink.port)):
        Sink(tmp_path / "b", sink.port).__enter__()


def test_it_takes_a_thousand_mails_in_seconds(tmp_path):
    with Sink(tmp_path) as sink:
        started = time.monotonic()
        deliver(sink.port, *[MAIL] * 500)
        assert len(sink.messages()) == 500
    assert time.monotonic() - started < 20
