"""A worker as a process of its own: claims and hands over until nothing is due, or until it is killed."""

import sys
import time
from pathlib import Path

from cadenza.mail.transports import Transports
from cadenza.runtime import Runtime, use
from cadenza.settings import Settings
from cadenza.store import database
from tasks.claim_steps import claim_steps
from tasks.recover_deliveries import recover_deliveries
from tasks.send_email import hand_over


def main(url: str, home: str, sink_port: str, seconds: str, lease_seconds: str) -> None:
    settings = Settings(
        home=Path(home),
        database_url=url,
        sink_port=int(sink_port),
        lease_seconds=int(lease_seconds),
        witness_grace_seconds=1,
        claim_size=20,
    )
    engine = database.connect(url)
    until = time.monotonic() + float(seconds)
    with use(Runtime(settings, engine, Transports(settings))):
        print("ready", flush=True)
        while time.monotonic() < until:
            recover_deliveries.fn()
            claim = claim_steps.fn("Europe/Berlin")
            if claim.delivery_ids:
                hand_over(claim.delivery_ids)
            elif claim.next_at is None:
                time.sleep(0.1)
            else:
                time.sleep(0.05)


main(*sys.argv[1:])
