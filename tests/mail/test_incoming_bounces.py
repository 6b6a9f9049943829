"""Reports of mail servers: recognised, hard or soft, with their status, of whom, about which mail."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from flufl_samples import HALVES, NotFetched, Sample, flufl_samples
from mail_samples import ANA, non_report_samples
from report_samples import KIM, ORIGINAL_ID, report_samples

from cadenza.domain.incoming import BounceKind, Incoming, IncomingKind
from cadenza.mail.incoming import classify

MADE = report_samples()


@pytest.fixture(scope="session")
def real(pytestconfig: pytest.Config) -> list[Sample]:
    """The sample mails of flufl.bounce, fetched once."""
    try:
        return flufl_samples(Path(pytestconfig.cache.mkdir("flufl.bounce")))
    except NotFetched as error:
        pytest.skip(f"no real reports: {error}")


def first(incoming: Incoming) -> tuple[str | None, str | None]:
    """Hard or soft and the status of the first recipient."""
    if not incoming.recipients:
        return None, None
    return incoming.recipients[0].kind.value, incoming.recipients[0].status


def share(samples: list[Sample], is_right: Callable[[Incoming, Sample], bool]) -> float:
    return sum(is_right(classify(sample.raw), sample) for sample in samples) / len(samples)


@pytest.mark.parametrize("half", HALVES)
class TestRealReports:
    def test_are_recognised(self, real, half):
        reports = [sample for sample in real if sample.half == half and sample.kind == "bounce"]
        assert share(reports, lambda incoming, _: incoming.kind is IncomingKind.BOUNCE) >= 0.95

    def test_are_hard_or_soft_as_we_judged(self, real, half):
        judged = [sample for sample in real if sample.half == half and sample.hard_or_soft]
        assert share(judged, lambda incoming, sample: first(incoming)[0] == sample.hard_or_soft) >= 0.92

    def test_have_the_status_that_we_judged(self, real, half):
        judged = [sample for sample in real if sample.half == half and sample.status]
        assert share(judged, lambda incoming, sample: first(incoming)[1] == sample.status) >= 0.90

    def test_are_told_from_delays(self, real, half):
        reports = [sample for sample in real if sample.half == half and sample.kind == "bounce"]
        assert share(reports, lambda incoming, sample: incoming.is_delay == sample.is_delay) >= 0.95

    def test_what_is_no_report_is_none(self, real, half):
        others = [sample for sample in real if sample.half == half and sample.kind != "bounce"]
        assert [sample.name for sample in others if classify(sample.raw).kind != sample.kind] == []


@pytest.mark.parametrize("sample", MADE, ids=[sample.name for sample in MADE])
def test_the_ways_of_many_servers_and_languages_are_understood(sample):
    incoming = classify(sample.raw, [ANA])
    assert incoming.kind is IncomingKind.BOUNCE
    assert first(incoming) == (sample.hard_or_soft, sample.status)
    assert incoming.is_delay == sample.is_delay
    assert [recipient.address for recipient in incoming.recipients] == [KIM]
    assert (ORIGINAL_ID in incoming.originals) == sample.names_original
    assert 0 < len(incoming.recipients[0].reason) <= 300
    assert "\n" not in incoming.recipients[0].reason


def test_of_a_thousand_other_mails_none_is_called_a_report():
    samples = [sample for seed in (11, 12, 13) for sample in non_report_samples(seed)]
    assert len(samples) > 1000
    assert [sample.name for sample in samples if classify(sample.raw, [ANA]).kind is IncomingKind.BOUNCE] == []


def report(fields: str, words: str = "failed", returned: str = "", **more: str) -> bytes:
    """A report with these fields."""
    head = "".join(f"{name.replace('_', '-')}: {value}\n" for name, value in more.items())
    part = f"--x\nContent-Type: message/rfc822\n\n{returned}\n" if returned else ""
    return (
        f"From: MAILER-DAEMON@relay.example\nSubject: Undelivered Mail\n{head}"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="x"\n\n'
        f"--x\n\n{words}\n--x\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; x\n{fields}\n{part}--x--\n"
    ).encode()


def about(status: str, said: str = "", action: str = "failed", address: str = KIM) -> str:
    return f"\nFinal-Recipient: rfc822; {address}\nAction: {action}\nStatus: {status}\nDiagnostic-Code: smtp; {said}\n"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param(
            about("5.1.1", "550 spam"), ("soft", "5.1.1"), id="words of another meaning than a guessed status"
        ),
        pytest.param(about("5.0.0", "550 5.7.1 no such user"), ("hard", "5.7.1"), id="a status in the words"),
        pytest.param(about("5.0.0", "550 no such user"), ("hard", "5.1.1"), id="a status from the words"),
        pytest.param(about("5.5.0", "550 5.1.1 x"), ("hard", "5.1.1"), id="the status that says more"),
        pytest.param(about("4.1.1", "450 no such user"), ("soft", "4.1.1"), id="never for good: soft"),
        pytest.param(about("5.0.0", "552 full"), ("soft", "5.2.2"), id="from the reply code"),
        pytest.param(about("5.1.1", "550 internal error"), ("hard", "5.1.1"), id="vague words, an exact status"),
        pytest.param(about("5.7.1", "550 recipient rejected"), ("soft", "5.7.1"), id="vague words, a policy's status"),
        pytest.param(about("5.4.1", "550 recipient rejected"), ("hard", "5.4.1"), id="vague words, an odd status"),
        pytest.param(about("5.0.0", "brzl"), ("soft", "5.0.0"), id="it says nothing"),
        pytest.param(about("5.1.1", "x", "delayed"), ("soft", "4.1.1"), id="a delay is never hard"),
        pytest.param(about("550 5.2.1 disabled"), ("hard", "5.2.1"), id="a status with words"),
        pytest.param(about("5.1.1 (8.12.1)", "250 2.1.5 ok"), ("hard", "5.1.1"), id="good news in the words"),
        pytest.param(
            about("5.0.0", "550 5.1.1.7 host 192.5.1.1 said so"), ("soft", "5.0.0"), id="an address, no status"
        ),
    ],
)
def test_the_status_that_says_most_counts_and_words_tell_hard_from_soft(fields, expected):
    assert first(classify(report(fields))) == expected


def test_each_recipient_is_judged_for_itself():
    fields = about("5.1.1", "550 unknown") + about("4.2.2", "452 full", address="jo@customer.example")
    fields += about("2.0.0", "250 ok", action="delivered", address="lee@customer.example")
    incoming = classify(report(fields))
    assert [(each.address, each.kind, each.status) for each in incoming.recipients] == [
        (KIM, BounceKind.HARD, "5.1.1"),
        ("jo@customer.example", BounceKind.SOFT, "4.2.2"),
    ]


def test_whom_we_wrote_to_counts_rather_than_where_it_was_forwarded():
    fields = (
        "\nOriginal-Recipient: rfc822;Kim@customer.example\nFinal-Recipient: rfc822; other@x.example\nAction: failed\n"
    )
    assert [each.address for each in classify(report(fields)).recipients] == [KIM]


def test_the_envelope_id_comes_back():
    raw = report(about("5.1.1")).replace(b"Reporting-MTA", b"Original-Envelope-Id: 4711.1+x\nReporting-MTA")
    assert classify(raw).envelope_id == "4711.1+x"


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(report(about("5.1.1"), returned=f"Subject: hi\nMessage-ID:\n {ORIGINAL_ID}\n\nhi"), id="enclosed"),
        pytest.param(
            report(about("5.1.1"), words=f"failed\n\n  Message-Id: {ORIGINAL_ID}\n"), id="quoted in the words"
        ),
        pytest.param(report(about("5.1.1"), In_Reply_To=ORIGINAL_ID), id="answered"),
        pytest.param(
            report(about("5.1.1")).replace(b"Reporting-MTA", f"X-Original-Message-ID: {ORIGINAL_ID}\nX".encode()),
            id="among the fields",
        ),
        pytest.param(
            report(about("5.1.1"), returned=f"Message-ID: <new@provider>\nX-Original-Message-ID: {ORIGINAL_ID}\n\nhi"),
            id="replaced by a provider",
        ),
    ],
)
def test_the_mail_it_is_about_is_found(raw):
    assert ORIGINAL_ID in classify(raw).originals


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        pytest.param(report(about("5.1.1"), Auto_Submitted="auto-replied"), "bounce", id="Postfix marks its reports"),
        pytest.param(report(about("2.1.5", "250 ok", "relayed")), "auto_reply", id="good news"),
        pytest.param(report(about("5.1.1"), Precedence="bulk", List_Id="<l.example>"), "bounce", id="through a list"),
        pytest.param(report(about("5.1.1")).replace(b"MAILER-DAEMON@", b"kim@"), "bounce", id="by its parts alone"),
    ],
)
def test_reports_are_asked_for_first(raw, expected):
    assert classify(raw, [ANA]).kind == expected


@pytest.mark.parametrize(
    ("sender", "subject", "body"),
    [
        ("Jo <postmaster@customer.example>", "Our new mail servers", "We move our mail servers on Friday."),
        ("Postmaster <postmaster@northwind.example>", "Daily statistics", "550 mails delivered, 3 rejected."),
        ("Jo <postmaster@customer.example>", "Re: mail delivery failed", "I have fixed it, the user is known now."),
        ("Kim <kim@customer.example>", "Undeliverable?", "My mail to you could not be delivered: user unknown."),
        (
            "Parcels <bounces@parcels.example>",
            "Delivery failed",
            "Your parcel could not be delivered: address unknown.",
        ),
    ],
)
def test_people_and_shops_who_write_of_deliveries_report_none(sender, subject, body):
    raw = f"From: {sender}\nTo: {ANA}\nSubject: {subject}\n\n{body}\n".encode()
    assert classify(raw, [ANA]).kind is not IncomingKind.BOUNCE


def test_a_report_says_why():
    incoming = classify(report(about("5.0.0", "550 no such user")))
    assert "from a mail server" in incoming.evidence
    assert "a delivery-status part" in incoming.evidence
    assert "the words say: there is no such user" in incoming.evidence
