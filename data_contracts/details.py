"""What is the cause in this case? Words for each broken row, never an address."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

import pandas as pd

from data_contracts.policy import EnrollmentContext

Details = Callable[[pd.DataFrame, EnrollmentContext], "pd.Series[str]"]

#: The columns that details may be made of.
COLUMNS: Final = (
    "complained_at",
    "opted_out_at",
    "sender_opted_out_at",
    "bounced_at",
    "last_ended_at",
    "active_enrollment_id",
    "mailbox_daily_left",
    "missing_tokens",
    "too_large",
    "record",
    "override_problem",
    "start_position",
    "time_zone",
    "time_zone_source",
)


def on(column: str, words: str) -> Details:
    """Words before the date of a column."""
    return lambda frame, _: _dated(words, frame[column])


def said(words: Callable[[EnrollmentContext], str]) -> Details:
    """The same words for every contact."""
    return lambda frame, context: pd.Series(words(context), index=frame.index, dtype="str")


def numbered(words: str, column: str) -> Details:
    """Words before the number of a column."""
    return lambda frame, _: _worded(frame[column], lambda numbers: words + " " + numbers.astype("str"))


def cooled_down_on(frame: pd.DataFrame, context: EnrollmentContext) -> pd.Series[str]:
    until = frame["last_ended_at"] + timedelta(days=context.policy.cooldown_days)
    return _dated("until", until)


def started_at(frame: pd.DataFrame, context: EnrollmentContext) -> pd.Series[str]:
    same = f"step {context.batch.start_position} of {context.batch.step_count}"
    words = pd.Series(same, index=frame.index, dtype="str")
    if "override_problem" not in frame.columns:
        return words
    return words.mask(frame["override_problem"].fillna("") != "", frame["override_problem"])


def zone_used(frame: pd.DataFrame, context: EnrollmentContext) -> pd.Series[str]:
    words = "read as " + frame["time_zone"].astype("str")
    if "time_zone_source" in frame.columns:
        words = words + " (" + frame["time_zone_source"].astype("str") + ")"
    return words


def _dated(words: str, instants: pd.Series[Any]) -> pd.Series[str]:
    return _worded(instants.dt.floor("D"), lambda days: words + " " + days.dt.strftime("%Y-%m-%d").astype("str"))


def _worded(values: pd.Series[Any], words: Callable[[pd.Series[Any]], pd.Series[str]]) -> pd.Series[str]:
    """Words for each value, thought of once for each different one."""
    codes, different = pd.factorize(values)
    return words(pd.Series(different)).reindex(codes).set_axis(values.index)
