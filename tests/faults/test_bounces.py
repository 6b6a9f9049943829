"""Mails come back while others leave: reports that come twice, late, and again after the mailbox was renumbered."""

from __future__ import annotations

import re
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from fault_run import SENDERS

from tasks.read_mailboxes import give_up, take_in
from tasks.watch_mailboxes import Watch


@pytest.fixture
def bouncing_run(postfix_run, mail_rig):
    """A run in which the mails of some contacts come back at once."""
    run = postfix_run
    run.send_with_copies(mail_rig)
    run.world.rows(
        """
        WITH gone AS (
            UPDATE contacts SET email_normalized = 'rcpt-550-5.1.1+' || id || '@fault.test' WHERE id % 5 = 0
            RETURNING id, email_normalized
        )
        UPDATE enrollments e SET to_address = gone.email_normalized FROM gone WHERE e.contact_id = gone.id
        """
    )
    rows = run.world.rows("SELECT id FROM enrollments WHERE to_address LIKE '%@fault.test'")
    run.bouncing = frozenset(row.id for row in rows)
    assert run.bouncing
    return run


class Echo:
    """Files reports again: the same bytes, the same report under another id, all of them under other UIDs."""

    def __init__(self, rig) -> None:
        self.rig = rig
        self.echoed: set[bytes] = set()
        self.next_at = 0.0

    def __call__(self, run) -> None:
        if time.monotonic() < self.next_at:
            return
        self.next_at = time.monotonic() + 0.7
        for number in range(SENDERS):
            user = f"sender{number}@sender.test"
            for report in self.rig.messages(user):
                found = re.search(rb"(?m)^Message-Id: (<\S+@mx.rig.test>)$", report)
                if b"multipart/report" not in report or found is None or found[1] in self.echoed:
                    continue
                other = b"<again." + found[1][1:]
                self.echoed |= {found[1], other}
                self.rig.append(user, report)
                self.rig.append(user, report.replace(found[1], other, 1))
                run.happened["report again"] += 2
            if self.rig.messages(user):
                self.rig.change_uid_validity(user)
                run.happened["renumbered"] += 1


@contextmanager
def watched(run) -> Iterator[None]:
    """The mailboxes are watched all the time, as flows/watch_mailboxes.py does, beside being read before claims."""
    watch = Watch(run.world.runtime, 600)
    thread = threading.Thread(target=lambda: deque(watch.news(take_in, give_up), maxlen=0))
    thread.start()
    try:
        yield
    finally:
        watch.until = 0
        thread.join()


def test_reports_come_twice_and_late(bouncing_run, mail_rig, holds):
    run = bouncing_run
    echo = Echo(mail_rig)
    with watched(run):
        run.drive(
            lambda dice: [{"at": "after-250", "countdown": dice.randint(1, 20)}],
            most_faults=max(3, run.mails // 40),
            seconds=250,
            meanwhile=echo,
        )
        # The last reports come when everything is over.
        time.sleep(1)
        echo.next_at = 0
        echo(run)
        time.sleep(3)
    assert holds(run, least_faults=4).held == 0
    people = run.world.rows("""
        SELECT e.id, e.ended_at, e.ending, c.bounced_at, max(d.claimed_at) AS claimed_at
        FROM enrollments e JOIN contacts c ON c.id = e.contact_id LEFT JOIN deliveries d ON d.enrollment_id = e.id
        GROUP BY 1, 2, 3, 4
    """)
    gone = [person for person in people if person.id in run.bouncing]
    assert all(person.bounced_at for person in gone)
    # Nothing was claimed after a report had been read; some were read when both mails had left.
    assert {person.ending for person in gone} <= {"bounced", None}
    # Both instants are those at which a transaction began: a claim that was under way counts as before.
    under_way = timedelta(seconds=1)
    assert all(person.claimed_at < person.ended_at + under_way for person in gone if person.ending)
    assert not [p for p in people if p.id not in run.bouncing and (p.bounced_at or p.ending == "bounced")]
