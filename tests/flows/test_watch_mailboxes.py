"""Answers in real mailboxes: within five seconds, once, before the next mail, and nobody waits for a broken server."""

from __future__ import annotations

import json
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import pytest

from cadenza.mail.links import unsubscribe_token
from cadenza.store import database, watching
from cadenza.store.answers import Recorded
from flows.send_wave import send_wave
from flows.watch_mailboxes import watch_mailboxes
from tasks import read_mailboxes as reading
from tasks.claim_steps import claim_steps
from tasks.read_mailboxes import Answers, give_up, read_mailboxes, take_in
from tasks.send_email import hand_over
from tasks.watch_mailboxes import Watch

BERLIN = "Europe/Berlin"
#: What the product promises.
PROMISED_SECONDS = 5.0


@dataclass
class Sender:
    """A mailbox on the real server, and the mails that it has sent."""

    world: Any
    rig: Any
    number: int
    id: int = 0

    def __post_init__(self) -> None:
        self.rig.clear(self.address)
        self.id = self.world.mailbox(f"user{self.number}")
        self.world.rows("UPDATE mailboxes SET address = :a WHERE id = :id", a=self.address, id=self.id)
        self.imap(self.rig.imap_port)

    @property
    def address(self) -> str:
        return f"sender{self.number}@sender.test"

    def imap(self, port: int, password: str = "RIG_PASSWORD") -> None:
        """Where the mailbox is read."""
        self.world.rows(
            "UPDATE mailboxes SET imap = jsonb_build_object('host', '127.0.0.1', 'port', CAST(:port AS int), "
            "'security', 'none', 'username', CAST(:name AS text), 'password_env', CAST(:password AS text)) "
            "WHERE id = :id",
            port=port, name=self.address, password=password, id=self.id,
        )  # fmt: skip

    def write_to(self, contacts: int = 1) -> list[int]:
        """Send the first mail of two to new contacts; returns the enrollments."""
        version = self.world.sequence(self.world.email(1), self.world.email(2, days=3))
        ids = self.world.enroll(self.world.contacts(contacts), version, self.id)
        hand_over(claim_steps.fn(BERLIN, read=[self.id]).delivery_ids)
        return ids

    def answer(self, enrollment: int, subject: str = "Re: Hello 1", to: str = "", **headers: str) -> bytes:
        """What the contact of an enrollment writes back."""
        row = self.world.rows(
            "SELECT message_id, to_address FROM deliveries WHERE enrollment_id = :e ORDER BY position", e=enrollment
        )[0]
        extra = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
        return (
            f"From: Kim <{row.to_address}>\r\nTo: <{to or self.address}>\r\nSubject: {subject}\r\n"
            f"Message-ID: <{time.monotonic_ns()}@customer.test>\r\nDate: Mon, 02 Mar 2026 10:00:00 +0000\r\n"
            f"In-Reply-To: {row.message_id}\r\n{extra}\r\nThank you for the mail, let us talk on Thursday.\r\n"
        ).encode()

    def receive(self, raw: bytes) -> None:
        self.rig.deliver("kim@customer.test", self.address, raw)

    def state(self, enrollment: int) -> str:
        return self.world.one("SELECT coalesce(ending, status) FROM enrollments WHERE id = :e", e=enrollment)

    def read(self) -> Answers:
        """What a wave does before it claims, as if something were due."""
        self.world.rows("UPDATE enrollments SET due_at = :now WHERE status = 'active'", now=self.world.now)
        return read_mailboxes.fn(BERLIN)


@pytest.fixture
def sender(world: Any, sink: Any, mail_rig: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int], Sender]]:
    """Makes senders with mailboxes on the real server."""
    monkeypatch.setenv("RIG_PASSWORD", mail_rig.password)
    monkeypatch.setenv("WRONG_PASSWORD", "wrong")
    yield lambda number=0: Sender(world, mail_rig, number)
    reading._inboxes.close()


@contextmanager
def watching_run(world: Any, seconds: float = 60) -> Iterator[Watch]:
    """A watch on a thread of its own, as a run of the flow keeps it."""
    watch = Watch(world.runtime, seconds)

    def run() -> None:
        list(watch.news(take_in, give_up))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield watch
    finally:
        watch.until = 0.0
        thread.join(15)
        assert not thread.is_alive()


