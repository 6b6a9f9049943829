"""Hand claimed deliveries to their mailboxes' servers and store what came of each."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import groupby

from prefect import task
from prefect.cache_policies import NO_CACHE

from cadenza.domain.attachments import MEGABYTE
from cadenza.domain.delivery import Attempt, AttemptResult
from cadenza.domain.overrides import own_sequence
from cadenza.domain.sequence import Sequence as ContactSequence
from cadenza.domain.settlement import ClaimedMail, Settlement, settlement_of
from cadenza.errors import DatabaseUnavailable, MailboxRefused, SettingsInvalid
from cadenza.mail.attachments import appendix
from cadenza.mail.transports import Outgoing
from cadenza.runtime import Runtime, current
from cadenza.store import database, deliveries, documents, mailboxes, sequences, witnesses
from cadenza.store.ledger import Ledger
from tasks.retrying import WAITS, waiting_helps

logger = logging.getLogger(__name__)

#: While the database is away, a worker that holds outcomes waits this long for it before it leaves them to recovery.
DATABASE_PATIENCE = timedelta(minutes=5)
#: Bytes of encoded attachments that a process keeps for the next mails.
KEPT_APPENDICES = 256 * MEGABYTE


@task(
    cache_policy=NO_CACHE,
    retries=len(WAITS),
    retry_delay_seconds=WAITS,
    retry_condition_fn=waiting_helps,
    task_run_name="delivery-{delivery_id}",
)
def send_email(delivery_id: int) -> Attempt:
    """Hand one claimed delivery to its mailbox's server; one that is settled already is only shown."""
    return hand_over([delivery_id])[0]


def outcomes(delivery_ids: Sequence[int]) -> list[Attempt]:
    """What came of deliveries, as stored."""
    with database.transaction(current().engine) as connection:
        return deliveries.outcomes(connection, delivery_ids)


def hand_over(delivery_ids: Sequence[int]) -> list[Attempt]:
    """Send claimed deliveries, each mailbox through one connection, several mailboxes at once.

    Returns the stored outcome of each. A delivery is marked in flight, and that is
    committed, after the server's 354 and before its body (docs/decisions/0008).
    """
    runtime = current()
    with database.transaction(runtime.engine) as connection:
        kept = {id_: mail for id_ in delivery_ids if (mail := runtime.claimed.pop(id_, None))}
        others = [id_ for id_ in delivery_ids if id_ not in kept]
        mails = [*kept.values(), *(deliveries.claimed_mails(connection, others) if others else ())]
        boxes = mailboxes.mailboxes_by_id(connection, {mail.mailbox_id for mail in mails})
        versions = sequences.sequences_by_version(connection, {mail.version_id for mail in mails}, runtime.versions)
    appendices = _appendices(mails, versions)
    with Ledger(runtime.engine) as ledger:
        handovers = [
            Handover(runtime, ledger, boxes[mailbox_id], list(group), versions, appendices)
            for mailbox_id, group in groupby(sorted(mails, key=_by_mailbox), lambda mail: mail.mailbox_id)
        ]
        if len(handovers) == 1:
            handovers[0].run()
        elif handovers:
            with ThreadPoolExecutor(min(runtime.settings.connections, len(handovers))) as pool:
                for running in [pool.submit(copy_context().run, handover.run) for handover in handovers]:
                    running.result()
    known = {id_: attempt for handover in handovers for id_, attempt in handover.settled.items()}
    if settled := [mail for mail in mails if mail.id in known]:
        runtime.memory.keep(settled[-1], is_settled=True)
    others = [id_ for id_ in delivery_ids if id_ not in known]
    return [*known.values(), *(outcomes(others) if others else ())]


def _appendices(mails: Sequence[ClaimedMail], versions: Mapping[int, ContactSequence]) -> dict[int, bytes]:
    """The attachments of mails as they travel, by delivery: read and encoded once for a process, not for each mail."""
    runtime = current()
    of_mails = {
        mail.id: attachments
        for mail in mails
        if (attachments := own_sequence(versions[mail.version_id], mail.overrides).step(mail.position).attachments)
    }
    wanted = set(of_mails.values())
    found = {attachments: kept for attachments in wanted if (kept := runtime.appendices.get(attachments))}
    if missing := wanted - found.keys():
        with database.transaction(runtime.engine) as connection:
            contents = documents.contents_of(connection, {one.sha256 for some in missing for one in some})
        fresh = {attachments: appendix(attachments, contents) for attachments in missing}
        if sum(map(len, [*runtime.appendices.values(), *fresh.values()])) > KEPT_APPENDICES:
            runtime.appendices.clear()
        runtime.appendices.update(fresh)
        found |= fresh
    return {id_: found[attachments] for id_, attachments in of_mails.items()}


