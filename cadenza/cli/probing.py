"""What do mailboxes say right now?"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cadenza.mail.probe import Probe


def probe_now(mailbox_ids: Collection[int]) -> dict[int, Probe]:
    """Probe mailboxes, however fresh their last probe is, and store what was found.

    The sink is asked too; a mailbox that a person disconnected is not.
    """
    from cadenza.cli.connection import transaction
    from cadenza.mail.probe import Probe
    from cadenza.runtime import current
    from cadenza.store.mailboxes import mailboxes_by_id
    from cadenza.store.probes import take_for_probe

    runtime = current()
    now = runtime.clock.now()
    with transaction() as connection:
        boxes = mailboxes_by_id(connection, mailbox_ids)
        taken = take_for_probe(connection, mailbox_ids, now, now)
    found = {
        box.id: Probe(runtime.transports.of(box.id, box.transport).check())
        for box in boxes.values()
        if box.transport.get("kind") == "sink"
    }
    if taken:
        from tasks.probe_mailboxes import probed

        found |= probed(taken, now)[1]
    return found
