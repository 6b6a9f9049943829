"""Do the pages say what the code says?"""

from __future__ import annotations

import re

import pytest

from cadenza.domain.refusals import CATALOGUE
from data_contracts.catalogue import PAGE, codes_in_use, tables, up_to_date
from data_contracts.enrollability import RULES
from data_contracts.stored_data import SUBJECTS


def test_the_tables_of_the_page_are_those_of_the_code() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page == up_to_date(page), "run: python -m data_contracts.catalogue"


@pytest.mark.parametrize("code", CATALOGUE)
def test_every_refusal_code_stands_on_the_page_once_with_its_cause_and_remedy(code: str) -> None:
    refusal = CATALOGUE[code]
    [line] = re.findall(rf"^\| `{code}` \| .*$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert line.startswith(f"| `{code}` | {refusal.cause} | {refusal.remedy} |")


def test_every_contract_about_stored_rows_stands_on_the_page() -> None:
    page = PAGE.read_text(encoding="utf-8")
    contracts = [contract for subject in SUBJECTS for contract in subject.contracts]
    assert [c.code for c in contracts if f"| `{c.code}` | {c.promise} | {c.severity} | {c.remedy} |" not in page] == []


def test_a_code_that_a_rule_checks_is_in_use_and_one_that_nothing_mentions_is_not() -> None:
    assert {rule.code for rule in RULES} <= codes_in_use()
    assert "NO_LEGAL_BASIS" not in codes_in_use()


def test_a_page_without_a_place_for_a_table_is_named() -> None:
    with pytest.raises(ValueError, match="'source'"):
        up_to_date("# A page\n")


def test_no_table_has_a_cell_that_ends_it_early() -> None:
    lines = [line for table in tables().values() for line in table.splitlines() if line.startswith("|")]
    assert [line for line in lines if len(re.findall(r"(?<!\\)\|", line)) not in (4, 5)] == []