def wait_until(is_so: Callable[[], object], seconds: float = 20) -> float:
    """How many seconds it took."""
    started = time.monotonic()
    while not is_so():
        assert time.monotonic() - started < seconds, f"not within {seconds} seconds"
        time.sleep(0.05)
    return time.monotonic() - started


@dataclass
class Proxy:
    """Stands before a server and hangs up after so many commands; or never says a word; or lets a server's leave to
    wait go on only together with what the server says next."""

    port: int
    commands: int = 10
    is_silent: bool = False
    joins_idle: bool = False
    is_joining: threading.Event = field(default_factory=threading.Event)
    connections: int = 0
    seen: list[bytes] = field(default_factory=list)

    def __enter__(self) -> Proxy:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        for one in [self._listener, *self._open]:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    @property
    def own_port(self) -> int:
        return int(self._listener.getsockname()[1])

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self.connections += 1
                self._open.append(client)
                if not self.is_silent:
                    server = socket.create_connection(("127.0.0.1", self.port))
                    self._open.append(server)
                    threading.Thread(target=self._forward, args=(client, server), daemon=True).start()
                    threading.Thread(target=self._pass, args=(server, client), daemon=True).start()

    def _forward(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError), client.makefile("rb") as lines:
            for number, line in enumerate(lines):
                self.seen.append(line)
                if number >= self.commands:
                    break
                server.sendall(line)
        for one in (client, server):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def _pass(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65_536):
                if self.joins_idle and data == b"+ idling\r\n":
                    self.is_joining.set()
                    data += source.recv(65_536)
                target.sendall(data)


# Within five seconds


def test_a_reply_ends_its_enrollment_within_five_seconds(sender, world):
    ana = sender()
    one, two = ana.write_to(2)
    with watching_run(world) as watch:
        wait_until(lambda: watch.watched and world.rows("SELECT FROM mailbox_folders"))
        time.sleep(1)  # now the connection waits
        times = []
        for enrollment in (one, two):
            ana.receive(ana.answer(enrollment))
            times.append(wait_until(lambda enrollment=enrollment: ana.state(enrollment) == "replied"))
    assert max(times) < PROMISED_SECONDS, times
    assert world.rows("SELECT watcher, watched_until FROM mailboxes") == [(None, None)]


def test_a_reply_that_comes_in_while_the_wait_begins_is_seen(sender, world):
    ana = sender()
    one = ana.write_to()[0]
    with Proxy(ana.rig.imap_port, commands=10_000, joins_idle=True) as proxy:
        ana.imap(proxy.own_port)
        with watching_run(world):
            assert proxy.is_joining.wait(20)
            ana.receive(ana.answer(one))
            assert wait_until(lambda: ana.state(one) == "replied") < PROMISED_SECONDS


def test_the_flow_reads_what_is_there_and_ends(sender, world, prefect_server):
    ana = sender()
    one = ana.write_to()[0]
    ana.receive(ana.answer(one))
    assert watch_mailboxes(seconds=4) == Recorded(noted=1, ended=1)


def test_without_a_mailbox_to_be_read_a_watch_ends_at_once(world):
    world.mailbox()
    started = time.monotonic()
    assert list(Watch(world.runtime, 60).news(take_in, give_up)) == []
    assert time.monotonic() - started < 5


def test_what_is_filed_as_junk_is_found_at_the_next_poll(sender, world):
    world.runtime.settings.watch_poll_seconds = 2
    ana = sender()
    one = ana.write_to()[0]
    ana.rig.append(ana.address, b"Subject: pills\r\n\r\nCheap pills.\r\n", "Junk")
    with watching_run(world):
        wait_until(lambda: len(world.rows("SELECT FROM mailbox_folders")) == 2)
        ana.rig.append(ana.address, ana.answer(one), "Junk")
        wait_until(lambda: ana.state(one) == "replied")


