"""In which time zone does a contact live?"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import cache, lru_cache
from importlib import resources
from zoneinfo import ZoneInfo, available_timezones


class ZoneSource(StrEnum):
    """How the time zone of an enrollment was found: the ladder, from the top."""

    CHOSEN = "chosen"
    CONTACT = "contact"
    PHONE = "phone"
    COUNTRY = "country"
    COMPANY = "company"
    SEQUENCE = "sequence"
    SENDER = "sender"
    INSTALLATION = "installation"


#: Names of countries as lists in German write them, and short forms; English names come with the zone database.
_OTHER_NAMES: Mapping[str, str] = {
    "deutschland": "DE", "österreich": "AT", "oesterreich": "AT", "schweiz": "CH", "frankreich": "FR", "italien": "IT",
    "spanien": "ES", "portugal": "PT", "niederlande": "NL", "holland": "NL", "belgien": "BE", "luxemburg": "LU",
    "dänemark": "DK", "schweden": "SE", "norwegen": "NO", "finnland": "FI", "polen": "PL", "tschechien": "CZ",
    "tschechische republik": "CZ", "czech republic": "CZ", "slowakei": "SK", "ungarn": "HU", "rumänien": "RO",
    "bulgarien": "BG", "griechenland": "GR", "türkei": "TR", "turkey": "TR", "irland": "IE", "island": "IS",
    "kroatien": "HR", "slowenien": "SI", "serbien": "RS", "estland": "EE", "lettland": "LV", "litauen": "LT",
    "vereinigtes königreich": "GB", "großbritannien": "GB", "grossbritannien": "GB", "england": "GB", "scotland": "GB",
    "wales": "GB", "uk": "GB", "united kingdom": "GB", "great britain": "GB", "usa": "US", "u.s.a.": "US",
    "united states of america": "US", "vereinigte staaten": "US", "kanada": "CA", "mexiko": "MX", "brasilien": "BR",
    "argentinien": "AR", "australien": "AU", "neuseeland": "NZ", "indien": "IN", "japan": "JP", "südkorea": "KR",
    "south korea": "KR", "korea": "KR", "russland": "RU", "ukraine": "UA", "südafrika": "ZA", "ägypten": "EG",
    "vereinigte arabische emirate": "AE", "uae": "AE", "singapur": "SG", "viet nam": "VN",
}  # fmt: skip


@cache
def _zone_names() -> dict[str, str]:
    """The name to keep of each zone, by every name it goes by: Asia/Calcutta is Asia/Kolkata."""
    current = {zone for zones in _zones_by_country().values() for zone in zones}
    links = {
        alias: target
        for kind, target, alias in (line.split() for line in _table("tzdata.zi") if line.startswith("L "))
        if target in current and alias not in current
    }
    return {name.casefold(): links.get(name, name) for name in available_timezones() - {"Factory", "localtime"}}


@lru_cache(maxsize=10_000)
def zone_named(name: str) -> str | None:
    """The zone that a text names, in any case; None: no zone has this name."""
    return _zone_names().get(name.strip().replace(" ", "_").casefold())


@cache
def _country_names() -> dict[str, str]:
    pairs = [line.split("\t") for line in _table("iso3166.tab")]
    names = {name.casefold(): code for code, name in pairs} | {code.casefold(): code for code, _ in pairs}
    return names | dict(_OTHER_NAMES)


@lru_cache(maxsize=10_000)
def country_code(country: str) -> str | None:
    """The ISO 3166-1 alpha-2 code of a country, given as a code or as a name in English or German."""
    return _country_names().get(country.strip().casefold())


@cache
def _zones_by_country() -> dict[str, list[str]]:
    zones: dict[str, list[str]] = {}
    for line in _table("zone.tab"):
        code, _, zone, *_ = line.split("\t")
        zones.setdefault(code, []).append(zone)
    return zones


def _table(name: str) -> list[str]:
    """The lines of a table of the zone database."""
    lines = resources.files("tzdata").joinpath("zoneinfo", name).read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


@lru_cache(maxsize=500)
def zone_of_country(code: str, year: int) -> str | None:
    """The only time zone of a country; None: it has several.

    Zones whose clocks agree in the year and the one after count as one: Germany's two are the same.
    """
    zones = _zones_by_country().get(code, [])
    start = datetime(year, 1, 1, tzinfo=UTC)
    instants = [start + timedelta(days=days) for days in range(0, 730, 7)]
    clocks = {tuple(instant.astimezone(ZoneInfo(zone)).utcoffset() for instant in instants) for zone in zones}
    return zones[0] if len(clocks) == 1 else None


@lru_cache(maxsize=200_000)
def zone_of_phone(phone: str) -> tuple[str | None, str | None]:
    """The only time zone of a phone number in international form, and its country; None where there are several."""
    import phonenumbers
    from phonenumbers import timezone

    try:
        number = phonenumbers.parse(phone, None)
    except phonenumbers.NumberParseException:
        return None, None
    zones = [zone_named(zone) for zone in timezone.time_zones_for_number(number)]
    region = phonenumbers.region_code_for_number(number)
    return (zones[0] if len(zones) == 1 else None), (region if region and region.isalpha() else None)
