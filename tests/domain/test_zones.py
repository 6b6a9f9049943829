"""Is a contact's time zone found where it can be known, and nowhere else?"""

from __future__ import annotations

import pytest

from cadenza.domain.zones import country_code, is_area_split, zone_named, zone_of_country, zone_of_phone


@pytest.mark.parametrize(
    ("name", "zone"),
    [
        ("Europe/Berlin", "Europe/Berlin"),
        (" europe/berlin ", "Europe/Berlin"),
        ("America/New York", "America/New_York"),
        ("Asia/Calcutta", "Asia/Kolkata"),
        ("US/Eastern", "America/New_York"),
        ("utc", "UTC"),
        ("Berlin", None),
        ("CEST", None),
        ("", None),
        ("../../etc/passwd", None),
        ("Factory", None),
    ],
)
def test_a_zone_goes_by_several_names_and_is_kept_under_one(name: str, zone: str | None) -> None:
    assert zone_named(name) == zone


@pytest.mark.parametrize(
    ("country", "code"),
    [("Germany", "DE"), ("de", "DE"), ("Deutschland", "DE"), ("USA", "US"), ("United Kingdom", "GB"), ("Czechia", "CZ"),
     ("Österreich ", "AT"), ("Viet Nam", "VN"), ("Vietnam", "VN"), ("Atlantis", None), ("", None)],
)  # fmt: skip
def test_a_country_is_a_code_or_a_name_in_english_or_german(country: str, code: str | None) -> None:
    assert country_code(country) == code


@pytest.mark.parametrize(
    ("code", "zone"),
    [
        pytest.param("DE", "Europe/Berlin", id="two zones with the same clocks are one"),
        pytest.param("JP", "Asia/Tokyo", id="one zone"),
        pytest.param("KZ", "Asia/Almaty", id="one since it changed its rules in 2024"),
        pytest.param("US", None, id="several zones"),
        pytest.param("ES", None, id="the Canary Islands are an hour behind"),
        pytest.param("XX", None, id="no country"),
    ],
)
def test_a_country_tells_the_zone_if_it_has_only_one(code: str, zone: str | None) -> None:
    assert zone_of_country(code, 2026) == zone


def test_what_counts_is_the_year_of_the_enrollment() -> None:
    assert zone_of_country("KZ", 2020) is None


@pytest.mark.parametrize(
    ("phone", "zone", "country"),
    [
        pytest.param("+4930901820", "Europe/Berlin", "DE", id="a landline"),
        pytest.param("+4915112345678", "Europe/Berlin", "DE", id="a mobile of a country with one zone"),
        pytest.param("+12125551234", "America/New_York", "US", id="an area code"),
        pytest.param("+17804561234", "America/Edmonton", "CA", id="an area code in Canada"),
        pytest.param("+18005551234", None, None, id="toll-free: anywhere"),
        pytest.param("+15551234567", None, None, id="no such area code"),
        pytest.param("+79161234567", None, None, id="a Russian mobile: eleven zones"),
        pytest.param("+74951234567", "Europe/Moscow", "RU", id="a landline in Moscow"),
        pytest.param("+61412345678", None, None, id="an Australian mobile"),
        pytest.param("+61291234567", "Australia/Sydney", "AU", id="a landline in Sydney"),
        pytest.param("+447911123456", "Europe/London", "GB", id="zones with the same clocks are one"),
        pytest.param("+3726123456", "Europe/Tallinn", "EE", id="the country's own name for its zone"),
        pytest.param("+999123456789", None, None, id="no such country"),
        pytest.param("+49", None, None, id="too short"),
        pytest.param("+", None, None, id="nothing"),
    ],
)
def test_a_phone_number_tells_the_zone_if_it_can_be_only_one(phone: str, zone: str | None, country: str | None) -> None:
    assert zone_of_phone(phone, 2026) == (zone, country)


def test_some_area_codes_lie_in_two_zones() -> None:
    assert not is_area_split("+1212")
    assert is_area_split("+1850")
