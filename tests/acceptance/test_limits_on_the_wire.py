"""No window on the wire holds more mails of a mailbox than its limits allow, however many workers send."""

from __future__ import annotations

import email
from collections import defaultdict
from itertools import pairwise


def arrivals(sink) -> dict[str, list[float]]:
    """When each mail arrived at the server, by sender: the server's own times."""
    times = defaultdict(list)
    for path in sink.folder.rglob("new/*"):
        message = email.message_from_bytes(path.read_bytes())
        times[message["From"]].append(path.stat().st_mtime_ns / 1e9)
    return {sender: sorted(instants) for sender, instants in times.items()}


def most_in_window(instants: list[float], seconds: float) -> int:
    """The most mails in any window of so many seconds."""
    return max(sum(start <= instant < start + seconds for instant in instants) for start in instants)


def test_four_workers_keep_two_mailboxes_within_all_limits(world, sink, start_worker):
    limits = [(3, 2), (12, 8)]
    version = world.sequence()
    for handle in ("ana", "ben"):
        world.enroll(world.contacts(60), version, world.mailbox(handle, limits=limits))
    workers = [start_worker(seconds=14) for _ in range(4)]
    for worker in workers:
        assert worker.wait(60) == 0
    seen = arrivals(sink)
    assert len(seen) == 2
    for instants in seen.values():
        for mails, seconds in limits:
            assert most_in_window(instants, seconds) <= mails
        # The limits are used, not only kept: twelve in each of two windows at least.
        assert len(instants) >= 20
        assert all(after >= before for before, after in pairwise(instants))
    assert world.one("SELECT count(*) FROM deliveries WHERE state = 'sent'") == sum(map(len, seen.values()))
