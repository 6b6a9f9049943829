"""How does Great Expectations count rows that the database has tallied? Importing this module takes seconds: late."""

from __future__ import annotations

from typing import Any, ClassVar

import pandas as pd
from great_expectations.core.metric_domain_types import MetricDomainTypes
from great_expectations.execution_engine import PandasExecutionEngine
from great_expectations.expectations.expectation import BatchExpectation
from great_expectations.expectations.metrics.metric_provider import metric_value
from great_expectations.expectations.metrics.table_metric_provider import TableMetricProvider

from data_contracts.contract import Contract


class TallyOfBit(TableMetricProvider):  # type: ignore[misc]
    """How many rows a contract is about, and how many of them break it; a line of the frame stands for many rows."""

    metric_name = "table.tally_of_bit"
    value_keys = ("bit",)

    @metric_value(engine=PandasExecutionEngine)  # type: ignore[untyped-decorator]
    def _pandas(
        cls,  # noqa: N805
        execution_engine: PandasExecutionEngine,
        metric_domain_kwargs: dict[str, Any],
        metric_value_kwargs: dict[str, Any],
        **_: Any,
    ) -> tuple[int, int]:
        frame: pd.DataFrame
        frame, _, _ = execution_engine.get_compute_domain(metric_domain_kwargs, MetricDomainTypes.TABLE)
        bit = metric_value_kwargs["bit"]
        checked, broken = (int(frame.loc[(frame[column] & bit) != 0, "rows"].sum()) for column in ("applies", "broken"))
        return checked, broken


class ExpectStoredRowsToKeep(BatchExpectation):  # type: ignore[misc]
    """Expect that the stored rows, or most of them, keep a contract."""

    bit: int
    mostly: float

    metric_dependencies: ClassVar[tuple[str, ...]] = ("table.tally_of_bit",)
    success_keys: ClassVar[tuple[str, ...]] = ("bit", "mostly")
    args_keys: ClassVar[tuple[str, ...]] = ("bit", "mostly")

    def _validate(self, metrics: dict[str, Any], *_: Any, **__: Any) -> dict[str, Any]:
        checked, broken = metrics["table.tally_of_bit"]
        return {
            "success": checked - broken >= self.mostly * checked,
            "result": {"element_count": checked, "unexpected_count": broken},
        }


def expect_contract(contract: Contract, bit: int) -> ExpectStoredRowsToKeep:
    """The expectation that stored rows keep a contract."""
    return ExpectStoredRowsToKeep(
        bit=bit,
        mostly=contract.mostly,
        severity=contract.severity.value,
        meta={
            "way": "tally",
            "code": contract.code,
            "prose": contract.prose,
            "effect": contract.severity.value,
            "remedy": contract.remedy,
            "mostly": contract.mostly,
        },
    )