def test_a_quiet_mailbox_is_looked_into_and_a_lively_one_stays_connected(sender, world):
    ana = sender()
    with Proxy(ana.rig.imap_port, commands=10_000) as proxy:
        ana.imap(proxy.own_port)
        with watching_run(world):
            wait_until(lambda: world.rows("SELECT FROM mailbox_folders"))
            time.sleep(1)
            assert not any(b"IDLE" in line for line in proxy.seen)
            one = ana.write_to()[0]
            wait_until(lambda: any(b"IDLE" in line for line in proxy.seen))
            ana.receive(ana.answer(one))
            assert wait_until(lambda: ana.state(one) == "replied") < PROMISED_SECONDS


# One watcher for each mailbox


def test_each_mailbox_has_one_watcher_and_the_next_takes_over(sender, world):
    boxes = [sender(number) for number in range(3)]
    for box in boxes:
        box.write_to()
    with watching_run(world, seconds=4) as first:
        wait_until(lambda: len(first.watched) == 3)
        with watching_run(world) as second:
            time.sleep(1)
            assert not second.watched
            wait_until(lambda: len(second.watched) == 3)
            one = world.one("SELECT id FROM enrollments WHERE mailbox_id = :m", m=boxes[2].id)
            boxes[2].receive(boxes[2].answer(one))
            wait_until(lambda: boxes[2].state(one) == "replied")


