"""Which expectations of our own does Great Expectations know? Importing this module takes seconds: do it late."""

from __future__ import annotations

from typing import Any, ClassVar

import pandas as pd
from great_expectations.execution_engine import PandasExecutionEngine
from great_expectations.expectations.expectation import (
    ColumnAggregateExpectation,
    ColumnMapExpectation,
    render_suite_parameter_string,
)
from great_expectations.expectations.metrics.map_metric_provider import (
    ColumnMapMetricProvider,
    column_condition_partial,
)
from great_expectations.render import LegacyRendererType, RenderedStringTemplateContent
from great_expectations.render.renderer.renderer import renderer

from cadenza.domain.refusals import Severity
from data_contracts.enrollability import Rule
from data_contracts.policy import Policy

#: Great Expectations' word for what a broken rule does.
SEVERITIES = {Severity.REFUSE: "critical", Severity.HOLD: "warning", Severity.WARN: "info"}


class ColumnValuesClearOfBits(ColumnMapMetricProvider):  # type: ignore[misc]
    """Which values have none of some bits set."""

    condition_metric_name = "column_values.clear_of_bits"
    condition_value_keys = ("bits",)
    filter_column_isnull = False

    @column_condition_partial(engine=PandasExecutionEngine)  # type: ignore[untyped-decorator]
    def _pandas(cls, column: pd.Series[int], bits: int, **_: Any) -> pd.Series[bool]:  # noqa: N805
        return (column & bits) == 0


class ExpectContactsToBeClearOf(ColumnMapExpectation):  # type: ignore[misc]
    """Expect that no contact breaks a rule, read from the rule's bit in the mask."""

    bits: int
    code: str
    prose: str
    remedy: str
    effect: str

    map_metric: ClassVar[str] = "column_values.clear_of_bits"
    success_keys: ClassVar[tuple[str, ...]] = ("bits", "mostly")
    args_keys: ClassVar[tuple[str, ...]] = ("column", "bits")

    @classmethod
    @renderer(renderer_type=LegacyRendererType.PRESCRIPTIVE)  # type: ignore[untyped-decorator]
    @render_suite_parameter_string  # type: ignore[untyped-decorator]
    def _prescriptive_renderer(cls, configuration: Any = None, **_: Any) -> list[RenderedStringTemplateContent]:
        return [
            RenderedStringTemplateContent(
                content_block_type="string_template",
                string_template={
                    "template": "$prose. $code: $remedy",
                    "params": {name: configuration.kwargs[name] for name in ("prose", "code", "remedy")},
                },
            )
        ]


class ExpectValuesToBeCounted(ColumnAggregateExpectation):  # type: ignore[misc]
    """Expect nothing of a column but how often it has each value: the observed value, by the value's words."""

    metric_dependencies: ClassVar[tuple[str, ...]] = ("column.value_counts",)
    success_keys: ClassVar[tuple[str, ...]] = ()
    args_keys: ClassVar[tuple[str, ...]] = ("column",)

    def _validate(self, metrics: dict[str, Any], *_: Any, **__: Any) -> dict[str, Any]:
        counts = metrics["column.value_counts"]
        observed = {str(value): int(count) for value, count in counts.items()}
        return {"success": True, "result": {"observed_value": observed}}


def expect_rule(rule: Rule, policy: Policy) -> ExpectContactsToBeClearOf:
    """The expectation that nobody breaks a rule; the rule is on under the policy."""
    severity = rule.severity(policy) or Severity.WARN
    return ExpectContactsToBeClearOf(
        column="mask",
        bits=rule.bit,
        code=rule.code,
        prose=rule.prose,
        remedy=rule.refusal.remedy,
        effect=severity.value,
        severity=SEVERITIES[severity],
        meta={
            "code": rule.code,
            "way": "mask",
            "prose": rule.prose,
            "effect": severity.value,
            "remedy": rule.refusal.remedy,
        },
    )
