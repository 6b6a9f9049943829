"""A mail server has a full disk, is stopped, or its mailboxes are out of reach, while mails leave and workers die."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from fault_run import SENDERS, rows
from faulty_wire import FaultyWire
from mail_rig import MailRig, missing

from cadenza.domain.delivery import AttemptResult
from cadenza.mail.transports import Outgoing


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[Path]:
    """A disk of so many megabytes."""
    folder.mkdir(parents=True, exist_ok=True)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", folder]).returncode:
        pytest.skip("no disk of its own may be mounted here")
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


class FullDisk:
    """Fills a disk, all but some bytes, again and again as mails leave."""

    def __init__(self, disk: Path, times: int) -> None:
        self.ballast = disk / "ballast"
        self.times = times
        self.until = 0.0

    def __call__(self, run) -> None:
        now = time.monotonic()
        if now < self.until:
            return
        if self.ballast.exists():
            run.happened["disk full"] += self.is_felt(run)
            self.ballast.unlink()
            self.until = now + 0.2
        elif run.happened["disk full"] < self.times:
            with self.ballast.open("wb", buffering=0) as file, suppress(OSError):
                while file.write(bytes(1 << 16)):
                    pass
            self.until = now + 0.4

    def is_felt(self, run) -> bool:
        """Whether the server has deferred a mail for it by now."""
        return bool(
            run.world.one("SELECT count(*) FROM deliveries WHERE state = 'deferred' AND reply_code IN (451, 452)")
        )


def uncertain(dice):
    """A worker that leaves a mail whose fate it does not know."""
    point = dice.choice(["after-claim", "after-compare-and-set", "mid-body", "after-dot", "after-250"])
    return [{"at": point, "countdown": dice.randint(1, 15)}]


#: Room for all mails of a large run, each of which takes a page.
SINK_MEGABYTES = 24


@pytest.fixture
def sink_disk(runtime) -> Iterator[Path]:
    with small_disk(runtime.settings.home / "sink", SINK_MEGABYTES) as disk:
        yield disk


def test_disk_of_the_sink_is_full(sink_disk, run, holds):
    run.drive(lambda _: [], most_faults=0, seconds=200, meanwhile=FullDisk(sink_disk, max(3, run.mails // 100)))
    holds(run, least_faults=1)


def test_sink_takes_whole_mails_or_none(sink_disk, sink, runtime):
    """The last mail fits in part: it must not be answered with 250."""
    (sink_disk / "ballast").write_bytes(bytes((SINK_MEGABYTES - 4) << 20))
    body = b"x" * 70 + b"\r\n"
    mails = [
        Outgoing(
            n, "a@sender.test", "c@customer.test", b"Message-ID: <%d@sender.test>\r\n\r\n%sEND\r\n" % (n, body * 20_000)
        )
        for n in range(4)
    ]
    transport = runtime.transports.of(1, {"kind": "sink"})
    results = [attempt.result for attempt in transport.send(mails, lambda _: True)]
    assert AttemptResult.DEFERRED in results
    held = [path.read_bytes() for path in Path(sink.folder, "Maildir", "new").iterdir()]
    assert all(mail.endswith(b"END\r\n") for mail in held)
    assert len(held) == results.count(AttemptResult.ACCEPTED) > 0


def test_postfix_with_copies_to_the_sender_and_a_torn_wire(postfix_run, mail_rig, holds):
    run = postfix_run
    with FaultyWire(mail_rig.smtp_port, {"answer-lost": 0.1, "cut": 0.05}) as wire:
        run.send_with_copies(mail_rig, wire.port)
        run.drive(uncertain, most_faults=max(5, run.mails // 20), seconds=250)
        run.happened += wire.happened
    holds(run, least_faults=6)


def test_postfix_with_its_folder_of_sent_mails(postfix_run, mail_rig, holds):
    """Over TLS with a login."""
    run = postfix_run
    run.send_with_login(mail_rig)
    run.drive(uncertain, most_faults=max(5, run.mails // 20), seconds=250)
    holds(run, least_faults=4)


def every(seconds: float, times: int, name: str, act):
    """Do something every so often."""
    next_at = time.monotonic() + seconds

    def meanwhile(run) -> None:
        nonlocal next_at
        if time.monotonic() > next_at and run.happened[name] < times:
            act(run)
            run.happened[name] += 1
            next_at = time.monotonic() + seconds

    return meanwhile


def restart(rig) -> None:
    for stop, start in ((rig.stop_smtp, rig.start_smtp), (rig.stop_imap, rig.start_imap)):
        stop()
        time.sleep(0.3)
        start()


def renumber(rig) -> None:
    """Give every mailbox a new UIDVALIDITY."""
    for number in range(SENDERS):
        if rig.messages(f"sender{number}@sender.test"):
            rig.change_uid_validity(f"sender{number}@sender.test")


@pytest.mark.parametrize("troubles", rows("restart", "renumber"))
def test_postfix_and_dovecot(postfix_run, mail_rig, holds, troubles):
    """Both are stopped and started; every mailbox gets a new UIDVALIDITY."""
    run = postfix_run
    run.send_with_copies(mail_rig)
    times = max(2, run.mails // 100)
    acts = [
        every(0.7, times, name, lambda _, act=act: act(mail_rig))
        for name, act in (("restart", restart), ("renumber", renumber))
        if name in troubles
    ]
    run.drive(
        uncertain,
        most_faults=max(3, run.mails // 40),
        seconds=250,
        meanwhile=lambda run: [act(run) for act in acts] and None,
    )
    holds(run, least_faults=4)


def test_disk_of_postfix_is_full(new_run, holds, tmp_path_factory):
    """452 at MAIL, and 451 or 452 when the disk fills up inside a message."""
    if reason := missing():
        pytest.skip(reason)
    spool = Path(tmp_path_factory.mktemp("cadenza-spool"))
    for folder in (spool, *spool.parents[:2]):
        folder.chmod(0o755)
    with small_disk(spool / "disk", 60) as disk, MailRig(spool=disk / "spool") as rig:
        run = new_run(rig.held_by_customers)
        run.send_with_copies(rig)
        run.drive(lambda _: [], most_faults=0, seconds=200, meanwhile=FullDisk(disk, max(2, run.mails // 100)))
        holds(run, least_faults=1)
