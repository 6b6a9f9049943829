"""How long does it take to judge candidates? The facts query, the rules, and Great Expectations' recount.

The same masks and the same table of refusals by polars and by duckdb on the same frames in the same run; all three are
compared row by row.
"""

from __future__ import annotations

from collections import Counter

import polars as pl

from benchmarks import world
from benchmarks.ground import Laps, peak_memory_mb, runtime
from benchmarks.rivals import Duckdb, Judged, Polars
from cadenza.domain.enrollment import CONTACT_OWNER, EnrollmentOptions, Outcome, Segment
from cadenza.runtime import DrivenClock, current

RULES, AUDIT, POLARS, DUCKDB = "rules", "audit", "polars", "duckdb"


def judge_list(name: str, *, with_rivals: bool) -> tuple[Laps, Counter[Outcome]]:
    """Judge a list in chunks, as a preflight does, and let the rivals do the same; what it took, and the outcomes."""
    from data_contracts.audit import audit
    from data_contracts.policy import EnrollmentContext, policy_of
    from data_contracts.verdict import judge
    from tasks.begin_batch import outline_batch
    from tasks.load_candidates import load_candidates
    from tasks.time_first_steps import time_first_steps

    options = EnrollmentOptions(cooldown_days=30)
    batch = outline_batch.fn("hello", CONTACT_OWNER, Segment(name=name), options)
    context = EnrollmentContext(batch, policy_of(current().settings, options))
    polars, duckdb = Polars(context), Duckdb(context)
    laps, outcomes = Laps(current()), Counter[Outcome]()
    chunks = load_candidates.fn(batch)
    while True:
        with laps.of("facts"):
            candidates = next(chunks, None)
        if candidates is None:
            return laps, outcomes
        with laps.of("zones and first steps"):
            timed = time_first_steps.fn(candidates, batch)
        with laps.of(RULES):
            verdict = judge(timed, context)
        outcomes.update(verdict.outcomes)
        with laps.of(AUDIT):
            audit(verdict, context)
        if with_rivals:
            frame = pl.from_pandas(timed)
            with laps.of(POLARS):
                theirs = polars.judge(frame, context.taken)
            table = frame.to_arrow()
            with laps.of(DUCKDB):
                others = duckdb.judge(table, context.taken)
            refusals = verdict.refusals
            ours = Judged(
                verdict.frame["mask"].to_numpy(),
                refusals["ordinal"].to_numpy(),
                refusals["code"].cat.codes.to_numpy(),
                refusals["is_reason"].to_numpy(),
            )
            if not ours == theirs == others:
                raise SystemExit("The verdicts differ: the figures would compare different work.")
        context = EnrollmentContext(batch, context.policy, verdict.taken)
        polars.context = context


def main(size: int) -> None:
    """Judge a tenth of ``size`` candidates, then all of them; every fifth breaks a rule."""
    import great_expectations  # noqa: F401  (its import takes seconds, once a process)

    print(f"Great Expectations imported: {peak_memory_mb():,.0f} MB")
    with runtime(DrivenClock(world.NOW), default_time_zone="UTC") as ground:
        world.found(ground.engine, are_flawed=True)
        judged = {"a first tenth": size // 10, "all": size}
        for name, contacts in judged.items():
            world.fill(ground.engine, name, contacts, are_flawed=True)
            judge_list(name, with_rivals=False)
            print(f"{contacts:,} candidates: peak {peak_memory_mb():,.0f} MB", flush=True)
        laps, outcomes = judge_list("all", with_rivals=True)
    print(", ".join(f"{count:,} {outcome.value}" for outcome, count in outcomes.items()))
    for part, seconds in laps.wall.items():
        print(f"{part:27} {seconds:6.2f} s {laps.cpu[part]:6.2f} s CPU {size / seconds:12,.0f} candidates/s")
    for rival in (POLARS, DUCKDB):
        for what, parts in ((RULES, (RULES,)), ("rules and audit", (RULES, AUDIT))):
            wall, cpu = (sum(seconds[part] for part in parts) for seconds in (laps.wall, laps.cpu))
            print(f"{what}: {wall / laps.wall[rival]:.2f} × {rival}, {cpu / laps.cpu[rival]:.2f} × its CPU")
