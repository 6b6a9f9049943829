"""How is a frame checked against expectations? In memory, with counts only: no value ever gets into a result."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import cache
from importlib import import_module
from typing import Any

import pandas as pd

from cadenza.errors import ContractsDisagree

#: Great Expectations keeps a context per process: one validation at a time.
_one_at_a_time = threading.Lock()

#: Counts, no values: results are stored and shown.
RESULT_FORMAT = {"result_format": "BASIC", "partial_unexpected_count": 0, "exclude_unexpected_values": True}


def validate(frame: pd.DataFrame, expectations: Sequence[Any], name: str) -> Any:
    """Great Expectations' result of the expectations on the frame, an ``ExpectationSuiteValidationResult``.

    Raises:
        ContractsDisagree: an expectation could not be computed; a broken one is a result, not an error.
    """
    import great_expectations as gx

    with _one_at_a_time:
        batch = _definition(name).get_batch({"dataframe": frame})
        suite = gx.ExpectationSuite(name=name, expectations=list(expectations))
        result = batch.validate(suite, result_format=RESULT_FORMAT)
    for line in result.results:
        if not line.result and line.exception_info and not _is_quiet(line.exception_info):
            kind = line.expectation_config.type
            raise ContractsDisagree(
                f"The contract '{name}' could not be checked: {kind} failed with {line.exception_info}."
            )
    return result


def prepare() -> None:
    """Load Great Expectations, which takes seconds, so that the next validation need not."""
    import_module("data_contracts.expectations")
    with _one_at_a_time:
        _context()


@cache
def _context() -> Any:
    """Great Expectations' context of this process: making one takes as long as a validation."""
    import great_expectations as gx

    return gx.get_context(mode="ephemeral", project_config=_without_a_site())


@cache
def _definition(name: str) -> Any:
    asset = _context().data_sources.add_pandas(name).add_dataframe_asset(name)
    return asset.add_batch_definition_whole_dataframe(name)


def _without_a_site() -> Any:
    """A context that keeps nothing, shows no progress and reports to nobody."""
    from great_expectations.data_context.types.base import DataContextConfig, InMemoryStoreBackendDefaults

    return DataContextConfig(
        store_backend_defaults=InMemoryStoreBackendDefaults(),
        progress_bars={"globally": False},
        analytics_enabled=False,
    )


def _is_quiet(exception_info: dict[str, Any]) -> bool:
    """Whether no exception was raised; the information comes flat or keyed by metric."""
    if "raised_exception" in exception_info:
        return not exception_info["raised_exception"]
    return not any(entry.get("raised_exception") for entry in exception_info.values())
