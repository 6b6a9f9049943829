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
    "tschechische republik": "CZ", "czechia": "CZ", "slowakei": "SK", "ungarn": "HU", "rumänien": "RO",
    "bulgarien": "BG", "griechenland": "GR", "türkei": "TR", "turkey": "TR", "irland": "IE", "island": "IS",
    "kroatien": "HR", "slowenien": "SI", "serbien": "RS", "estland": "EE", "lettland": "LV", "litauen": "LT",
    "vereinigtes königreich": "GB", "großbritannien": "GB", "grossbritannien": "GB", "england": "GB", "scotland": "GB",
    "wales": "GB", "uk": "GB", "united kingdom": "GB", "great britain": "GB", "usa": "US", "u.s.a.": "US",
    "united states of america": "US", "vereinigte staaten": "US", "kanada": "CA", "mexiko": "MX", "brasilien": "BR",
    "argentinien": "AR", "australien": "AU", "neuseeland": "NZ", "indien": "IN", "japan": "JP", "südkorea": "KR",
    "south korea": "KR", "korea": "KR", "russland": "RU", "ukraine": "UA", "südafrika": "ZA", "ägypten": "EG",
    "vereinigte arabische emirate": "AE", "uae": "AE", "singapur": "SG", "viet nam": "VN",
}  # fmt: skip

#: Of zones with the same clocks the one that people know.
_LARGEST = frozenset({"Europe/London"})

#: Digits of the shortest number that is not a service's.
_SHORTEST_NUMBER = 7


@cache
def zone_names() -> frozenset[str]:
    """Every name that a zone goes by."""
    return frozenset(available_timezones() - {"Factory", "localtime"})


@cache
def _zone_names() -> dict[str, str]:
    """The name to keep of each zone, by every name it goes by: Asia/Calcutta is Asia/Kolkata."""
    current = {zone for zones in _zones_by_country().values() for zone in zones}
    links = {
        alias: target
        for kind, target, alias in (line.split() for line in _table("tzdata.zi") if line.startswith("L "))
        if target in current and alias not in current
    }
    return {name.casefold(): links.get(name, name) for name in zone_names()}


@lru_cache(maxsize=10_000)
def zone_named(name: str) -> str | None:
    """The zone that a text names, in any case; None: no zone has this name."""
    return _zone_names().get(name.strip().replace(" ", "_").casefold())


@lru_cache(maxsize=1_000)
def zone_of(name: str) -> ZoneInfo:
    """The clocks of a zone that exists."""
    return ZoneInfo(name)


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


@lru_cache(maxsize=1_000)
def zone_of_country(code: str, year: int) -> str | None:
    """The only time zone of a country; None: it has several.

    Zones whose clocks agree in the year and the one after count as one: Germany's two are the same.
    """
    return _only(tuple(_zones_by_country().get(code, ())), year)


@lru_cache(maxsize=100_000)
def zone_of_phone(phone: str, year: int) -> tuple[str | None, str | None]:
    """The only time zone of a phone number, "+" and digits, and its country; None where there are several.

    A mobile number tells no more than its country code; a US area code need not be where the person lives.
    """
    import phonenumbers
    from phonenumbers import timezone, tzdata

    digits = phone[1:]
    regions = phonenumbers.COUNTRY_CODE_TO_REGION_CODE
    code = next((digits[:size] for size in (1, 2, 3) if digits[:size].isdigit() and int(digits[:size]) in regions), "")
    if not code or len(digits) < _SHORTEST_NUMBER:
        return None, None
    zones: tuple[str, ...] = tzdata.TIMEZONE_DATA.get(code, ())
    if not (zone := _only(zones, year)):
        try:
            zones = timezone.time_zones_for_number(phonenumbers.parse(phone, None))
        except phonenumbers.NumberParseException:
            zones = ()
        zone = _only(zones, year)
    candidates = [region for region in regions[int(code)] if region.isalpha()]
    countries = candidates[:1] if len(candidates) == 1 else [c for c in candidates if zone in _zones_by_country()[c]]
    country = countries[0] if len(countries) == 1 else None
    return (country and zone and zone_of_country(country, year)) or zone, country


@lru_cache(maxsize=10_000)
def is_area_split(area: str) -> bool:
    """Whether numbers with a North American area code ("+1212") live in zones that more of their digits tell."""
    from phonenumbers import tzdata

    return any(len(prefix) > len(area) - 1 and prefix.startswith(area[1:]) for prefix in tzdata.TIMEZONE_DATA)


@lru_cache(maxsize=1_000)
def _only(zones: tuple[str, ...], year: int) -> str | None:
    """The one zone that all of these are, as far as their clocks in the year and the next can tell."""
    known = [known for zone in zones if (known := zone_named(zone))]
    if len(known) < len(zones):
        return None
    start = datetime(year, 1, 1, tzinfo=UTC)
    instants = [start + timedelta(days=days) for days in range(0, 730, 7)]
    clocks = {tuple(instant.astimezone(zone_of(zone)).utcoffset() for instant in instants) for zone in known}
    home = [zone for zone in known if zone in _LARGEST]
    return (home or known)[0] if len(clocks) == 1 else None
