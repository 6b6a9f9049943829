"""How do people read the contracts? ``python -m data_contracts.catalogue`` renews the tables of docs/contracts.md.

The tables stand between comments that name them; everything around them is written by hand.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from cadenza.domain.refusals import CATALOGUE, Refusal
from data_contracts.enrollability import RULES
from data_contracts.policy import Policy
from data_contracts.source import DEFAULT_CONTRACT, expectations_of
from data_contracts.stored_data import SUBJECTS

_PROJECT: Final = Path(__file__).parents[1]
PAGE: Final = _PROJECT / "docs" / "contracts.md"


def tables() -> dict[str, str]:
    """Every table of the page by its name."""
    used = codes_in_use()
    return {
        "source": "\n".join(f"- {expected.meta['promise']}" for expected in expectations_of(DEFAULT_CONTRACT)),
        "rules": _table(("what holds", "else", "code"), _rules()),
        "refusals": _table(
            ("code", "cause", "remedy", "effect"),
            (_refusal(refusal) for code, refusal in CATALOGUE.items() if code in used),
        ),
        "reserved": _table(
            ("code", "cause", "remedy"),
            ((f"`{code}`", r.cause, r.remedy) for code, r in CATALOGUE.items() if code not in used),
        ),
        **{
            subject.name: _table(
                ("contract", "promise", "broken", "remedy"),
                ((f"`{c.code}`", c.promise, c.severity.value, c.remedy) for c in subject.contracts),
            )
            for subject in SUBJECTS
        },
    }


def codes_in_use() -> set[str]:
    """The refusal codes that anything but the catalogue mentions; the others are names for rules to come."""
    words: set[str] = set()
    for folder in ("cadenza", "tasks", "flows", "data_contracts"):
        for path in (_PROJECT / folder).rglob("*"):
            if path.suffix in (".py", ".sql") and path.name != "refusals.py":
                words.update(re.findall(r"['\"]([A-Z][A-Z_]+)['\"]", path.read_text(encoding="utf-8")))
    return words & CATALOGUE.keys()


def up_to_date(page: str) -> str:
    """The page with its tables as the code has them."""
    for name, table in tables().items():
        begin, end = f"<!-- {name} -->\n", f"\n<!-- end of {name} -->"
        before, found, rest = page.partition(begin)
        _, closed, after = rest.partition(end)
        if not (found and closed):
            raise ValueError(f"docs/contracts.md has no place for the table {name!r}: put {begin!r} and {end!r} there.")
        page = f"{before}{begin}{table}{end}{after}"
    return page


def _rules() -> Iterator[tuple[str, ...]]:
    for rule in RULES:
        severity = rule.severity(Policy())
        yield rule.prose, severity.value if severity else "–", f"`{rule.code}`"


def _refusal(refusal: Refusal) -> tuple[str, ...]:
    effect = refusal.severity.value + (", tried again" if refusal.is_retryable else "")
    return f"`{refusal.code}`", refusal.cause, refusal.remedy, effect


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)


if __name__ == "__main__":
    PAGE.write_text(up_to_date(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
