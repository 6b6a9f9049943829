"""What would an enrollment do? Counts, dates and a plan of every candidate; nothing is stored."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pandas as pd
from prefect import task
from prefect.artifacts import create_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.context import FlowRunContext

from cadenza.domain.batch import Batch
from cadenza.domain.refusals import CATALOGUE
from cadenza.domain.report import Forecast, ZoneForecast
from cadenza.mail.overridden import steps_of_tokens
from cadenza.runtime import current
from data_contracts.foresight import Counted
from data_contracts.plots import plot_days
from data_contracts.verdict import Verdict

logger = logging.getLogger(__name__)

#: Spreadsheets run a cell that starts with one of these.
_FORMULA = r"^\s*[-=+@|%＝＋－＠]"


@dataclass
class Preview:
    """What the chunks of a preflight came to so far: what the next chunk has to know, and what people will read."""

    batch: Batch
    counted: Counted = field(default_factory=Counted)
    #: What stands in the queues of mailboxes by earlier chunks.
    ahead: list[pd.DataFrame] = field(default_factory=list)
    days: Counter[date] = field(default_factory=Counter)
    #: Missing tokens: contact_id, token, steps.
    missing: list[pd.DataFrame] = field(default_factory=list)
    #: By zone: contacts, first and last instant.
    zones: list[pd.DataFrame] = field(default_factory=list)

    @property
    def path(self) -> Path:
        """The file with a line for each candidate."""
        stamp = f"{self.batch.started_at:%Y%m%d-%H%M%S}"
        return current().settings.home / "reports" / f"preflight-{self.batch.sequence.name}-{stamp}.csv"

    def add(self, verdict: Verdict, plan: pd.DataFrame, queue: pd.DataFrame) -> None:
        """Count one chunk and write its lines. ``queue`` is what stands before the mails of the next chunk."""
        self.counted.add(verdict)
        self.ahead.append(queue)
        self.days.update(plan["expected_at"].dropna().dt.date.value_counts().to_dict())
        self._write(_lines(verdict, plan), is_first=not self.zones)
        self.zones.append(_by_zone(plan))
        self.missing.append(_missing(verdict, self.batch))

    def _write(self, lines: pd.DataFrame, *, is_first: bool) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.touch(mode=0o600)
        encoding = "utf-8-sig" if is_first else "utf-8"  # so that Excel reads it as UTF-8
        lines.to_csv(self.path, mode="w" if is_first else "a", index=False, header=is_first, encoding=encoding)


def _missing(verdict: Verdict, batch: Batch) -> pd.DataFrame:
    """Who lacks a value for which token, and at which steps it is needed."""
    lacking = verdict.frame.loc[verdict.frame["missing_tokens"].notna(), ["contact_id", "missing_tokens"]]
    same = steps_of_tokens(batch) if len(lacking) else {}
    own = {
        id_: steps_of_tokens(batch, batch.contact_overrides[id_])
        for id_ in lacking["contact_id"].tolist()
        if id_ in batch.contact_overrides
    }
    rows = [
        (id_, path, ", ".join(map(str, own.get(id_, same).get(path, ()))))
        for id_, paths in lacking.itertuples(index=False, name=None)
        for path in paths.split(", ")
    ]
    return pd.DataFrame(rows, columns=["contact_id", "token", "steps"])


def _write_matrix(preview: Preview, missing: pd.DataFrame) -> Path:
    """One line a contact, one column a token: the steps that need it where the contact has no value."""
    path = preview.path.with_name(f"{preview.path.stem}-tokens.csv")
    matrix = missing.pivot_table(index="contact_id", columns="token", values="steps", aggfunc="first").reset_index()
    path.touch(mode=0o600)
    matrix.to_csv(path, index=False, encoding="utf-8-sig")
    return path


def _by_zone(plan: pd.DataFrame) -> pd.DataFrame:
    return plan.groupby("time_zone").agg(
        contacts=("ordinal", "size"), first_at=("expected_at", "min"), last_at=("expected_at", "max")
    )


def _lines(verdict: Verdict, plan: pd.DataFrame) -> pd.DataFrame:
    """One line a candidate, in the batch's order."""
    frame = verdict.frame
    codes = frame["reason"].astype(object)
    others = verdict.refusals[~verdict.refusals["is_reason"]]
    words = others["code"].astype(str) + others["detail"].map(lambda detail: f" ({detail})" if detail else "")
    reasons = verdict.refusals[verdict.refusals["is_reason"]].set_index("ordinal")["detail"]
    expected = plan.set_index("ordinal")["expected_at"].reindex(frame["ordinal"])
    lines = pd.DataFrame(
        {
            "line": frame["ordinal"].to_numpy(),
            "contact_id": frame["contact_id"].to_numpy(),
            "email": frame["email_normalized"].to_numpy(),
            "outcome": frame["outcome"].to_numpy(),
            "code": codes.to_numpy(),
            "detail": reasons.reindex(frame["ordinal"]).to_numpy(),
            "remedy": codes.map(lambda code: CATALOGUE[code].remedy, na_action="ignore").to_numpy(),
            "other_broken_rules": words.groupby(others["ordinal"]).agg("; ".join).reindex(frame["ordinal"]).to_numpy(),
            "time_zone": frame["time_zone"].to_numpy(),
            "time_zone_source": frame["time_zone_source"].to_numpy(),
            "first_step_at": expected.dt.strftime("%Y-%m-%d %H:%M:%S UTC").to_numpy(),
        }
    )
    for name in ("email", "detail", "other_broken_rules"):
        told = lines[name].astype("str")
        lines[name] = told.mask(told.str.contains(_FORMULA, regex=True, na=False), "'" + told)
    return lines