def _by_mailbox(mail: ClaimedMail) -> tuple[int, int]:
    return mail.mailbox_id, mail.id


@dataclass
class Handover:
    """The mails of one mailbox on their way through one connection."""

    runtime: Runtime
    ledger: Ledger
    mailbox: mailboxes.Mailbox
    mails: list[ClaimedMail]
    versions: dict[int, ContactSequence]
    #: What follows those mails that have attachments, by delivery.
    appendices: Mapping[int, bytes]
    #: Outcomes that are not yet stored, those that are, and deliveries known to be in flight or lost.
    pending: list[Attempt] = field(default_factory=list)
    settled: dict[int, Attempt] = field(default_factory=dict)
    marked: set[int] = field(default_factory=set)
    lost: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.by_id = {mail.id: mail for mail in self.mails}
        self.order = {mail.id: number for number, mail in enumerate(self.mails)}

    def run(self) -> None:
        """Send every mail and store every outcome."""
        try:
            transport = self.runtime.transports.of(
                self.mailbox.id, self.mailbox.transport, self.mailbox.imap, self.mailbox.sent_folder
            )
            for attempt in transport.send([self._outgoing(mail) for mail in self.mails], self.before_body):
                self.pending.append(replace(attempt, ended_at=self.runtime.clock.now()))
        except (MailboxRefused, SettingsInvalid) as error:
            logger.error("mailbox %d is disconnected: %s", self.mailbox.id, type(error).__name__)
            self._disconnect(str(error))
        finally:
            self._turn([])

    def before_body(self, outgoing: Outgoing) -> bool:
        """Store what came of the mails before, mark the next ones as in flight, and say whether this one may go."""
        if outgoing.copy_to != self._copy_to:
            with database.transaction(self.runtime.engine) as connection:
                witnesses.mark_unwitnessed(connection, self.by_id[outgoing.delivery_id])
        if outgoing.delivery_id not in self.marked and outgoing.delivery_id not in self.lost:
            start = self.order[outgoing.delivery_id]
            self._turn(self.mails[start : start + self.runtime.settings.send_window])
        return outgoing.delivery_id in self.marked

    def _turn(self, window: Sequence[ClaimedMail]) -> None:
        """One commit: settle what is behind, mark what is ahead. Waits for a database that is away."""
        started, pause = time.monotonic(), 0.5
        while True:
            now = self.runtime.clock.now()
            settlements = [settlement for attempt in self.pending if (settlement := self._settlement(attempt))]
            try:
                written = self.ledger.write(settlements, window, now)
            except DatabaseUnavailable:
                if time.monotonic() - started > DATABASE_PATIENCE.total_seconds():
                    raise
                logger.warning("the database is away: %d outcomes wait for it", len(self.pending))
                time.sleep(pause)
                pause = min(pause * 2, 10)
            else:
                self.settled |= {a.delivery_id: a for a in self.pending if a.delivery_id in written.settled}
                self.pending.clear()
                ahead = {mail.id for mail in window}
                self.marked |= ahead & written.marked
                self.lost |= ahead - written.marked
                return

    def _settlement(self, attempt: Attempt) -> Settlement | None:
        mail = self.by_id[attempt.delivery_id]
        return settlement_of(mail, attempt, self.versions[mail.version_id], self.runtime.settings.max_attempts)

    def _disconnect(self, reason: str) -> None:
        """Put off what was not sent and mark the mailbox, so that its steps wait until it is connected again."""
        settled = {attempt.delivery_id for attempt in self.pending} | self.marked
        self.pending += [
            Attempt(mail.id, AttemptResult.NOT_TRIED, text="The login was refused.", ended_at=self.runtime.clock.now())
            for mail in self.mails
            if mail.id not in settled
        ]
        with database.transaction(self.runtime.engine) as connection:
            mailboxes.disconnect(connection, self.mailbox.id, reason)

    def _outgoing(self, mail: ClaimedMail) -> Outgoing:
        """The mail for the transport: no dot after half its lease, so that recovery never overtakes a slow worker."""
        age = (self.runtime.clock.now() - mail.claimed_at).total_seconds()
        left = (mail.lease_until - mail.claimed_at).total_seconds() / 2 - age
        deadline = time.monotonic() + left
        return Outgoing(
            mail.id,
            mail.from_address,
            mail.to_address,
            mail.message,
            deadline,
            self._copy_to,
            self.appendices.get(mail.id, b""),
        )

    @property
    def _copy_to(self) -> str | None:
        """Where the witness wants a copy of each mail: the mailbox itself."""
        return self.mailbox.address if self.mailbox.transport.get("witness") == "self" else None
