"""What comes next, and does it have its run?"""

from __future__ import annotations

from cadenza.cli.connection import connect


def plan_waves() -> None:
    """Let what became due have its wave at once, where a Prefect server runs; otherwise ``catch-up`` does it later."""
    if not connect():
        return
    from tasks.schedule_waves import schedule_waves

    schedule_waves.fn()
