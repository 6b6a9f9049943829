"""Who has answered? Read mailboxes, and let what came in take effect."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime, timedelta

from prefect import task
from prefect.cache_policies import NO_CACHE

from cadenza.domain.answers import Arrival, effects_of
from cadenza.domain.incoming import IncomingKind
from cadenza.domain.matching import keys_of
from cadenza.errors import CadenzaError, DatabaseUnavailable, LinkInvalid, MailServerUnavailable
from cadenza.mail.inbox import INBOX, FoundMail, Inbox, Portion, Position
from cadenza.mail.inboxes import Inboxes
from cadenza.mail.incoming import classify
from cadenza.mail.links import read_unsubscribe_token
from cadenza.runtime import Runtime, current
from cadenza.store import answers, database, mailboxes, matches, watching
from cadenza.store.answers import Recorded
from cadenza.store.watching import WatchedMailbox
from tasks.retrying import WAITS, waiting_helps

logger = logging.getLogger(__name__)

#: Mailboxes that are read at once before a claim.
AT_ONCE = 64
#: A mailbox that could not be read is not asked again, and nothing leaves it, for this long.
AWAY_FOR = timedelta(minutes=1)

_inboxes = Inboxes()


@dataclass(frozen=True, slots=True)
class Answers:
    """What the mailboxes say before a claim."""

    #: Mailboxes that were read just now: only from these, and from those that cannot be read at all, is claimed.
    read: tuple[int, ...] = ()
    #: Those in which mails came back for good, or complaints came in.
    with_bounces: tuple[int, ...] = ()


@task(cache_policy=NO_CACHE, retries=len(WAITS), retry_delay_seconds=WAITS, retry_condition_fn=waiting_helps)
def read_mailboxes(time_zone: str, shard: int = 0, shards: int = 1) -> Answers:
    """Read the mailboxes whose steps in a zone are due, so that whoever has answered gets nothing more.

    One that does not answer in time holds nobody up: it is left out, and its steps wait for it. Where no mailbox can be
    read this costs one query.
    """
    runtime = current()
    now = runtime.clock.now()
    with database.transaction(runtime.engine) as connection:
        boxes = watching.due_soon(connection, time_zone, shard, shards, now)
        rooms = mailboxes.rooms(connection, [box.id for box in boxes], runtime.settings.limits, now)
    full = {room.mailbox_id for room in rooms if room.mails == 0}
    boxes = [box for box in boxes if box.has_todos or box.id not in full]
    if not boxes:
        return Answers()
    pool = ThreadPoolExecutor(min(AT_ONCE, len(boxes)), thread_name_prefix="answers")
    reading = {pool.submit(_read, box): box for box in boxes}
    done, late = wait(reading, timeout=runtime.settings.answers_patience_seconds)
    # Who is late goes on by himself; what he finds counts.
    pool.shutdown(wait=False, cancel_futures=True)
    if late:
        put_off([reading[future].id for future in late])
    found = {reading[future].id: recorded for future in done if (recorded := future.result()) is not None}
    return Answers(tuple(found), tuple(id_ for id_, recorded in found.items() if recorded.bounced))


def _read(box: WatchedMailbox) -> Recorded | None:
    """What came into one mailbox; None: it could not be read."""
    transports = current().transports
    try:
        server = transports.imap_server(box.id, box.imap, box.transport)
        return _inboxes.read(server, box.address, lambda inbox: take_in(box, inbox))
    except CadenzaError as error:
        give_up(box.id, error)
        return None


def give_up(mailbox_id: int, error: CadenzaError) -> None:
    """Put a mailbox off that does not answer; one that does not let us in waits for a person.

    Raises:
        DatabaseUnavailable: it is the database that does not answer.
    """
    if isinstance(error, DatabaseUnavailable):
        raise error
    if isinstance(error, MailServerUnavailable):
        logger.warning("mailbox %d cannot be read at present: its steps wait", mailbox_id)
        put_off([mailbox_id])
        return
    logger.error("mailbox %d is disconnected: it cannot be read (%s)", mailbox_id, type(error).__name__)
    with database.transaction(current().engine) as connection:
        mailboxes.disconnect(connection, mailbox_id, str(error))


def put_off(mailbox_ids: Sequence[int]) -> None:
    """Ask mailboxes again in a while only."""
    runtime = current()
    with database.transaction(runtime.engine) as connection:
        watching.put_off(connection, mailbox_ids, runtime.clock.now() + AWAY_FOR)


def take_in(box: WatchedMailbox, inbox: Inbox, *, all_folders: bool = True) -> Recorded:
    """Read what came into an open mailbox since it was last read, and let it take effect: a portion, a transaction."""
    runtime = current()
    with database.transaction(runtime.engine) as connection:
        known = watching.positions(connection, box.id)
    total = Recorded()
    for folder in inbox.folders if all_folders else [INBOX]:
        position = Position(folder, *known[folder]) if folder in known else None
        if folder == INBOX or inbox.is_new(folder, position):
            for portion in inbox.portions(folder, position, lambda: _since(runtime, box)):
                total += _record(runtime, box, portion)
    if total.noted:
        logger.info(
            "mailbox %d: %d answers, %d enrollments ended, %d held", box.id, total.noted, total.ended, total.held
        )
    return total


def _since(runtime: Runtime, box: WatchedMailbox) -> datetime | None:
    with database.transaction(runtime.engine) as connection:
        return watching.read_since(connection, box.id, runtime.clock.now())


def _record(runtime: Runtime, box: WatchedMailbox, portion: Portion) -> Recorded:
    """Let a portion take effect. A mail that nobody can store is passed over: it must not hold up what comes after."""
    try:
        return _record_all(runtime, box, portion)
    except DatabaseUnavailable:
        raise
    except Exception as error:
        if len(portion.mails) == 1:
            uid, why = portion.mails[0].uid, type(error).__name__
            logger.error("mail %d in folder of mailbox %d is passed over: %s", uid, box.id, why)
            return _record_all(runtime, box, Portion(portion.position, []))
        ends = [Position(portion.position.folder, portion.position.uid_validity, mail.uid) for mail in portion.mails]
        singly = [Portion(end, [mail]) for end, mail in zip(ends, portion.mails, strict=True)]
        total = Recorded()
        for one in singly:
            total += _record(runtime, box, one)
        return total


def _record_all(runtime: Runtime, box: WatchedMailbox, portion: Portion) -> Recorded:
    now, policy = runtime.clock.now(), runtime.settings.answers
    place = portion.position
    with database.transaction(runtime.engine) as connection:
        own = watching.own_addresses(connection) if portion.mails else frozenset[str]()
        arrivals = [arrival for mail in portion.mails if (arrival := _arrival(runtime, box, mail, own, now))]
        keys = [
            key
            for number, arrival in enumerate(arrivals)
            for key in keys_of(number, arrival.incoming, arrival.arrived_at, arrival.token_enrollment)
        ]
        found = matches.match(connection, box.id, box.user_id, keys, now)
        effects = [
            effect
            for number, arrival in enumerate(arrivals)
            for effect in effects_of(arrival, found.get(number, ()), policy, own, now.date())
        ]
        recorded = answers.record(connection, effects, policy, now)
        watching.keep_position(connection, box.id, place.folder, place.uid_validity, place.last_uid, now)
    return recorded


def _arrival(
    runtime: Runtime, box: WatchedMailbox, mail: FoundMail, own: frozenset[str], now: datetime
) -> Arrival | None:
    """The mail as far as it matters; None: it does not."""
    incoming = classify(mail.raw, own, mail.arrived_at.date())
    if incoming.kind is IncomingKind.OTHER:
        return None
    told_by = f"{incoming.message_id}\n{incoming.from_address}\n{incoming.sent_at}" if incoming.message_id else ""
    digest = hashlib.sha256(told_by.encode("utf-8", "replace") or mail.raw).hexdigest()[:32]
    token_enrollment = None
    if incoming.unsubscribe_token:
        try:
            token_enrollment = read_unsubscribe_token(runtime.secret_key, incoming.unsubscribe_token)
        except LinkInvalid:
            logger.warning("mail %d in mailbox %d has a token that is not ours", mail.uid, box.id)
    return Arrival(incoming, f"mail:{box.id}:{digest}", min(mail.arrived_at, now), token_enrollment)
