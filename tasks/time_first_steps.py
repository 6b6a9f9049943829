"""In which time zone does each contact live, and when does the first step run there?"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from prefect import task
from prefect.cache_policies import NO_CACHE

from cadenza.domain.batch import Batch
from cadenza.domain.cadence import first_due
from cadenza.domain.zones import ZoneSource, country_code, is_area_split, zone_named, zone_of_country, zone_of_phone
from cadenza.runtime import current

logger = logging.getLogger(__name__)

#: For each contact the number of a name, -1: none.
Codes = NDArray[np.int64]


class _Names:
    """Names by number: a column of numbers is compared and filled in much faster than one of words."""

    def __init__(self) -> None:
        self.known: list[str] = []
        self._numbers: dict[str, int] = {}

    def number(self, name: str | None) -> int:
        """The number of a name; -1 for None."""
        if name is None:
            return -1
        if name not in self._numbers:
            self._numbers[name] = len(self.known)
            self.known.append(name)
        return self._numbers[name]

    def of(self, words: pd.Series, meaning: Callable[[str], str | None]) -> Codes:
        """What each text means, asked once for each different text."""
        codes, different = pd.factorize(words)
        numbers = np.array([*(self.number(meaning(word)) for word in different), -1], dtype=np.int64)
        return numbers[codes]

    def column(self, codes: Codes, like: pd.Series) -> pd.Series:
        """The names as a column; missing where there is none."""
        words = pd.Series([*self.known, None], dtype=like.dtype)
        return words.take(codes).set_axis(like.index)


@task(cache_policy=NO_CACHE)
def time_first_steps(candidates: pd.DataFrame, batch: Batch) -> pd.DataFrame:
    """The candidates with the zone of all their steps and the instant of the first.

    Adds ``time_zone_source``, ``country_code``, ``is_zone_unknown``, ``due_at`` (UTC) and ``is_start_in_past``;
    ``time_zone`` becomes the zone that was found. The ladder: the contact's own, the only zone of the phone number, of
    the country, the company's, the sequence's, the sender's, the installation's. A zone chosen for the batch wins.
    """
    timed = candidates.copy(deep=False)
    zones, countries = _Names(), _Names()
    year = batch.started_at.year
    given = candidates["time_zone"]
    own = zones.of(given, zone_named)
    blank = zones.of(given, lambda words: None if words.strip() else "")
    timed["is_zone_unknown"] = given.notna().to_numpy(dtype=bool) & (own < 0) & (blank < 0)

    country = countries.of(candidates["country"], country_code)
    phones = _telling(_international(candidates["phone"], countries, country))
    company_country = countries.of(candidates["company_country"], country_code)
    phone_country = countries.of(phones, lambda phone: zone_of_phone(phone, year)[1])
    timed["country_code"] = countries.column(_first(country, phone_country, company_country), given)

    of_country = np.array([*(zones.number(zone_of_country(code, year)) for code in countries.known), -1])
    for_all = batch.options.for_all
    settled = (
        (ZoneSource.CHOSEN, for_all.time_zone and zone_named(for_all.time_zone)),
        (ZoneSource.SEQUENCE, batch.sequence.time_zone and zone_named(batch.sequence.time_zone)),
        (ZoneSource.INSTALLATION, zone_named(current().settings.default_time_zone) or "UTC"),
    )
    same = {source: np.full(len(timed), zones.number(name or None)) for source, name in settled}
    if "chosen_zone" in candidates.columns:
        same[ZoneSource.CHOSEN] = _first(zones.of(candidates["chosen_zone"], zone_named), same[ZoneSource.CHOSEN])
    ladder = {
        ZoneSource.CHOSEN: same[ZoneSource.CHOSEN],
        ZoneSource.CONTACT: own,
        ZoneSource.PHONE: zones.of(phones, lambda phone: zone_of_phone(phone, year)[0]),
        ZoneSource.COUNTRY: of_country[country],
        ZoneSource.COMPANY: _first(zones.of(candidates["company_time_zone"], zone_named), of_country[company_country]),
        ZoneSource.SEQUENCE: same[ZoneSource.SEQUENCE],
        ZoneSource.SENDER: zones.of(candidates["sender_time_zone"], zone_named),
        ZoneSource.INSTALLATION: same[ZoneSource.INSTALLATION],
    }
    found = _first(*ladder.values())
    timed["time_zone"] = zones.column(found, given)
    sources = _Names()
    rungs = [np.where(rung >= 0, sources.number(source.value), -1) for source, rung in ladder.items()]
    timed["time_zone_source"] = sources.column(_first(*rungs), given)

    times, codes = _times(candidates, for_all.send_at)
    different, which = np.unique(found * len(times) + codes, return_inverse=True)
    due = [
        first_due(batch.started_at, zones.known[number // len(times)], times[number % len(times)])
        for number in different.tolist()
    ]
    timed["due_at"] = pd.Series(pd.to_datetime(due, utc=True).as_unit("us")[which], index=timed.index)
    timed["is_start_in_past"] = (timed["due_at"] < batch.started_at).to_numpy(dtype=bool)
    logger.info("%d candidates: %s", len(timed), timed["time_zone_source"].value_counts().to_dict())
    return timed


def _times(candidates: pd.DataFrame, for_all: datetime | None) -> tuple[list[datetime | None], Codes]:
    """The local times that were chosen for the first step, and for each contact the number of its own."""
    if "send_at" not in candidates.columns:
        return [for_all], np.zeros(len(candidates), dtype=np.int64)
    codes, different = pd.factorize(candidates["send_at"])
    return [*(pd.Timestamp(at).to_pydatetime() for at in different), for_all], np.where(
        codes < 0, len(different), codes
    )


def _first(*rungs: Codes) -> Codes:
    """For each contact the first that is known."""
    found = rungs[0].copy()
    for rung in rungs[1:]:
        missing = found < 0
        if not missing.any():
            break
        found[missing] = rung[missing]
    return found


def _international(given: pd.Series, countries: _Names, country: Codes) -> pd.Series:
    """Phone numbers as "+" and digits; missing where the country code is."""
    digits = given.str.replace(r"[^\d+]", "", regex=True).str.replace(r"^00", "+", regex=True)
    is_american = np.isin(country, [countries.number("US"), countries.number("CA")])
    if is_american.any():
        local = digits[is_american].str.extract(r"^1?([2-9]\d{9})$", expand=False)
        digits = digits.where(~(local.notna().reindex(digits.index, fill_value=False)), "+1" + local)
    return digits.where(digits.str.match(r"\+\d{7}").fillna(False).astype(bool))


def _telling(phones: pd.Series) -> pd.Series:
    """For each number one that lives in the same zone and stands for many: the fewer different, the fewer to parse.

    Zone and country hang on the length and the first digits; in North America on the area code, mostly.
    """
    areas = phones.where(phones.str.match(r"\+1\d{10}$").fillna(False).astype(bool)).str.slice(0, 5)
    whole = [area for area in areas.dropna().unique() if not is_area_split(area)]
    alike = phones.groupby([phones.str.slice(0, 8), phones.str.len()]).transform("first")
    return alike.mask(areas.isin(whole), areas + "2345678") if whole else alike