@task(cache_policy=NO_CACHE)
def publish_forecast(preview: Preview) -> Forecast:
    """Publish what a preflight found: a table of reasons, dates by zone, a plan, a picture."""
    batch = preview.batch
    days = tuple(sorted(preview.days.items()))
    plot = None
    if days:
        title = f"{batch.segment_words} into {batch.sequence.name}: first steps by day"
        plot = plot_days(days, title, preview.path.with_suffix(".png"))
    missing = pd.concat(preview.missing) if preview.missing else pd.DataFrame(columns=["token"])
    forecast = Forecast(
        **preview.counted.tally(batch),
        zones=_zones(preview),
        days=days,
        plan=preview.path,
        plot=plot,
        missing_tokens=tuple((str(token), int(n)) for token, n in missing["token"].value_counts().items()),
        matrix=_write_matrix(preview, missing) if len(missing) else None,
        attachments=tuple((step.position, step.words) for step in batch.sequence.steps if step.attachments),
    )
    if FlowRunContext.get() is not None:
        create_table_artifact(
            [line.as_row() for line in forecast.by_code],
            key=f"preflight-{batch.sequence.name}".lower().replace("_", "-"),
            description=(
                f"{forecast.enrolled:,} would be enrolled, {forecast.held:,} held, {forecast.refused:,} refused. "
                f"The plan of every contact: {preview.path.name}."
            ),
        )
    logger.info("%d would be enrolled, %d held, %d refused", forecast.enrolled, forecast.held, forecast.refused)
    return forecast


def _zones(preview: Preview) -> tuple[ZoneForecast, ...]:
    every = pd.concat(preview.zones) if preview.zones else pd.DataFrame()
    if every.empty:
        return ()
    merged = (
        every.groupby(level=0).agg({"contacts": "sum", "first_at": "min", "last_at": "max"}).sort_values("first_at")
    )
    return tuple(
        ZoneForecast(str(zone), int(line["contacts"]), _instant(line["first_at"]), _instant(line["last_at"]))
        for zone, line in merged.iterrows()
    )


def _instant(at: Any) -> datetime | None:
    return None if pd.isna(at) else at.to_pydatetime()
