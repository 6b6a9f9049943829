"""Which value a setting has, and what is said of a wrong one."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_network

import pytest

from cadenza.errors import SettingsInvalid
from cadenza.settings import Settings, load_settings


@pytest.fixture
def load(tmp_path, monkeypatch) -> Callable[..., Settings]:
    """Loads the settings from a cadenza.toml and an environment."""
    monkeypatch.chdir(tmp_path)

    def read(toml: str = "", **environment: str) -> Settings:
        (tmp_path / "cadenza.toml").write_text(toml)
        for name, value in environment.items():
            monkeypatch.setenv(f"CADENZA_{name}", value)
        load_settings.cache_clear()
        return load_settings()

    yield read
    load_settings.cache_clear()


def test_the_environment_wins_over_the_file_and_the_file_over_the_default(load):
    assert load().claim_size == 500
    assert load("claim_size = 7").claim_size == 7
    assert load("claim_size = 7", CLAIM_SIZE="9").claim_size == 9


def test_links_follow_the_port_of_the_pages_unless_they_are_set(load):
    assert load().public_url == "http://127.0.0.1:8710"
    assert load("web_port = 9000").public_url == "http://127.0.0.1:9000"
    assert load('web_port = 9000\npublic_url = "https://x.example/mail/"').public_url == "https://x.example/mail"


def test_trusted_proxies_are_addresses_or_networks(load):
    assert load(TRUSTED_PROXIES='["10.0.0.0/8", "192.0.2.7"]').trusted_proxies == [
        ip_network("10.0.0.0/8"),
        ip_network("192.0.2.7"),
    ]


def test_a_time_zone_is_known_by_any_of_its_names(load):
    assert load(DEFAULT_TIME_ZONE="europe/berlin").default_time_zone == "Europe/Berlin"


@pytest.mark.parametrize(
    ("toml", "words"),
    [
        ("claim_sise = 5", "claim_sise"),
        ("claim_size = 0", "claim_size: Input should be greater than 0"),
        ('default_time_zone = "Mars/One"', "'Mars/One' is no time zone"),
        ('public_url = "mail.example.com"', "public_url"),
        ('public_url = "https://[1"', "public_url: Value error, Invalid IPv6 URL"),
        ('public_url = "https://:8000"', "public_url: Value error, there is no host in it"),
        ('public_url = "https://x.example:port"', "public_url: Value error, Port could not be cast"),
        ('public_url = "https://x.example/\\r\\nX-Evil: 1"', "public_url"),
        ('trusted_proxies = ["10.0.0.0/99"]', "trusted_proxies.0"),
        ("mailbox_limits = [{count = 3}]", "mailbox_limits.0.seconds"),
    ],
)
def test_a_wrong_value_is_named_with_the_page_that_explains_it(load, toml, words):
    with pytest.raises(SettingsInvalid) as caught:
        load(toml)
    assert words in str(caught.value)
    assert "docs/configuration.md" in str(caught.value)
    assert "\n" not in str(caught.value)
