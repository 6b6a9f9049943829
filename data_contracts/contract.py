"""What is promised about rows that are stored, and how bad is it when a row breaks the promise?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """What a broken contract does to the nightly report, in the words of Great Expectations."""

    #: An alarm: the run that finds it fails.
    CRITICAL = "critical"
    #: Somebody should look at it.
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Contract:
    """One promise about the stored rows of a subject."""

    code: str
    #: What holds of a row that keeps it.
    prose: str
    #: What to do about rows that break it.
    remedy: str
    severity: Severity = Severity.CRITICAL
    #: The share of rows that must keep it.
    mostly: float = 1.0

    @property
    def promise(self) -> str:
        """The contract in words, with its share."""
        return (
            self.prose if self.mostly == 1 else f"At least {self.mostly:.0%}: {self.prose[0].lower()}{self.prose[1:]}"
        )


@dataclass(frozen=True, slots=True)
class Subject:
    """What the contracts are about: one query in cadenza/store/quality."""

    name: str
    title: str
    contracts: tuple[Contract, ...]

    @property
    def bits(self) -> Mapping[str, int]:
        """The bit of each contract by its code."""
        return {contract.code: 1 << number for number, contract in enumerate(self.contracts)}
