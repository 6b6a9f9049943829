"""Workers are killed at random moments; every step is accepted exactly once."""

from __future__ import annotations

import email
import random
import subprocess
import time
from collections import Counter

MAILS = 600
KILLS = 8


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
    deadline = time.monotonic() + 240
    workers: list[subprocess.Popen[str]] = []

    def work_until(query: str) -> None:
        while True:
            while len(workers) < 2:
                workers.append(start_worker(seconds=240, lease_seconds=2))
                workers[-1].stdout.readline()
            if world.one(query):
                return
            assert time.monotonic() < deadline, world.rows("SELECT state, count(*) FROM deliveries GROUP BY 1")
            time.sleep(moments.uniform(0, 0.02))

    for kill in range(1, KILLS + 1):
        work_until(f"SELECT count(*) >= {kill * MAILS // (KILLS + 2)} FROM deliveries WHERE state = 'sent'")
        victim = workers.pop(moments.randrange(2))
        victim.kill()
        victim.wait()
    work_until("SELECT NOT EXISTS (SELECT FROM enrollments WHERE status <> 'finished')")
    taken = accepted(sink)
    assert len(taken) == MAILS
    assert set(taken.values()) == {1}
