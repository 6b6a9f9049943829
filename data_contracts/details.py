"""What is the cause in this case? Words for each broken row, never an address."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pandas as pd

from data_contracts.policy import EnrollmentContext

Details = Callable[[pd.DataFrame, EnrollmentContext], "pd.Series[str]"]


def on(column: str, words: str) -> Details:
    """Words before the date of a column."""
    return lambda frame, _: words + " " + frame[column].dt.strftime("%Y-%m-%d").astype("str")


def said(words: Callable[[EnrollmentContext], str]) -> Details:
    """The same words for every contact."""
    return lambda frame, context: pd.Series(words(context), index=frame.index, dtype="str")


def numbered(words: str, column: str) -> Details:
    """Words before the number of a column."""
    return lambda frame, _: words + " " + frame[column].astype("str")


def cooled_down_on(frame: pd.DataFrame, context: EnrollmentContext) -> pd.Series[str]:
    until = frame["last_ended_at"] + timedelta(days=context.policy.cooldown_days)
    return "until " + until.dt.strftime("%Y-%m-%d").astype("str")


def zone_used(frame: pd.DataFrame, context: EnrollmentContext) -> pd.Series[str]:
    words = "read as " + frame["time_zone"].astype("str")
    if "time_zone_source" in frame.columns:
        words = words + " (" + frame["time_zone_source"].astype("str") + ")"
    return words
