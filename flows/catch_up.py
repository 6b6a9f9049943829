"""What repairs what was interrupted?"""

from __future__ import annotations

from prefect import flow

from tasks.guard_senders import guard_senders
from tasks.recover_deliveries import Recovery, recover_deliveries
from tasks.schedule_waves import schedule_waves


@flow(name="catch-up")
def catch_up() -> Recovery:
    """Settle deliveries whose worker died, pause what comes back too often, and give every due step its wave.

    Runs on a slow schedule: whatever was killed, and even if Prefect forgot everything, nothing due is left behind.
    """
    recovery = recover_deliveries()
    guard_senders()
    schedule_waves()
    return recovery
