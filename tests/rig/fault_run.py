"""Mails handed over by workers that fail, and what the server's mailboxes really hold afterwards."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import pytest
from mail_rig import MailRig
from nursery import Nursery
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from cadenza.domain.sequence import EligibleDays, FollowUpPolicy
from cadenza.errors import DatabaseUnavailable

#: ``make faults`` says how many mails a row has; without it a few show that each row still holds.
IS_LARGE = "FAULTS_MAILS" in os.environ
MAILS = int(os.environ.get("FAULTS_MAILS", "60"))
STEPS = 2
SENDERS = 4
#: Of each hundred contacts, so many are suppressed while mails leave, and so many answer.
INTERRUPTED_PERCENT = 8
#: A Message-ID of ours: enrollment and position.
_OWN_ID = re.compile(rb"(?mi)^message-id:\s*(<(\d+)\.(\d+)\.[0-9a-f]+@[^>]+>)")
#: How Postfix calls what it took. Stopped in the middle of its own delivery, it delivers the same once more.
_TAKEN_AS = re.compile(rb"\(Postfix\) with \w+ id (\w+);")
_END = b"--=_cadenza_alternative--"


def rows(*names: str) -> list[Any]:
    """Parameters of a test: each name a row of its own in a large run, all of them in one row otherwise."""
    return [pytest.param([name], id=name) for name in names] if IS_LARGE else [pytest.param(list(names), id="any")]


@dataclass(frozen=True)
class Outcome:
    """What a run came to. All after ``faults`` should be zero, but for ``held``: a person decides about these."""

    mails: int
    faults: int
    lost: int
    doubled: int
    unwanted: int
    torn: int
    held: int
    seconds: float
    #: What is wrong, for the reader of a failure.
    details: tuple[str, ...] = ()

    @property
    def is_clean(self) -> bool:
        return (self.lost, self.doubled, self.unwanted, self.torn) == (0, 0, 0, 0)


@dataclass
class Interruption:
    """A contact that was suppressed, or answered, while mails left: what it may still have got by then."""

    #: Positions that had been accepted, and one that may or may not have been.
    accepted: frozenset[int]
    uncertain: frozenset[int]


@dataclass
class FaultRun:
    """One run: fill, drive, judge."""

    world: Any
    nursery: Nursery
    #: Every mail that the server's mailboxes hold.
    mailboxes: Callable[[], Iterable[bytes]]
    mails: int = MAILS
    seed: int = 7
    settings: dict[str, Any] = field(default_factory=dict)
    #: More of a worker's configuration.
    config: dict[str, Any] = field(default_factory=dict)
    interruptions: dict[int, Interruption] = field(default_factory=dict)
    #: Enrollments whose mails come back: no mailbox ever holds one.
    bouncing: frozenset[int] = frozenset()
    #: Whether somebody is suppressed or answers now and then.
    interrupts: bool = True
    #: Faults that happened, by point.
    happened: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.dice = random.Random(self.seed)
        self.workers: set[int] = set()
        self._starting = 0
        self.started_at = time.monotonic()

    @property
    def faults(self) -> int:
        return sum(self.happened.values())

    def fill(self) -> None:
        """Contacts that get two mails each, one right after the other, from several mailboxes."""
        steps = [self.world.email(n, reply_to_position=n - 1 or None) for n in range(1, STEPS + 1)]
        version = self.world.sequence(*steps, follow_ups=FollowUpPolicy(EligibleDays.EVERYDAY))
        contacts = self.mails // STEPS
        for number in range(SENDERS):
            mailbox = self.mailbox(number)
            share = contacts // SENDERS + (number < contacts % SENDERS)
            self.world.enroll(self.contacts(share), version, mailbox)

    def mailbox(self, number: int) -> int:
        """A sender whose address the server knows."""
        self.world.mailbox(f"sender{number}")
        return int(
            self.world.one(
                "UPDATE mailboxes SET address = :address WHERE address LIKE :was RETURNING id",
                address=f"sender{number}@sender.test",
                was=f"sender{number}@%",
            )
        )

    def send_with_copies(self, rig: MailRig, port: int | None = None) -> None:
        """Through Postfix without a login, or through a wire to it; a copy to the sender himself is the witness."""
        server = {"kind": "smtp", "host": rig.host, "port": port or rig.smtp_port, "security": "none"}
        self._use_rig(rig, {**server, "witness": "self"})

    def send_with_login(self, rig: MailRig) -> None:
        """Through Postfix over TLS with the login of one sender, whose folder of sent mails is the witness."""
        login = {"username": "sender0@sender.test", "password_env": "RIG_PASSWORD", "witness": "sent"}
        server = {"kind": "smtp", "host": rig.host, "port": rig.smtps_port, "security": "tls"}
        self._use_rig(rig, {**server, **login})

    def _use_rig(self, rig: MailRig, transport: dict[str, Any]) -> None:
        self.config["environment"] = {"RIG_PASSWORD": rig.password, "SSL_CERT_FILE": str(rig.ca_file)}
        imap = {"host": rig.host, "port": rig.imap_port, "security": "none", "password_env": "RIG_PASSWORD"}
        self.use_transport(transport, imap)

    def use_transport(self, transport: dict[str, Any], imap: dict[str, Any] | None = None) -> None:
        """Let every sender send through a server of its own, and be read through IMAP."""
        self.world.rows(
            """
            UPDATE mailboxes SET transport = CAST(:transport AS jsonb),
                imap = CAST(:imap AS jsonb) || jsonb_build_object('username', address)
            """,
            transport=json.dumps(transport),
            imap=imap and json.dumps(imap),
        )

    def contacts(self, number: int) -> list[int]:
        """Contacts whose mailboxes the server has."""
        ids = self.world.contacts(number)
        self.world.rows(
            """
            UPDATE contacts SET email_normalized = 'c' || id % 50 || '+' || id || '@customer.test',
                                identity_key = 'email:' || id
            WHERE id = ANY (:ids)
            """,
            ids=ids,
        )
        return ids

    def drive(
        self,
        plan: Callable[[random.Random], list[dict[str, Any]]],
        *,
        most_faults: int,
        workers: int = 2,
        seconds: float = 60,
        meanwhile: Callable[[FaultRun], Any] = lambda _: None,
        mails: int | None = None,
    ) -> None:
        """Keep so many workers alive until everything is settled, or until so many mails have left.

        Each new one gets its faults from ``plan``. ``meanwhile`` is called again and again, and may ask for more time.
        """
        until = time.monotonic() + seconds
        wants_time = False
        try:
            while (wants_time or self._is_unfinished()) and (mails is None or self.sent() < mails):
                assert time.monotonic() < until, f"not settled after {seconds} s: {self._standing()}\n{self._said()}"
                while len(self.workers) + self._starting < workers:
                    self._start(plan(self.dice) if self.faults < most_faults else [])
                self._listen(0.02)
                with suppress(OperationalError, DatabaseUnavailable):
                    self._interrupt()
                wants_time = bool(meanwhile(self))
        finally:
            self.end_workers()

    def judge(self) -> Outcome:
        """Compare what should have arrived with what did."""
        arrived: dict[tuple[int, int], list[bytes]] = defaultdict(list)
        torn = 0
        for mail in self.mailboxes():
            own = _OWN_ID.search(mail)
            assert own, mail[:500]
            taken_as = _TAKEN_AS.search(mail, 0, own.start())
            copies = arrived[int(own[2]), int(own[3])]
            if not taken_as or not any(taken_as[0] in copy for copy in copies):
                copies.append(mail)
            torn += not mail.rstrip().endswith(_END)
        states = {
            (row.enrollment_id, row.position): row.state
            for row in self.world.rows("SELECT enrollment_id, position, state FROM deliveries")
        }
        details = []
        counts: Counter[str] = Counter()
        ids = self.world.rows("SELECT id FROM enrollments WHERE id <> ALL (:b) ORDER BY id", b=list(self.bouncing))
        for (enrollment_id,) in ids:
            got = {position for position in range(1, STEPS + 1) if (enrollment_id, position) in arrived}
            held = {position for position in range(1, STEPS + 1) if states.get((enrollment_id, position)) == "unknown"}
            must, may = set(range(1, STEPS + 1)), set()
            if stop := self.interruptions.get(enrollment_id):
                must, may = set(stop.accepted), set(stop.uncertain)
            elif held:
                must, may = {position for position in must if position < min(held)}, held
            said_sent = {p for p in range(1, STEPS + 1) if states.get((enrollment_id, p)) == "sent"}
            lost, unwanted = (must | said_sent) - got, got - must - may
            doubled = sum(len(arrived[enrollment_id, position]) - 1 for position in got)
            counts.update(lost=len(lost), unwanted=len(unwanted), doubled=doubled, held=len(held))
            if lost or unwanted or doubled:
                rows = self.world.rows(
                    "SELECT position, state, attempt, claimed_at, in_flight_at, ended_at, reply_text FROM deliveries "
                    "WHERE enrollment_id = :id ORDER BY 1",
                    id=enrollment_id,
                )
                details.append(f"{enrollment_id}: lost {lost} unwanted {unwanted} doubled {doubled}: {stop} {rows}")
                details += [
                    mail[:600].decode() for position in got for mail in arrived[enrollment_id, position] if doubled
                ]
        return Outcome(
            len(arrived),
            self.faults,
            counts["lost"],
            counts["doubled"],
            counts["unwanted"],
            torn,
            counts["held"],
            time.monotonic() - self.started_at,
            tuple(details[:20]),
        )

    def end_workers(self) -> None:
        """Kill what is left of the workers and wait until they are gone."""
        until = time.monotonic() + 20
        while self.workers or self._starting:
            for pid in self.workers:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self._listen(0.1)
            assert time.monotonic() < until, "workers do not end"

    def _start(self, faults: Sequence[dict[str, Any]]) -> None:
        settings = self.world.runtime.settings
        self._starting += 1
        self.nursery.start(
            {
                "url": settings.database_url.get_secret_value(),
                "home": str(settings.home),
                "faults": list(faults),
                "seed": self.dice.randrange(1 << 30),
                **self.config,
                "settings": {
                    "sink_port": settings.sink_port,
                    "lease_seconds": 2,
                    "witness_grace_seconds": 2,
                    "claim_size": 20,
                    "max_attempts": 1_000,
                    "dot_timeout_seconds": 30,
                    "mailbox_limits": [],
                    **self.settings,
                },
            }
        )

    def _listen(self, seconds: float) -> None:
        """Take in what the nursery tells."""
        while event := self.nursery.next_event(seconds):
            seconds = 0
            if "started" in event:
                self._starting -= 1
                self.workers.add(event["started"])
            elif "fault" in event:
                self.happened[event["fault"]] += 1
            elif "ended" in event:
                self.workers.discard(event["ended"])
                assert event["signal"] == signal.SIGKILL, f"a worker failed on its own: {self._said()}"

    def _is_unfinished(self) -> bool:
        with suppress(OperationalError, DatabaseUnavailable):
            return bool(
                self.world.one("""
                    SELECT EXISTS (SELECT FROM enrollments WHERE status IN ('active', 'paused')
                                   AND held_reason IS DISTINCT FROM 'SEND_UNKNOWN')
                        OR EXISTS (SELECT FROM deliveries WHERE state IN ('claimed', 'in_flight'))
                """)
            )
        return True

    def sent(self) -> int:
        """How many mails are known to have left."""
        return int(self.world.one("SELECT count(*) FROM deliveries WHERE state = 'sent'"))

    def _interrupt(self) -> None:
        """Suppress somebody, or let somebody answer, now and then while mails leave."""
        wanted = self.mails // STEPS * INTERRUPTED_PERCENT * 2 // 100
        if (
            not self.interrupts
            or len(self.interruptions) >= wanted
            or self.sent() < self.mails * (len(self.interruptions) + 1) / (wanted + 2)
        ):
            return
        is_suppressed = len(self.interruptions) % 2 == 0
        with self.world.runtime.engine.begin() as connection:
            chosen = connection.scalar(
                text("""
                    SELECT id FROM enrollments WHERE status = 'active' AND id <> ALL (:done) ORDER BY random() LIMIT 1
                """),
                {"done": [*self.interruptions, *self.bouncing]},
            )
            # A claim of this mailbox that is under way could not know: wait for it, and look again.
            connection.execute(
                text("""
                    SELECT FROM mailboxes WHERE id = (SELECT mailbox_id FROM enrollments WHERE id = :id) FOR UPDATE
                """),
                {"id": chosen},
            )
            row = connection.execute(
                text("SELECT id, to_address FROM enrollments WHERE id = :id AND status = 'active' FOR UPDATE"),
                {"id": chosen},
            ).one_or_none()
            if row is None:
                return
            states: dict[str, set[int]] = defaultdict(set)
            for position, state, is_live in connection.execute(
                text("""
                    SELECT position, state, coalesce(lease_until > clock_timestamp() OR :clocks_lie, false)
                    FROM deliveries WHERE enrollment_id = :id
                """),
                {"id": row.id, "clocks_lie": "clock" in self.config},
            ):
                if is_live:
                    return
                states[state].add(position)
            if is_suppressed:
                connection.execute(
                    text("INSERT INTO suppressions (kind, value, reason) VALUES ('address', :value, 'test')"),
                    {"value": row.to_address},
                )
            else:
                connection.execute(
                    text("""
                        UPDATE enrollments SET status = 'ended', ending = 'replied', ended_at = now(), due_at = NULL
                        WHERE id = :id
                    """),
                    {"id": row.id},
                )
        self.interruptions[row.id] = Interruption(
            frozenset(states["sent"]), frozenset(states["in_flight"] | states["unknown"])
        )

    def _standing(self) -> list[Any]:
        return [
            *self.world.rows("SELECT status, held_reason, due_at < now(), count(*) FROM enrollments GROUP BY 1, 2, 3"),
            *self.world.rows("SELECT state, lease_until < now(), count(*) FROM deliveries GROUP BY 1, 2"),
            *self.world.rows("SELECT reply_text, count(*) FROM deliveries WHERE state = 'deferred' GROUP BY 1 LIMIT 9"),
        ]

    def _said(self) -> str:
        return self.nursery.log.read_text(errors="replace")[-3_000:]
