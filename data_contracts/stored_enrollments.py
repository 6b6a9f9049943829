"""What must hold of enrollments and batches as they are stored?"""

from __future__ import annotations

from typing import Final

from data_contracts.contract import Contract, Severity, Subject

ENROLLMENTS: Final = Subject(
    "enrollments",
    "Enrollments",
    (
        Contract(
            "ENROLLED_TWICE",
            "A contact is in one sequence at a time: at most one active or paused enrollment",
            "Unenroll the contact from all but one, and restore the index enrollments_one_at_a_time.",
        ),
        Contract(
            "STATUS_INCONSISTENT",
            "Status, ending and instants agree: only what is over has an end, only what was ended a known ending, "
            "only what is active a due instant",
            "Report it with the enrollment; unenroll the contact if it must not wait.",
        ),
        Contract(
            "REFERENCE_BROKEN",
            "The contact, sequence version, mailbox, user and batch of an enrollment exist",
            "Restore what was deleted from a backup, or unenroll the contact.",
        ),
        Contract(
            "STEP_MISSING",
            "The next step of a running enrollment is a step of its version, of the kind that is noted",
            "Unenroll the contact and enroll it again at the right step; report it.",
        ),
        Contract(
            "ZONE_INVALID",
            "The time zone of a running enrollment is a known one",
            "Bring the time zone database up to date, or enroll the contact again with --time-zone.",
        ),
        Contract(
            "DUE_MISSING",
            "An active enrollment has a due instant, unless it waits for a to-do, for its mail, or for a person to "
            "decide about one",
            "It stands still: unenroll the contact and enroll it again at its next step; report it.",
        ),
        Contract(
            "STEP_OVERDUE",
            "No step is more than a day late while nothing is in its way",
            "Look whether workers and the deployment catch-up run: 'cadenza doctor'.",
            Severity.WARNING,
        ),
        Contract(
            "BARRED_OVERDUE",
            "No step of a contact that may not be written to has been due for more than a day",
            "Nothing is sent to it. Unenroll it if its mailbox's queue is long, else look whether workers run.",
            Severity.WARNING,
        ),
    ),
)

BATCHES: Final = Subject(
    "batches",
    "Batches",
    (
        Contract(
            "BATCH_NOT_CONSERVED",
            "Every candidate of a batch was enrolled, held or refused, and the rows say so too",
            "Enroll the segment again: who is in is left alone, who was lost gets in. Report it.",
        ),
        Contract(
            "BATCH_UNFINISHED",
            "A batch is finished within a day",
            "Its run was interrupted: enroll the segment again; who is in is left alone.",
            Severity.WARNING,
        ),
    ),
)
