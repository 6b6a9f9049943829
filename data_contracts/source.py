"""What must a source of contacts look like to be imported at all?

Single bad rows are no reason to refuse a list; a list that is mostly bad is: the wrong file, or the wrong column.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from cadenza.errors import SourceContractBroken


@dataclass(frozen=True, slots=True)
class SourceContract:
    """What a source promises."""

    min_rows: int = 1
    max_rows: int = 20_000_000
    #: The share of rows that can be read.
    readable_mostly: float = 0.8
    #: The share of readable rows that have a valid address.
    address_mostly: float = 0.5


DEFAULT_CONTRACT = SourceContract()

#: Other systems know many people without an address; that nobody has one means a wrong column.
FEED_CONTRACT = SourceContract(address_mostly=0.01)


def check_source(
    name: str, has_address: np.ndarray[Any, Any], rejected: int, contract: SourceContract = DEFAULT_CONTRACT
) -> None:
    """Check a source that was read to its end.

    ``has_address`` has one flag for each readable row. Great Expectations sees flags, never an address.

    Raises:
        SourceContractBroken: names each broken promise with its counts.
    """
    import pandas as pd

    from data_contracts.validation import validate

    readable = len(has_address)
    frame = pd.DataFrame(
        {
            "is_readable": np.concatenate([np.ones(readable, np.int8), np.zeros(rejected, np.int8)]),
            "email": np.concatenate([has_address.astype(np.int8), np.full(rejected, -1, np.int8)]),
        }
    )
    result = validate(frame, expectations_of(contract), "source")
    broken = [str(line.expectation_config.meta["promise"]) for line in result.results if not line.success]
    if not broken:
        return
    counts = f"{readable + rejected} rows, {rejected} of them unreadable, {int(has_address.sum())} with a valid address"
    raise SourceContractBroken(
        f"{name} breaks its contract ({counts}); nothing was imported: {'; '.join(broken)}. "
        "Is it the right file, and is the column of addresses the right one?"
    )


def expectations_of(contract: SourceContract) -> list[Any]:
    """What Great Expectations checks; each says in its meta what is promised."""
    import great_expectations.expectations as gxe

    return [
        gxe.ExpectTableRowCountToBeBetween(
            min_value=contract.min_rows,
            max_value=contract.max_rows,
            meta={"promise": f"a list has {contract.min_rows:,} to {contract.max_rows:,} rows"},
        ),
        gxe.ExpectColumnValuesToBeInSet(
            column="is_readable",
            value_set=[1],
            mostly=contract.readable_mostly,
            meta={"promise": f"at least {contract.readable_mostly:.0%} of the rows can be read"},
        ),
        gxe.ExpectColumnValuesToBeInSet(
            column="email",
            value_set=[1],
            mostly=contract.address_mostly,
            row_condition="is_readable == 1",
            condition_parser="pandas",
            meta={"promise": f"at least {contract.address_mostly:.0%} of the readable rows have a valid address"},
        ),
    ]