def test_two_watches_that_start_at_once_never_share_a_mailbox(sender, world):
    for number in range(4):
        sender(number)
    taken: list[list[int]] = []

    def take(name: str) -> None:
        with database.transaction(world.runtime.engine) as connection:
            boxes = watching.lease(connection, name, world.now + reading.AWAY_FOR, 10, world.now)
            taken.append([box.id for box in boxes])

    threads = [threading.Thread(target=take, args=(f"w{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(id_ for ids in taken for id_ in ids) == [1, 2, 3, 4]


def test_a_watcher_that_is_not_heard_of_any_more_loses_its_mailboxes(sender, world):
    sender()
    with database.transaction(world.runtime.engine) as connection:
        assert watching.lease(connection, "dead", world.now + reading.AWAY_FOR, 10, world.now)
        assert not watching.lease(connection, "next", world.now + reading.AWAY_FOR, 10, world.now)
    world.runtime.clock.wait(61)
    with database.transaction(world.runtime.engine) as connection:
        assert watching.lease(connection, "next", world.now + reading.AWAY_FOR, 10, world.now)
        assert watching.renew(connection, "dead", world.now) == set()


# Before the next mail


def test_a_wave_reads_its_mailboxes_before_it_claims(sender, world, deployments, sink):
    ana = sender()
    one, two = ana.write_to(2)
    ana.receive(ana.answer(one))
    ana.rig.wait_for(ana.address)
    before = len(list(sink.folder.rglob("new/*")))
    world.runtime.clock.wait(3 * 86_400)
    send_wave(BERLIN)
    assert (ana.state(one), ana.state(two)) == ("replied", "finished")
    assert len(list(sink.folder.rglob("new/*"))) == before + 1


def test_nothing_is_claimed_from_a_mailbox_that_could_not_be_read_and_the_others_go_on(sender, world, sink):
    ana, ben = sender(0), sender(1)
    for box in (ana, ben):
        box.write_to()
    world.runtime.settings.answers_patience_seconds = 2
    with Proxy(0, is_silent=True) as proxy:
        ana.imap(proxy.own_port)
        world.runtime.clock.wait(3 * 86_400)
        started = time.monotonic()
        answers = ana.read()
        assert time.monotonic() - started < 4
    assert answers.read == (ben.id,)
    claimed = claim_steps.fn(BERLIN, read=answers.read)
    assert [row.mailbox_id for row in world.rows("SELECT mailbox_id FROM deliveries WHERE state = 'claimed'")] == [
        ben.id
    ]
    # The wave waits for it as for a slot.
    assert claimed.next_at == world.now + reading.AWAY_FOR
    assert ana.id not in read_mailboxes.fn(BERLIN).read
    ana.imap(ana.rig.imap_port)
    world.runtime.clock.wait(60)
    assert ana.id in read_mailboxes.fn(BERLIN).read
    assert len(claim_steps.fn(BERLIN, read=[ana.id]).delivery_ids) == 1


def test_a_mailbox_that_cannot_be_read_at_all_is_not_asked(world, sink):
    world.enroll(world.contacts(1), world.sequence(), world.mailbox())
    assert read_mailboxes.fn(BERLIN) == Answers()
    assert len(claim_steps.fn(BERLIN).delivery_ids) == 1


def test_a_mailbox_that_may_send_nothing_now_is_not_read(sender, world):
    ana = sender()
    ana.write_to()
    world.rows("""UPDATE mailboxes SET limits = '[{"count": 1, "seconds": 86400}]'""")
    assert ana.read().read == ()


def test_a_connection_is_kept_from_one_claim_to_the_next_and_replaced_when_it_is_gone(sender, world):
    ana = sender()
    one = ana.write_to()[0]
    with Proxy(ana.rig.imap_port, commands=10_000) as proxy:
        ana.imap(proxy.own_port)
        assert ana.read().read == (ana.id,)
        assert ana.read().read == (ana.id,)
        assert proxy.connections == 1
        for open_ in proxy._open:
            with suppress(OSError):
                open_.shutdown(socket.SHUT_RDWR)
        ana.receive(ana.answer(one))
        ana.rig.wait_for(ana.address)
        ana.read()
        assert proxy.connections == 2
        assert ana.state(one) == "replied"


def test_a_refused_login_disconnects_the_mailbox(sender, world):
    ana = sender()
    ana.write_to()
    ana.imap(ana.rig.imap_port, "WRONG_PASSWORD")
    assert ana.read().read == ()
    connected, why = world.rows("SELECT is_connected, disconnected_reason FROM mailboxes")[0]
    assert not connected
    assert "refused the login" in why


def test_a_watch_disconnects_what_refuses_the_login_and_goes_on_with_the_rest(sender, world):
    ana, ben = sender(0), sender(1)
    one = ben.write_to()[0]
    ana.imap(ana.rig.imap_port, "WRONG_PASSWORD")
    with watching_run(world):
        wait_until(lambda: world.rows("SELECT FROM mailboxes WHERE NOT is_connected") == [()])
        ben.receive(ben.answer(one))
        wait_until(lambda: ben.state(one) == "replied")


# Servers that are slow, away, or break off


def test_a_server_that_hangs_up_again_and_again_loses_no_answer(sender, world):
    ana = sender()
    ids = ana.write_to(4)
    with Proxy(ana.rig.imap_port, commands=9) as proxy:
        ana.imap(proxy.own_port)
        with watching_run(world):
            for one in ids:
                ana.receive(ana.answer(one))
                wait_until(lambda one=one: ana.state(one) == "replied")
        assert proxy.connections > 2
    assert world.one("SELECT count(*) FROM events WHERE kind = 'reply'") == 4


def test_a_silent_server_holds_up_nobody_else(sender, world):
    ana, ben = sender(0), sender(1)
    one = ben.write_to()[0]
    with Proxy(0, is_silent=True) as proxy:
        ana.imap(proxy.own_port)
        with watching_run(world) as watch:
            wait_until(lambda: proxy.connections and world.rows("SELECT FROM mailbox_folders"))
            time.sleep(1)
            ben.receive(ben.answer(one))
            assert wait_until(lambda: ben.state(one) == "replied") < PROMISED_SECONDS
            assert len(watch.watched) == 2


def test_a_server_that_is_back_is_read_again(sender, world):
    ana = sender()
    one = ana.write_to()[0]
    port = ana.rig.imap_port
    ana.imap(1)
    with watching_run(world) as watch:
        wait_until(lambda: world.one("SELECT away_until FROM mailboxes"))
        ana.receive(ana.answer(one))
        watch.watched[ana.id].stop.set()
        world.rows("UPDATE mailboxes SET watcher = NULL")
        ana.imap(port)
        wait_until(lambda: ana.state(one) == "replied")


# What is read


def test_a_folder_that_is_numbered_anew_is_read_again_and_changes_nothing(sender, world):
    ana = sender()
    one, two = ana.write_to(2)
    ana.receive(ana.answer(one))
    for _ in range(2):
        ana.receive(b"Subject: noise\r\n\r\nNoise.\r\n")
    noise = ana.rig.wait_for(ana.address, count=2, containing=b"Noise")
    assert ana.read().read == (ana.id,)
    before = world.rows("SELECT * FROM events ORDER BY id")
    was = world.rows("SELECT uid_validity FROM mailbox_folders")
    reading._inboxes.close()
    for path in ana.rig.paths(ana.address):
        if path.read_bytes() in noise:
            path.unlink()
    ana.rig.change_uid_validity(ana.address)
    # Its number is lower than the last that was read.
    ana.receive(ana.answer(two))
    ana.rig.wait_for(ana.address, count=2)
    ana.read()
    assert ana.state(two) == "replied"
    assert world.rows("SELECT uid_validity FROM mailbox_folders") != was
    assert world.rows("SELECT * FROM events WHERE id <= :n ORDER BY id", n=before[-1].id) == before
    assert world.one("SELECT count(*) FROM events WHERE kind = 'reply'") == 2


def test_a_mailbox_full_of_old_mails_is_read_from_the_first_enrollment_on(sender, world):
    ana = sender()
    with ana.rig.imap(ana.address) as connection:
        for number in range(120):
            connection.append("INBOX", "", '"01-Feb-2020 10:00:00 +0000"', f"Subject: {number}\r\n\r\nold".encode())
    one = ana.write_to()[0]
    ana.receive(ana.answer(one))
    ana.rig.wait_for(ana.address, containing=b"In-Reply-To")
    with Proxy(ana.rig.imap_port, commands=10_000) as proxy:
        ana.imap(proxy.own_port)
        ana.read()
        fetched = [line for line in proxy.seen if b"FETCH" in line]
    assert ana.state(one) == "replied"
    assert len(fetched) == 1
    assert b"FETCH 121 " in fetched[0]


def test_many_answers_are_taken_in_portions(sender, world):
    ana = sender()
    ids = ana.write_to(120)
    with ana.rig.imap(ana.address) as connection:
        for one in ids:
            connection.append("INBOX", "", "", ana.answer(one))
    ana.read()
    assert world.one("SELECT count(*) FROM enrollments WHERE ending = 'replied'") == 120
    assert world.rows("SELECT folder, last_uid FROM mailbox_folders") == [("INBOX", 120)]


def test_nothing_is_marked_as_read(sender, world):
    ana = sender()
    one = ana.write_to()[0]
    ana.receive(ana.answer(one))
    ana.rig.wait_for(ana.address)
    ana.read()
    with ana.rig.imap(ana.address) as connection:
        connection.select("INBOX", readonly=True)
        assert connection.search(None, "UNSEEN")[1] == [b"1"]


@pytest.mark.parametrize(
    "poison",
    [
        pytest.param(b"\0\xff\xfe" * 5000, id="no mail at all"),
        pytest.param(b"From: \xff\r\nMessage-ID: <\0@x>\r\nIn-Reply-To: <\0\r\n\r\n\0", id="broken headers"),
        pytest.param(b"Content-Type: multipart/mixed; boundary=a\r\n\r\n" + b"--a\r\n" * 20_000, id="many parts"),
        pytest.param(b"Subject: big\r\n\r\n" + b"x" * 3_000_000, id="large"),
    ],
)
def test_a_mail_that_nobody_can_read_does_not_keep_the_next_from_being_read(sender, world, poison):
    ana = sender()
    one = ana.write_to()[0]
    folder = ana.rig.maildir(ana.address) / "new"
    ana.receive(ana.answer(one, to="nobody@else.test", subject="x"))
    ana.rig.wait_for(ana.address)
    path = folder / "1.poison.host"
    path.write_bytes(poison)
    path.chmod(0o666)
    two = ana.write_to()[0]
    ana.receive(ana.answer(two))
    ana.rig.wait_for(ana.address, count=3)
    ana.read()
    assert (ana.state(one), ana.state(two)) == ("replied", "replied")


def test_a_portion_that_cannot_be_stored_is_taken_mail_by_mail(sender, world, monkeypatch, caplog):
    ana = sender()
    ids = ana.write_to(3)
    for one in ids:
        ana.receive(ana.answer(one))
    ana.rig.wait_for(ana.address, count=3)
    world.rows(f"ALTER TABLE events ADD CHECK (enrollment_id <> {ids[1]} OR kind <> 'reply')")
    ana.read()
    assert [ana.state(one) for one in ids] == ["replied", "active", "replied"]
    assert "is passed over" in caplog.text
    assert world.rows("SELECT last_uid FROM mailbox_folders") == [(3,)]


# What it means


def test_a_real_report_of_a_server_ends_the_enrollment_as_bounced(sender, world, monkeypatch):
    ana = sender()
    monkeypatch.setenv("SSL_CERT_FILE", str(ana.rig.ca_file))
    transport = {
        "kind": "smtp", "host": "127.0.0.1", "port": ana.rig.submission_port, "security": "starttls",
        "username": ana.address, "password_env": "RIG_PASSWORD",
    }  # fmt: skip
    with database.transaction(world.runtime.engine) as connection:
        connection.exec_driver_sql("UPDATE mailboxes SET transport = %s::jsonb", (json.dumps(transport),))
    version = world.sequence(world.email(1), world.email(2, days=3))
    contacts = world.contacts(2)
    for contact, local in zip(contacts, ("eod-554-5.1.1", "c1"), strict=True):
        domain = "fault.test" if local.startswith("eod") else "customer.test"
        world.rows("UPDATE contacts SET email_normalized = :a WHERE id = :id", a=f"{local}@{domain}", id=contact)
    one, two = world.enroll(contacts, version, ana.id)
    with watching_run(world):
        hand_over(claim_steps.fn(BERLIN, read=[ana.id]).delivery_ids)
        wait_until(lambda: ana.state(one) == "bounced", 30)
    assert ana.state(two) == "active"
    assert world.rows("SELECT value, reason FROM suppressions") == [("eod-554-5.1.1@fault.test", "hard_bounce")]
    assert world.one("SELECT data ->> 'match' FROM events WHERE kind = 'bounce'") in ("message", "own_id")


def test_an_absence_in_a_real_mailbox_holds_the_next_step(sender, world):
    ana = sender()
    one = ana.write_to()[0]
    raw = ana.answer(one, subject="Automatic reply: Hello 1", Auto_Submitted="auto-replied")
    ana.receive(raw.replace(b"Thank you for the mail, let us talk on Thursday.",
                            b"I am out of the office and will be back on 16 March 2026."))  # fmt: skip
    ana.rig.wait_for(ana.address)
    ana.read()
    status, reason, until = world.rows("SELECT status, held_reason, held_until FROM enrollments")[0]
    assert (status, reason, until.date().isoformat()) == ("active", "OUT_OF_OFFICE", "2026-03-16")


@pytest.mark.parametrize("is_genuine", [True, False])
def test_the_unsubscribe_address_takes_signed_tokens_only(sender, world, is_genuine):
    ana = sender()
    one, two = ana.write_to(2)
    token = unsubscribe_token(world.runtime.secret_key if is_genuine else b"another key", one)
    ana.receive(
        f"From: stranger@else.test\r\nTo: {ana.address}\r\nMessage-ID: <{time.monotonic_ns()}@x>\r\n"
        f"Subject: unsubscribe {token}\r\n\r\n".encode()
    )
    ana.rig.wait_for(ana.address)
    ana.read()
    assert (ana.state(one), ana.state(two)) == ("unsubscribed" if is_genuine else "active", "active")


def test_our_own_mails_and_answers_of_our_colleagues_change_nothing(sender, world):
    ana, ben = sender(0), sender(1)
    one = ana.write_to()[0]
    for own in (ana, ben):
        to_address = world.one("SELECT to_address FROM enrollments WHERE id = :e", e=one).encode()
        raw = ana.answer(one).replace(b"Kim <" + to_address + b">", own.address.encode())
        ana.receive(raw)
    ana.rig.wait_for(ana.address, count=2)
    ana.read()
    assert ana.state(one) == "active"
    assert world.one("SELECT count(*) FROM events") == 0


def test_logs_name_nobody_and_bodies_are_kept_nowhere(sender, world, caplog):
    caplog.set_level(logging.DEBUG)
    ana = sender()
    one = ana.write_to()[0]
    ana.receive(ana.answer(one))
    ana.rig.wait_for(ana.address)
    ana.read()
    assert ana.state(one) == "replied"
    ours = "\n".join(record.getMessage() for record in caplog.records if record.name.startswith(("tasks", "cadenza")))
    assert "1 answers" in ours
    assert "@" not in ours
    kept = world.one("SELECT string_agg(CAST(t AS text), ' ') FROM events t")
    assert "Thursday" not in kept
