"""What a spam filter thinks of the mails that Cadenza ships."""

from __future__ import annotations

import datetime
import email
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from cadenza.domain.claim import DueStep, Reservation
from cadenza.domain.sequence import Sequence, StepKind
from cadenza.mail.letters import Writer
from cadenza.mail.message import SenderIdentity
from cadenza.mail.sequence_file import read_sequences

SEQUENCES = Path(__file__).parents[2] / "examples" / "sequences"
#: SpamAssassin calls spam what reaches 5.
MOST = 1.0
#: What every filter knows for a test (GTUBE).
SPAM = b"XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"

SENDER = SenderIdentity(
    "ana.north@northwind-freight.com",
    "Ana North",
    "Northwind Freight GmbH, Kaistrasse 1, 20457 Hamburg, Germany",
    {
        "name": "Ana North",
        "first_name": "Ana",
        "last_name": "North",
        "email": "ana.north@northwind-freight.com",
        "title": "Loading planner",
        "phone": "+49 40 123456",
        "calendar": "https://northwind-freight.com/ana",
    },
)
CONTACT = {
    "email": "kim.lindqvist@lindqvist-trading.se",
    "first_name": "Kim",
    "last_name": "Lindqvist",
    "company": "Lindqvist Trading AB",
    "job_title": "Head of Logistics",
    "phone": "+46 8 123 456",
}


def what_is_asked_for(sequence: Sequence) -> dict[str, str]:
    """A contact of whom we know what the sequence needs, and not a word more."""
    return {
        name: value
        for name, value in CONTACT.items()
        if name == "email" or f"contact.{name}" in sequence.required_tokens
    }


def mails_of(sequence: Sequence, contact: dict[str, str], key: bytes) -> list[tuple[int, bytes]]:
    """Every mail of a sequence to one contact, each answering those before as a real one does."""
    writer = Writer({1: sequence}, {1: SENDER}, key, "https://sequences.northwind-freight.com")
    now = datetime.datetime.now(datetime.UTC)
    sent: list[Reservation] = []
    for position, step in enumerate(sequence.steps, start=1):
        if step.kind is not StepKind.EMAIL:
            continue
        due = DueStep(
            17, 23, 1, 1, 1, contact["email"], position, 0, "Europe/Stockholm", "SE", None, contact, {},
            {"name": contact["company"]} if "company" in contact else {}, {}, {}, None, None,
            [mail.position for mail in sent], [mail.message_id for mail in sent], [mail.subject for mail in sent],
        )  # fmt: skip
        mail = writer.write_mail(due, now)
        assert isinstance(mail, Reservation), f"{sequence.name} {position}: {mail}"
        sent.append(mail)
    return [(mail.position, _as_it_arrives(mail, now)) for mail in sent]


def _as_it_arrives(mail: Reservation, now: datetime.datetime) -> bytes:
    """With what the contact's server puts in front."""
    date = now.strftime("%a, %d %b %Y %H:%M:%S +0000")
    trace = (
        f"Return-Path: <{mail.from_address}>\n"
        "Received: from mail.northwind-freight.com (mail.northwind-freight.com [93.184.215.14])\n"
        f"\tby mx.lindqvist-trading.se (Postfix) with ESMTPS id 4XyZ0123;\n\t{date}\n"
    )
    return trace.encode() + mail.message.replace(b"\r\n", b"\n")


def scores(mails: list[bytes], home: Path) -> dict[str, tuple[float, str]]:
    """The score of each mail, by Message-ID, with the tests that made it: by rules that come with the filter alone."""
    box = b"".join(
        b"From x Thu Jan  1 00:00:00 1970\n" + re.sub(rb"(?m)^From ", b">From ", mail) + b"\n" for mail in mails
    )
    done = subprocess.run(
        ["spamassassin", "--local", "--cf=use_bayes 0", "--mbox"],
        input=box,
        capture_output=True,
        check=True,
        env={**os.environ, "HOME": str(home)},
    )
    answers = [email.message_from_bytes(part) for part in re.split(rb"(?m)^From x .*\n", done.stdout)[1:]]
    found = {}
    for answer in answers:
        status = re.sub(r"\s+", " ", answer["X-Spam-Status"])
        score = re.search(r"score=([-\d.]+)", status)
        assert score, status
        found[answer["Message-ID"]] = float(score[1]), status
    assert len(found) == len(mails)
    return found


@pytest.mark.skipif(not shutil.which("spamassassin"), reason="spamassassin is not installed (.ci/run says how)")
def test_no_shipped_mail_looks_like_spam(tmp_path):
    named = {
        f"{sequence.name}, step {position}, contact {who}": mail
        for sequence in read_sequences(SEQUENCES)
        for who, contact in (("known well", CONTACT), ("hardly known", what_is_asked_for(sequence)))
        for position, mail in mails_of(sequence, contact, f"key {sequence.name} {who}".encode())
    }
    spam = next(iter(named.values())).replace(b"\nMessage-ID: <", b"\nMessage-ID: <spam").replace(b"thank", SPAM)
    found = scores([*named.values(), spam], tmp_path)
    assert found[email.message_from_bytes(spam)["Message-ID"]][0] > 100, "the filter finds nothing at all"
    ours = {name: found[email.message_from_bytes(mail)["Message-ID"]] for name, mail in named.items()}
    report = "\n".join(f"{score:5.1f}  {name}: {status}" for name, (score, status) in ours.items())
    assert max(score for score, _ in ours.values()) <= MOST, report
