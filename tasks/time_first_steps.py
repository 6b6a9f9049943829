"""In which time zone does each contact live, and when does the first step run there?"""

from __future__ import annotations

import logging
from collections.abc import Callable

import pandas as pd
from prefect import task
from prefect.cache_policies import NO_CACHE

from cadenza.domain.batch import Batch
from cadenza.domain.cadence import first_due
from cadenza.domain.zones import ZoneSource, country_code, is_area_split, zone_named, zone_of_country, zone_of_phone
from cadenza.errors import WrongUse
from cadenza.runtime import current

logger = logging.getLogger(__name__)


@task(cache_policy=NO_CACHE)
def time_first_steps(candidates: pd.DataFrame, batch: Batch) -> pd.DataFrame:
    """The candidates with the zone of all their steps and the instant of the first.

    Adds ``time_zone_source``, ``country_code``, ``is_zone_unknown``, ``due_at`` (UTC) and ``is_start_in_past``;
    ``time_zone`` becomes the zone that was found. The ladder: the contact's own, the only zone of the phone number, of
    the country, the company's, the sequence's, the sender's, the installation's.

    Raises:
        WrongUse: the time zone chosen for the batch is none.
    """
    timed = candidates.copy(deep=False)
    year = batch.started_at.year
    given = candidates["time_zone"]
    own = _mapped(given, zone_named)
    timed["is_zone_unknown"] = (given.notna() & (given.str.strip() != "") & own.isna()).to_numpy(dtype=bool)
    countries = _mapped(candidates["country"], country_code)
    phones = _telling(_international(candidates["phone"], countries))
    company_countries = _mapped(candidates["company_country"], country_code)
    timed["country_code"] = countries.fillna(_mapped(phones, lambda phone: zone_of_phone(phone, year)[1])).fillna(
        company_countries
    )
    _climb(timed, batch, own, phones, countries, company_countries, year)
    due = {zone: first_due(batch.started_at, zone, batch.options.send_at) for zone in timed["time_zone"].unique()}
    timed["due_at"] = pd.to_datetime(timed["time_zone"].map(due), utc=True)
    timed["is_start_in_past"] = (timed["due_at"] < batch.started_at).to_numpy(dtype=bool)
    logger.info("%d candidates: %s", len(timed), timed["time_zone_source"].value_counts().to_dict())
    return timed


def _climb(
    timed: pd.DataFrame,
    batch: Batch,
    own: pd.Series,
    phones: pd.Series,
    countries: pd.Series,
    company_countries: pd.Series,
    year: int,
) -> None:
    """Go down the ladder until every contact has a zone."""
    chosen = batch.options.time_zone
    if chosen and zone_named(chosen) is None:
        raise WrongUse(f"There is no time zone {chosen!r}: give a name such as Europe/Berlin or America/New_York.")
    everyone = pd.Series(None, index=timed.index, dtype=own.dtype)
    company = _mapped(timed["company_time_zone"], zone_named).fillna(
        _mapped(company_countries, lambda code: zone_of_country(code, year))
    )
    rungs: list[tuple[ZoneSource, Callable[[], pd.Series]]] = [
        (ZoneSource.CHOSEN, lambda: everyone.fillna(zone_named(chosen)) if chosen else everyone),
        (ZoneSource.CONTACT, lambda: own),
        (ZoneSource.PHONE, lambda: _mapped(phones, lambda phone: zone_of_phone(phone, year)[0])),
        (ZoneSource.COUNTRY, lambda: _mapped(countries, lambda code: zone_of_country(code, year))),
        (ZoneSource.COMPANY, lambda: company),
        (
            ZoneSource.SEQUENCE,
            lambda: everyone.fillna(batch.sequence.time_zone) if batch.sequence.time_zone else everyone,
        ),
        (ZoneSource.SENDER, lambda: _mapped(timed["sender_time_zone"], zone_named)),
        (ZoneSource.INSTALLATION, lambda: everyone.fillna(current().settings.default_time_zone)),
    ]
    zones = everyone.copy()
    sources = pd.Series(None, index=timed.index, dtype=own.dtype)
    for source, rung in rungs:
        missing = zones.isna()
        if not missing.any():
            break
        found = rung()
        sources = sources.mask(missing & found.notna(), source.value)
        zones = zones.fillna(found)
    timed["time_zone"] = zones
    timed["time_zone_source"] = sources


def _international(given: pd.Series, countries: pd.Series) -> pd.Series:
    """Phone numbers as "+" and digits; missing where the country code is."""
    digits = given.str.replace(r"[^\d+]", "", regex=True).str.replace(r"^00", "+", regex=True)
    is_american = countries.isin(["US", "CA"])
    if is_american.any():
        local = digits.where(is_american).str.extract(r"^1?([2-9]\d{9})$", expand=False)
        digits = digits.mask(local.notna(), "+1" + local)
    return digits.where(digits.str.match(r"\+\d{7}").fillna(False).astype(bool))


def _telling(phones: pd.Series) -> pd.Series:
    """For each number one that lives in the same zone and stands for many: the fewer different, the fewer to parse.

    Zone and country hang on the length and the first digits; in North America on the area code, mostly.
    """
    areas = phones.where(phones.str.match(r"\+1\d{10}$").fillna(False).astype(bool)).str.slice(0, 5)
    whole = [area for area in areas.dropna().unique() if not is_area_split(area)]
    alike = phones.groupby([phones.str.slice(0, 8), phones.str.len()]).transform("first")
    return alike.mask(areas.isin(whole), areas + "2345678") if whole else alike


def _mapped(words: pd.Series, meaning: Callable[[str], str | None]) -> pd.Series:
    """What each text means, asked once for each different text."""
    different = words.dropna().unique()
    meanings = {word: meaning(word) for word in different}
    return words.map(meanings, na_action="ignore").astype(words.dtype)
