"""What a real Postfix reports of our mails is understood: whom, why, and which mail it was."""

from __future__ import annotations

import smtplib
import ssl

import pytest

from cadenza.domain.incoming import BounceKind, IncomingKind
from cadenza.mail.incoming import classify

SENDER = "sender3@sender.test"
#: What the next server says: hard or soft, and the status.
REFUSALS = {
    "rcpt-550-5.1.1": ("hard", "5.1.1"),
    "rcpt-550-5.2.1-mailbox-disabled": ("hard", "5.2.1"),
    "rcpt-552-5.2.2-mailbox-full": ("soft", "5.2.2"),
    "eod-554-5.7.1-spam": ("soft", "5.7.1"),
    # These come back when the server gives up.
    "rcpt-450-4.2.1": ("soft", "4.2.1"),
    "middrop": ("soft", "4.4.2"),
}


@pytest.fixture(scope="module")
def reports(mail_rig):
    """The reports in the sender's mailbox, by what the next server was told to say."""
    context = ssl.create_default_context(cafile=str(mail_rig.ca_file))
    with smtplib.SMTP(mail_rig.host, mail_rig.submission_port) as server:
        server.starttls(context=context)
        server.login(SENDER, mail_rig.password)
        for number, directive in enumerate(REFUSALS):
            to = f"{directive}@fault.test"
            mail = (
                f"From: {SENDER}\r\nTo: {to}\r\nSubject: hello\r\nDate: Mon, 3 Aug 2026 09:00:00 +0200\r\n"
                f"Message-ID: <{number}@sender.test>\r\n\r\nhello\r\n"
            )
            server.sendmail(SENDER, [to], mail, [f"ENVID=delivery-{number}", "RET=HDRS"], ["NOTIFY=FAILURE"])
    found = {}
    for directive in REFUSALS:
        [found[directive]] = mail_rig.wait_for(SENDER, containing=f"rfc822;{directive}@fault.test".encode())
    return found


@pytest.mark.parametrize("directive", REFUSALS)
def test_a_report_of_postfix_is_understood(reports, directive):
    incoming = classify(reports[directive], [SENDER])
    number = list(REFUSALS).index(directive)
    assert incoming.kind is IncomingKind.BOUNCE
    assert not incoming.is_delay
    assert incoming.originals[0] == f"<{number}@sender.test>"
    assert incoming.envelope_id == f"delivery-{number}"
    [recipient] = incoming.recipients
    assert recipient.address == f"{directive}@fault.test"
    assert (recipient.kind, recipient.status) == (BounceKind(REFUSALS[directive][0]), REFUSALS[directive][1])
