"""Which candidates does a condition hold for? Vectorised over a candidate frame."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from data_contracts.policy import EnrollmentContext

Flags = NDArray[np.bool_]


def flag(frame: pd.DataFrame, column: str) -> Flags:
    """A column of flags; a column that nobody added is False throughout."""
    if column not in frame.columns:
        return np.zeros(len(frame), dtype=bool)
    return frame[column].to_numpy(dtype=bool)


def present(frame: pd.DataFrame, column: str) -> Flags:
    """Where a column has a value."""
    return frame[column].notna().to_numpy(dtype=bool)


def throughout(frame: pd.DataFrame, is_broken: bool) -> Flags:
    """The same for every contact."""
    return np.full(len(frame), is_broken)


def is_known(frame: pd.DataFrame) -> Flags:
    """Where the candidate is a contact that exists, rather than a record that has none."""
    return flag(frame, "is_found") & ~flag(frame, "is_without_contact")


def starts_with_mail(frame: pd.DataFrame, context: EnrollmentContext) -> Flags:
    """Where the first step is an email; contacts may start at steps of their own."""
    if "is_mail_first" in frame.columns:
        return flag(frame, "is_mail_first")
    return throughout(frame, context.batch.is_mail_first)


def has_sender(frame: pd.DataFrame) -> Flags:
    """Where there is a sender."""
    return present(frame, "user_id")


def is_in_this_sequence(frame: pd.DataFrame, context: EnrollmentContext) -> Flags:
    """Enrolled in it before this batch; the second entry of a contact that was chosen twice finds the first."""
    return _is_in(frame, context.batch.sequence_id) & ~flag(frame, "is_duplicate")


def is_in_other_sequence(frame: pd.DataFrame, context: EnrollmentContext) -> Flags:
    return present(frame, "active_enrollment_id") & ~_is_in(frame, context.batch.sequence_id)


def _is_in(frame: pd.DataFrame, sequence_id: int) -> Flags:
    is_in: Flags = frame["active_sequence_id"].to_numpy(dtype=np.int64, na_value=-1) == sequence_id
    return is_in


def chosen_wrongly(frame: pd.DataFrame, code: str) -> Flags:
    """Where a contact's own options make no sense, and that is the refusal code."""
    if "override_code" not in frame.columns:
        return throughout(frame, False)
    return (frame["override_code"] == code).fillna(False).to_numpy(dtype=bool)


def is_too_large(frame: pd.DataFrame) -> Flags:
    """Where a mail does not fit through the mailbox; sequences without attachments have no such column."""
    return present(frame, "too_large") if "too_large" in frame.columns else throughout(frame, False)


def is_cooling_down(frame: pd.DataFrame, context: EnrollmentContext) -> Flags:
    if not context.policy.cooldown_days:
        return throughout(frame, False)
    is_recent: pd.Series[bool] = frame["last_ended_at"] > context.now - timedelta(days=context.policy.cooldown_days)
    return is_recent.to_numpy(dtype=bool) & ~present(frame, "active_enrollment_id")


def is_without_slot(frame: pd.DataFrame, context: EnrollmentContext) -> Flags:
    if "due_at" not in frame.columns:
        return throughout(frame, False)
    return ~present(frame, "due_at") & ~flag(frame, "is_start_in_past")


def is_over_daily_limit(frame: pd.DataFrame, context: EnrollmentContext) -> Flags:
    """In the order of their due instants, those of a mailbox beyond what is left of its day."""
    over = throughout(frame, False)
    uses_today = starts_with_mail(frame, context)
    if not uses_today.any():
        return over
    uses_today = uses_today & present(frame, "mailbox_daily_left") & flag(frame, "mailbox_connected")
    if "due_at" in frame.columns:
        uses_today &= (frame["due_at"] < context.now + timedelta(days=1)).to_numpy(dtype=bool)
    rows = np.flatnonzero(uses_today)
    if not rows.size:
        return over
    mailboxes = frame["mailbox_id"].to_numpy(dtype=np.int64, na_value=-1)[rows]
    left = frame["mailbox_daily_left"].to_numpy(dtype=np.int64, na_value=0)[rows]
    if "due_at" in frame.columns:
        order = np.lexsort((rows, frame["due_at"].to_numpy(dtype="datetime64[us]")[rows], mailboxes))
    else:
        order = np.lexsort((rows, mailboxes))
    sorted_mailboxes = mailboxes[order]
    firsts = np.flatnonzero(np.r_[True, sorted_mailboxes[1:] != sorted_mailboxes[:-1]])
    sizes = np.diff(np.r_[firsts, len(order)])
    rank = np.arange(len(order)) - np.repeat(firsts, sizes)
    taken = np.repeat([context.taken.get(int(mailbox), 0) for mailbox in sorted_mailboxes[firsts]], sizes)
    over[rows[order[rank + taken >= left[order]]]] = True
    return over
