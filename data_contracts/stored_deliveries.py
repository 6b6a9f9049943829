"""What must hold of deliveries as they are stored? The promises of sending, seen from outside of what keeps them."""

from __future__ import annotations

from typing import Final

from data_contracts.contract import Contract, Severity, Subject

DELIVERIES: Final = Subject(
    "deliveries",
    "Deliveries",
    (
        Contract(
            "STEP_SENT_TWICE",
            "At most one mail is accepted for each enrollment and step",
            "Stop sending, restore the unique constraint on (enrollment_id, position) of deliveries, and report it.",
        ),
        Contract(
            "MESSAGE_ID_REPEATED",
            "A Message-ID belongs to one delivery",
            "Stop sending and report it: answers and bounces cannot be told apart.",
        ),
        Contract(
            "MESSAGE_ID_CHANGED",
            "The bytes that are sent carry the Message-ID that is noted, at every try",
            "Stop sending and report it: recovery would not find such a mail and would send it again.",
        ),
        Contract(
            "LIMIT_EXCEEDED",
            "No rolling window of any of the mailbox's limits holds more mails on the wire than the limit",
            "If a limit was lowered in the days looked at, nothing is wrong. Else look whether the clocks of all "
            "workers agree, and report it.",
        ),
        Contract(
            "WINDOW_MISSED",
            "Follow-ups are claimed within the send window and on the eligible days of their version, in the "
            "enrollment's zone; the first step is free",
            "Compare the clocks and the time zone databases of workers and database; report it.",
        ),
        Contract(
            "SENT_TO_BARRED",
            "Nothing is sent to who was suppressed, had bounced, complained or opted out before",
            "Apologise where it is due, and report it.",
        ),
        Contract(
            "SENT_AFTER_ANSWER",
            "Nothing is sent after a reply, a meeting, a bounce, a complaint or an opt-out is known",
            "Unenroll the contact, look why the answer did not end the enrollment, and report it.",
        ),
        Contract(
            "SENT_AFTER_ENDING",
            "Nothing is sent after the end of the enrollment",
            "Look who ended it and when ('cadenza enrollments'), and report it.",
        ),
        Contract(
            "LEASE_FORGOTTEN",
            "No delivery stays claimed or in flight long after its lease",
            "Nobody settles it: look whether the deployment catch-up runs ('cadenza doctor').",
        ),
        Contract(
            "FATE_UNKNOWN",
            "It is known of every mail whether the server took it, or somebody has decided",
            "Look into the mailbox's sent folder and decide: 'cadenza deliveries unknown'.",
            Severity.WARNING,
        ),
    ),
)
