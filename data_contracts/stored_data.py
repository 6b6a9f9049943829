"""Do the stored rows keep their contracts? Great Expectations judges what the database has tallied."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import pandas as pd

from cadenza.errors import ContractsDisagree
from data_contracts.contract import Subject
from data_contracts.documents import Chapter, promises_of
from data_contracts.stored_contacts import CONTACTS, IMPORTS
from data_contracts.stored_deliveries import DELIVERIES
from data_contracts.stored_enrollments import BATCHES, ENROLLMENTS
from data_contracts.validation import validate

#: Everything that is judged, in the order of the report.
SUBJECTS: Final = (CONTACTS, IMPORTS, ENROLLMENTS, BATCHES, DELIVERIES)


def judge_rows(subject: Subject, tally: pd.DataFrame, total: int, surplus: Mapping[str, int]) -> Chapter:
    """Each contract of a subject with its counts, broken ones first.

    ``tally`` has ``applies`` and ``broken``, bits of the contracts, and ``rows``, how many stored rows these are true
    of. ``total`` are the subject's rows, and ``surplus`` by code those that are there twice, counted in other ways.

    Raises:
        ContractsDisagree: the tally lost or doubled a row, or calls a contract kept that the other way calls broken.
    """
    frame = tally.assign(**surplus)
    result = validate(frame, [*_contracts(subject), *_recounts(total, surplus)], subject.name)
    promises = promises_of(result)
    kept = {promise.code for promise in promises if not promise.broken}
    for line in result.results:
        meta = line.expectation_config.meta
        if meta["way"] == "recount" and not line.success and meta.get("code", "") in {"", *kept}:
            raise ContractsDisagree(f"{subject.title} were counted in two ways that differ: {meta['told']}.")
    return Chapter(subject.title, promises)


def _contracts(subject: Subject) -> list[Any]:
    from data_contracts.tallies import expect_contract

    return [expect_contract(contract, subject.bits[contract.code]) for contract in subject.contracts]


def _recounts(total: int, surplus: Mapping[str, int]) -> list[Any]:
    """Stock expectations of the same, from numbers that were counted otherwise."""
    import great_expectations.expectations as gxe

    every = {"way": "recount", "told": f"there are {total:,} of them, and the tally has another number"}
    return [
        gxe.ExpectColumnSumToBeBetween(column="rows", min_value=total, max_value=total, meta=every),
        *(
            gxe.ExpectColumnValuesToBeInSet(
                column=code,
                value_set=[0],
                meta={"way": "recount", "code": code, "told": f"{code} is broken by {rows:,}, and the tally has none"},
            )
            for code, rows in surplus.items()
        ),
    ]
