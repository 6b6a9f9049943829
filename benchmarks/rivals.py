"""The rules of an enrollment as others would write them: expressions of polars, and SQL for duckdb.

Each gives the masks and the refusals that ``data_contracts.verdict.judge`` gives for the same candidates, but for the
words of their details.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import duckdb
import numpy as np
import polars as pl
from numpy.typing import NDArray

from cadenza.domain.refusals import Severity
from data_contracts.enrollability import RULES, Scope, bits_by_severity
from data_contracts.policy import EnrollmentContext

Column = NDArray[Any]


@dataclass(frozen=True, eq=False, slots=True)
class Judged:
    """The bits of the broken rules of each candidate; for each broken rule whose, which, and if it is the reason."""

    masks: Column
    ordinals: Column
    codes: Column
    are_reasons: Column

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Judged) and all(
            np.array_equal(getattr(self, name), getattr(other, name)) for name in self.__dataclass_fields__
        )


def conditions(context: EnrollmentContext) -> dict[str, str]:
    """Where each rule is broken, as SQL that both understand; capacity apart."""
    batch = context.batch
    recently = context.now - timedelta(days=context.policy.cooldown_days)
    in_this = f"coalesce(active_sequence_id = {batch.sequence_id}, false)"
    senderless = "is_found AND user_id IS NULL"
    return {
        "SEQUENCE_INACTIVE": str(not batch.is_sequence_active),
        "SEQUENCE_EMPTY": str(not batch.step_count),
        "START_STEP_OUT_OF_RANGE": str(not batch.has_start),
        "BATCH_TOO_LARGE": str(batch.size > context.policy.batch_limit),
        "CONTACT_NOT_FOUND": "NOT is_found",
        "DUPLICATE_IN_BATCH": "is_duplicate",
        # Only records come without a contact; no contact here has options of its own, and no mail takes files along.
        "NO_ASSOCIATED_CONTACT": "False",
        "OVERRIDE_INVALID": "False",
        "ATTACHMENT_TOO_LARGE": "False",
        "ALREADY_IN_THIS_SEQUENCE": f"{in_this} AND NOT is_duplicate",
        "OWNER_PROPERTY_EMPTY": f"{senderless} AND NOT is_sender_named",
        "SENDER_MISSING": f"{senderless} AND is_sender_named",
        "SENDER_INACTIVE": "user_id IS NOT NULL AND NOT user_is_active",
        "NO_PERMISSION": "user_id IS NOT NULL AND NOT user_may_enroll",
        "NO_BULK_PERMISSION": f"{batch.size > 1} AND user_id IS NOT NULL AND NOT user_may_bulk",
        "SEQUENCE_NOT_SHARED": "user_id IS NOT NULL AND NOT sequence_shared",
        "MAILBOX_SETTINGS_MISSING": "user_id IS NOT NULL AND mailbox_id IS NULL",
        "SEND_AS_DENIED": "mailbox_id IS NOT NULL AND NOT is_own_mailbox",
        "MAILBOX_NOT_CONNECTED": "mailbox_id IS NOT NULL AND NOT mailbox_connected",
        "ALREADY_ENROLLED": f"active_enrollment_id IS NOT NULL AND NOT {in_this}",
        "EMAIL_MISSING": "is_found AND NOT has_email",
        "EMAIL_INVALID_SYNTAX": "has_email AND NOT is_email_valid",
        "SPAM_COMPLAINT": "complained_at IS NOT NULL",
        "OPTED_OUT_ALL": "opted_out_at IS NOT NULL",
        "OPTED_OUT_SENDER": "sender_opted_out_at IS NOT NULL",
        "ADDRESS_SUPPRESSED": "address_suppressed",
        "DOMAIN_SUPPRESSED": "domain_suppressed",
        "HARD_BOUNCED": "bounced_at IS NOT NULL",
        "REENROLL_COOLDOWN": (
            f"coalesce(CAST(last_ended_at AS TIMESTAMP) > TIMESTAMP '{recently:%Y-%m-%d %H:%M:%S}', false)"
            " AND active_enrollment_id IS NULL"
            if context.policy.cooldown_days
            else "False"
        ),
        "TOKEN_MISSING": "missing_tokens IS NOT NULL",
        "START_IN_PAST": "is_start_in_past",
        "EMAIL_ROLE_ADDRESS": "is_role_address",
        "TIMEZONE_INVALID": "is_zone_unknown",
    }


def _contact_mask(context: EnrollmentContext) -> str:
    known = conditions(context)
    applied = [rule for rule in RULES if rule.severity(context.policy) and rule.scope is not Scope.CAPACITY]
    if strange := [rule.code for rule in applied if rule.code not in known]:
        raise SystemExit(f"benchmarks/rivals.py knows no condition for {', '.join(strange)}: write it there.")
    return " + ".join(f"CASE WHEN {known[rule.code]} THEN {rule.bit} ELSE 0 END" for rule in applied)


class Polars:
    """Expressions, made once; lazy, on all cores."""

    def __init__(self, context: EnrollmentContext) -> None:
        self.context = context
        self.contact_mask = pl.sql_expr(f"CAST({_contact_mask(context)} AS BIGINT)")

    def judge(self, frame: pl.DataFrame, taken: Mapping[int, int]) -> Judged:
        """The masks, and a row for each broken rule."""
        bits, bit = bits_by_severity(self.context.policy), {rule.code: rule.bit for rule in RULES}
        mask = pl.col("mask")
        passing = (mask & (bits[Severity.REFUSE] | bits[Severity.HOLD])) == 0
        today = pl.col("due_at") < self.context.now + timedelta(days=1)
        uses_today = passing & pl.col("mailbox_daily_left").is_not_null() & pl.col("mailbox_connected") & today
        mailbox = pl.col("mailbox_id")
        used = mailbox.replace_strict(dict(taken), default=0, return_dtype=pl.Int64) if taken else pl.lit(0)
        judged = frame.lazy().with_columns(mask=self.contact_mask).with_row_index("row")
        over = (
            judged.filter(uses_today)
            .sort("mailbox_id", "due_at", "row")
            .filter(pl.int_range(pl.len()).over("mailbox_id") + used >= pl.col("mailbox_daily_left"))
            .select("row", over=pl.lit(bit["DAILY_LIMIT"], pl.Int64))
        )
        no_slot = passing & pl.col("due_at").is_null() & ~pl.col("is_start_in_past")
        whole = (
            judged.join(over, on="row", how="left", maintain_order="left")
            .select(
                "ordinal",
                mask=mask + pl.when(no_slot).then(bit["NO_SLOT"]).otherwise(0) + pl.col("over").fill_null(0),
            )
            .with_columns(
                worst=pl.when(mask & bits[Severity.REFUSE] != 0)
                .then(mask & bits[Severity.REFUSE])
                .when(mask & bits[Severity.HOLD] != 0)
                .then(mask & bits[Severity.HOLD])
                .otherwise(mask)
            )
            .with_columns(reason=pl.col("worst") & (-pl.col("worst")))
            .collect()
        )
        broken = [
            whole.lazy()
            .filter(mask & rule.bit != 0)
            .select("ordinal", code=pl.lit(number, pl.Int8), is_reason=pl.col("reason") == rule.bit)
            for number, rule in enumerate(RULES)
        ]
        table = pl.concat(broken).sort("ordinal", "code").collect()
        return Judged(whole["mask"].to_numpy(), *(table[name].to_numpy() for name in table.columns))


class Duckdb:
    """Two statements over the frame in memory."""

    def __init__(self, context: EnrollmentContext) -> None:
        self.context = context
        self.connection = duckdb.connect()
        self.connection.execute("SET TimeZone = 'UTC'")
        bits, bit = bits_by_severity(context.policy), {rule.code: rule.bit for rule in RULES}
        tomorrow = context.now + timedelta(days=1)
        refuse, hold = bits[Severity.REFUSE], bits[Severity.HOLD]
        self.masks = f"""
            CREATE OR REPLACE TEMP TABLE whole AS
            WITH judged AS (
                SELECT row_number() OVER () AS row, * , CAST({_contact_mask(context)} AS BIGINT) AS mask FROM frame
            ), passing AS (
                SELECT *, mask & {refuse | hold} = 0 AS passes FROM judged
            ), over_limit AS (
                SELECT row FROM (
                    SELECT p.row, mailbox_daily_left,
                           row_number() OVER (PARTITION BY p.mailbox_id ORDER BY due_at, p.row) - 1
                               + coalesce(t.mails, 0) AS rank
                    FROM passing p LEFT JOIN taken t ON t.mailbox_id = p.mailbox_id
                    WHERE passes AND mailbox_daily_left IS NOT NULL AND mailbox_connected
                      AND due_at < TIMESTAMP '{tomorrow:%Y-%m-%d %H:%M:%S}'
                ) ranked
                WHERE rank >= mailbox_daily_left
            )
            SELECT p.row, ordinal,
                   mask + CASE WHEN passes AND due_at IS NULL AND NOT is_start_in_past THEN {bit["NO_SLOT"]} ELSE 0 END
                        + CASE WHEN o.row IS NULL THEN 0 ELSE {bit["DAILY_LIMIT"]} END AS mask
            FROM passing p LEFT JOIN over_limit o ON o.row = p.row
        """
        rules = ", ".join(f"({number}, {rule.bit})" for number, rule in enumerate(RULES))
        self.refusals = f"""
            SELECT ordinal, CAST(code AS TINYINT) AS code, worst & -worst = bit AS is_reason
            FROM (
                SELECT *, CASE WHEN mask & {refuse} <> 0 THEN mask & {refuse} WHEN mask & {hold} <> 0 THEN mask & {hold}
                               ELSE mask END AS worst
                FROM whole WHERE mask <> 0
            ) broken JOIN (VALUES {rules}) AS rule(code, bit) ON mask & bit <> 0
            ORDER BY ordinal, code
        """

    def judge(self, frame: Any, taken: Mapping[int, int]) -> Judged:
        """The masks, and a row for each broken rule; ``frame`` is an Arrow table."""
        self.connection.register("frame", frame)
        mails = pl.DataFrame({"mailbox_id": list(taken), "mails": list(taken.values())}, _TAKEN)
        self.connection.register("taken", mails.to_arrow())
        self.connection.execute(self.masks)
        masks = self.connection.execute("SELECT mask FROM whole ORDER BY row").fetchnumpy()["mask"]
        table = self.connection.execute(self.refusals).fetchnumpy()
        return Judged(masks, *(table[name] for name in ("ordinal", "code", "is_reason")))


_TAKEN = {"mailbox_id": pl.Int64, "mails": pl.Int64}
