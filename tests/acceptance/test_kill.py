"""Workers are killed at random moments; every step is accepted exactly once."""

from __future__ import annotations

import email
import random
import time
from collections import Counter

MAILS = 1_200


def accepted(sink) -> Counter[str]:
    """How often the server took each Message-ID."""
    return Counter(email.message_from_bytes(path.read_bytes())["Message-ID"] for path in sink.folder.rglob("new/*"))


def test_one_accepted_mail_for_each_step_under_kill_9(world, sink, start_worker):
    version = world.sequence(world.email(1), world.email(2))
    world.rows(
        "UPDATE sequence_versions SET definition = jsonb_set(definition, '{follow_ups,eligible_days}', '\"everyday\"')"
    )
    for handle in ("ana", "ben"):
        world.enroll(world.contacts(MAILS // 4), version, world.mailbox(handle))
    moments = random.Random(7)
    kills = 0
    deadline = time.monotonic() + 240
    workers = []
    while world.one("SELECT count(*) FROM enrollments WHERE status <> 'finished'"):
        assert time.monotonic() < deadline, world.rows("SELECT state, count(*) FROM deliveries GROUP BY 1")
        while len(workers) < 2:
            workers.append(start_worker(seconds=120, lease_seconds=2))
            workers[-1].stdout.readline()
        time.sleep(moments.uniform(0.01, 0.4))
        if kills < 12:
            victim = workers.pop(moments.randrange(2))
            victim.kill()
            victim.wait()
            kills += 1
    assert kills > 3
    taken = accepted(sink)
    assert len(taken) == MAILS
    assert set(taken.values()) == {1}
