"""How the table of a connector in cadenza.toml becomes a connector."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from cadenza.connectors import open_connector
from cadenza.errors import SecretMissing, SettingsInvalid
from cadenza.settings import Settings

ONE = """
class Crm:
    def __init__(self, token="", size=3):
        self.token, self.size = token, size
    def check(self): return f"{self.token} {self.size}"
    def contacts(self, cursor): return iter(())
    def lists(self): return []
    def members(self, name, cursor): return iter(())
    def owners(self): return []
class Half:
    def check(self): return ""
"""


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A module of one's own, beside cadenza.toml."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    name = f"crm_of_{tmp_path.name.replace('-', '_')}"
    (tmp_path / f"{name}.py").write_text(ONE)
    (tmp_path / "token.txt").write_text("from a file\n")
    monkeypatch.setenv("CRM_TOKEN", "from the environment")
    return name


def opened(kind: str, **options: object):
    return open_connector("crm", kind, options, Path(), lambda block: f"from block {block}")


@pytest.mark.parametrize(
    ("option", "place", "expected"),
    [
        pytest.param("token_env", "CRM_TOKEN", "from the environment 3", id="environment"),
        pytest.param("token_file", "token.txt", "from a file 3", id="file"),
        pytest.param("token_block", "crm", "from block crm 3", id="Prefect block"),
        pytest.param("size", 7, " 7", id="no secret at all"),
    ],
)
def test_a_class_of_ones_own_is_made_with_its_options(own, option, place, expected):
    assert opened(f"{own}:Crm", **{option: place}).check() == expected


@pytest.mark.parametrize(
    ("kind", "options", "words"),
    [
        pytest.param("salesforce", {}, "no kind 'salesforce': write hubspot, sql or module:Class", id="no such kind"),
        pytest.param("nowhere:Crm", {}, "put nowhere.py into /", id="no such module"),
        pytest.param("{own}:Crn", {}, "cannot be imported", id="no such class"),
        pytest.param("{own}:Half", {}, "its methods are check, contacts, lists, members, owners", id="no connector"),
        pytest.param("hubspot", {}, "missing a required argument: 'token'", id="no token"),
        pytest.param("hubspot", {"tokn_env": "CRM_TOKEN"}, "Its options are token, properties", id="misspelt"),
        pytest.param("hubspot", {"token": "pat-1"}, 'write token_env = "ITS_NAME"', id="a token in the file"),
        pytest.param("sql", {"url": "mysql://me:pw@crm/x"}, 'write url_env = "ITS_NAME"', id="a password in the file"),
    ],
)
def test_a_wrong_table_is_refused_with_the_remedy(own, kind, options, words):
    with pytest.raises(SettingsInvalid) as raised:
        opened(kind.format(own=own), **options)
    assert words in str(raised.value)
    assert "[connectors.crm]" in str(raised.value)
    assert "pat-1" not in str(raised.value)


@pytest.mark.parametrize("options", [{"token_env": "UNSET"}, {"token_file": "gone.txt"}])
def test_a_secret_that_is_not_there_is_missed_by_name(own, options):
    with pytest.raises(SecretMissing, match=next(iter(options.values()))):
        opened("hubspot", **options)


def test_every_table_needs_a_kind_and_a_plain_name():
    with pytest.raises(ValueError, match=r"connectors\.crm\.kind"):
        Settings(connectors={"crm": {}})
    with pytest.raises(ValueError, match="My CRM"):
        Settings(connectors={"My CRM": {"kind": "hubspot"}})
