"""What repairs what was interrupted?"""

from __future__ import annotations

from prefect import flow

from tasks.guard_senders import guard_senders
from tasks.pick_winners import pick_winners
from tasks.probe_mailboxes import probe_mailboxes
from tasks.reconcile_mailboxes import reconcile_mailboxes
from tasks.recover_deliveries import Recovery, recover_deliveries
from tasks.schedule_waves import schedule_waves


@flow(name="catch-up")
def catch_up() -> Recovery:
    """Settle deliveries whose worker died, take back mailboxes that are well again, and give due steps their waves.

    What a restored backup does not know of is looked up, what comes back too often is paused, the variant that does
    best wins. Runs on a slow schedule: whatever was killed, and even if Prefect forgot everything, nothing due is left
    behind.
    """
    recovery = recover_deliveries()
    reconcile_mailboxes()
    probe_mailboxes()
    guard_senders()
    pick_winners()
    schedule_waves()
    return recovery
