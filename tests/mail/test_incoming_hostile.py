"""No mail whatever, however broken, large or mean, stops the reading of a mailbox."""

from __future__ import annotations

import importlib
import itertools
import logging
import pkgutil
import re
import time
from base64 import encodebytes
from datetime import timedelta
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mail_samples import ANA, non_report_samples
from report_samples import report_samples

import cadenza.mail.incoming
from cadenza.domain.incoming import IncomingKind
from cadenza.mail.incoming import classify, judge
from cadenza.mail.incoming.opening import open_mail

SEEDS = [sample.raw for sample in report_samples()] + [sample.raw for sample in non_report_samples(copies=1)]
TOKENS = [
    b"\n", b"\r", b"\r\n\r\n", b"\0", b"--x", b"\n--x\n", b"\n--=_b1--", b"=?utf-8?b?", b"?=", b"<", b">", b"<<>>",
    b"@", b'"', b";", b":", b"\xff\xfe", b"\xed\xa0\x80", b"=", b"=0", b"&#9999999999999999999;", b"<style>", b"<!--",
    b"5.1.1", b"550 ", b"Content-Type: multipart/mixed; boundary=x\n", b"Content-Type: message/rfc822\n\n",
    b"charset=zlib", b"charset=unicode_escape", b"Content-Transfer-Encoding: base64\n", b"METHOD:REPLY\n",
    b"Date: Mon, 99 Xxx 99999 99:99:99 +9999\n", b" until 30 february ", b"31/02/2026 until 99. 99.", b"(" * 50,
    b"Content-Type: text/plain; name*1*=a; name*99999999999999999999*=b\n", b"\xe2\x80\xae", b"\t",
    b"Final-Recipient: rfc822;\nAction:\nStatus: 9.9.9\n",
]  # fmt: skip


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A mail that something happened to, several times."""
    raw = draw(st.sampled_from(SEEDS))
    for _ in range(draw(st.integers(1, 6))):
        start = draw(st.integers(0, len(raw)))
        end = min(len(raw), start + draw(st.integers(0, 200)))
        how = draw(st.integers(0, 4))
        if how == 0:
            raw = raw[:start] + draw(st.sampled_from(TOKENS)) + raw[start:]
        elif how == 1:
            raw = raw[:start] + draw(st.binary(max_size=20)) + raw[end:]
        elif how == 2:
            raw = raw[:start] + raw[start:end] * draw(st.integers(2, 40)) + raw[end:]
        elif how == 3:
            raw = raw[:start]
        else:
            other = draw(st.sampled_from(SEEDS))
            raw = raw[:start] + other[draw(st.integers(0, len(other))) :]
    return raw


# The net of ``classify`` is not asked: what it would catch is a mistake.
@settings(max_examples=1500, deadline=timedelta(seconds=5), suppress_health_check=[HealthCheck.too_slow])
@given(mutated())
def test_broken_mails_are_read_as_well_as_they_can(raw):
    incoming = judge(open_mail(raw), raw, [ANA], None)
    assert incoming.kind in IncomingKind
    assert len(incoming.subject) <= 500
    assert all(len(recipient.reason) <= 300 for recipient in incoming.recipients)


@settings(max_examples=300, deadline=timedelta(seconds=5))
@given(st.binary(max_size=3000))
def test_any_bytes_are_a_mail(raw):
    assert judge(open_mail(raw), raw, [], None).kind in IncomingKind


HEAD = b"From: kim@customer.example\nSubject: Re: x\nIn-Reply-To: <1@x>\n"
DAEMON = b"From: MAILER-DAEMON@x.example\nSubject: Undelivered Mail\n"
HTML = HEAD + b"Content-Type: text/html\n\n"
HOSTILE = {
    "nested parts": b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (i, i) for i in range(15_000)),
    "nested mails": b"Content-Type: message/rfc822\n\n" * 20_000,
    "many parts": HEAD + b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\nhi\n" * 50_000,
    "many headers": b"".join(b"X-%d: hello\n" % i for i in range(100_000)) + b"\nhi",
    "a long subject": b"Subject: " + b"=?utf-8?b?4pyT?= " * 60_000 + b"\n\nhi",
    "many recipients": HEAD + b"To: " + b", ".join(b'"K" <k%d@x.example>' % i for i in range(30_000)) + b"\n\nhi",
    "a long content type": b"Content-Type: text/plain; " + b'a="b;' * 100_000 + b"\n\nhi",
    "a counted parameter": b"Content-Type: text/plain; name*" + b"1" * 5_000 + b"*=x\n\nhi",
    "open styles": HTML + b'<div class="a"><style>' * 30_000,
    "open tags": HTML + b"<" * 600_000,
    "open comments": HTML + b"<!--" * 150_000,
    "entities": HTML + b"&amp;" * 100_000,
    "a long entity": HTML + b"&#" + b"1" * 100_000 + b";",
    "ats": HEAD + b"\n" + b"a@" * 300_000,
    "references": HEAD + b"References: " + b"<" * 400_000 + b"\n\nhi",
    "dates": HEAD.replace(b"Re: x", b"Out of office") + b"\n" + b"until 14 august from 3 to " * 20_000,
    "quotes": HEAD + b"\n" + b"On 3 xx wrote x\n> hi\n" * 60_000,
    "a calendar": HEAD + b"Content-Type: text/calendar\n\nMETHOD:REPLY\nATTENDEE" + b";X=Y" * 100_000,
    "addresses": DAEMON + b"\nfailed\n" + b"".join(b"<k%d@x.example>: 550 unknown\n" % i for i in range(20_000)),
    "empty lines": DAEMON + b"\nyour mail could not be delivered\n" + b"> \n" * 200_000,
    "ids": DAEMON + b"\nyour mail could not be delivered\n" + b"message-id: <" * 50_000,
    "marks": DAEMON + b"\nfailed: a@b.example\n" + (b"*" * 150 + b"a@b.example" + b"." * 300 + b"<\n") * 300,
    "codes": DAEMON + b"\n<kim@x.example>:\n" + b"550 " * 120_000,
    "words": DAEMON + b"\n" + b"mailbox user address message delivery not the of " * 12_000,
    "fields": DAEMON
    + b"Content-Type: message/delivery-status\n\n"
    + b"".join(b"Final-Recipient: rfc822;k%d@x.example\nAction: failed\n\n" % i for i in range(20_000)),
    "NUL": b"\0" * 600_000,
    "line breaks": b"\r\n" * 300_000,
    "letters of many": HEAD + b"Content-Type: text/plain; charset=utf-8\n\n" + "ﬃ㈱ﷺ ".encode() * 60_000,
    "UTF-7": HEAD + b"Content-Type: text/plain; charset=utf-7\n\n" + b"+AGE-" * 100_000,
    "noise": Random(1).randbytes(600_000),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_mean_mails_do_not_stop_the_reading(name, caplog):
    started = time.process_time()
    with caplog.at_level(logging.ERROR):
        assert classify(HOSTILE[name], [ANA]).kind in IncomingKind
    assert not caplog.records
    # Far above what it takes (python -m benchmarks classify), far below a hang.
    assert time.process_time() - started < 5


def test_no_pattern_tries_again_and_again():
    patterns = {
        pattern
        for module in pkgutil.iter_modules(cadenza.mail.incoming.__path__)
        if module.name != "__main__"
        for pattern in vars(importlib.import_module(f"cadenza.mail.incoming.{module.name}")).values()
        if isinstance(pattern, re.Pattern) and isinstance(pattern.pattern, str)
    }
    assert len(patterns) > 30
    for pattern in patterns:
        for pieces in itertools.product(' a1@.-<"\n:*(', repeat=3):
            text = "".join(piece * 60 for piece in pieces) + "<"
            started = time.process_time()
            pattern.search(text)
            pattern.fullmatch(text)
            assert time.process_time() - started < 0.5, (pattern.pattern, pieces)


def test_of_a_huge_mail_the_beginning_is_read():
    words = b"Content-Type: text/plain\n\nPlease remove me from your list.\n"
    attachment = b"Content-Type: application/pdf\nContent-Transfer-Encoding: base64\n\n"
    attachment += encodebytes(Random(1).randbytes(36_000_000))
    raw = HEAD + b"Content-Type: multipart/mixed; boundary=x\n\n--x\n" + words + b"--x\n" + attachment + b"--x--\n"
    assert len(raw) > 48_000_000
    started = time.process_time()
    assert classify(raw, [ANA]).kind is IncomingKind.OPT_OUT
    assert time.process_time() - started < 1


def test_what_cannot_be_read_after_all_is_logged_and_left_alone(monkeypatch, caplog):
    def stumble(*_):
        raise RecursionError

    monkeypatch.setattr("cadenza.mail.incoming.judge", stumble)
    assert classify(b"Subject: hi\n\nhi").kind is IncomingKind.OTHER
    assert "could not be read" in caplog.text


@pytest.mark.parametrize(
    ("raw", "subject"),
    [
        pytest.param(b"Subject: =?x-unknown?q?hi=21?=\n\nhi", "hi!", id="an unknown charset"),
        pytest.param(b"Subject: =?utf-8?b?aGk?=\n\nhi", "hi", id="no padding"),
        pytest.param("Subject: Grüße\n\nhi".encode("latin-1"), "Grüße", id="bytes without a charset"),
        pytest.param("Subject: Grüße\n\nhi".encode(), "Grüße", id="UTF-8 without saying so"),
        pytest.param(b"From x@y Mon Aug 3\r\nSubject: a\r\n b\r\n\r\nhi", "a b", id="an mbox line and a folded header"),
        pytest.param(b"\xef\xbb\xbf\r\n\r\nSubject: a\r\n\r\nhi", "a", id="a mark and empty lines first"),
        pytest.param(b"Subject: a\rFrom: b@c\r\rhi", "a", id="carriage returns alone"),
    ],
)
def test_broken_headers_are_read(raw, subject):
    assert classify(raw).subject == subject
