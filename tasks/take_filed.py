"""Which mails did people file, or send with a copy to a sequence, to enroll somebody?"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable
from functools import partial

from cadenza.domain.filing import FiledMail
from cadenza.mail.filing import Filing
from cadenza.mail.folders import folders_of, sent_folder
from cadenza.mail.inbox import Inbox, Portion, Position
from cadenza.mail.incoming.filed import read_filed, sequences_of
from cadenza.runtime import Runtime, current
from cadenza.store import database, filed_mails, mailboxes, watching
from cadenza.store.mailboxes import Mailbox
from cadenza.store.sequences import list_sequences
from cadenza.store.watching import WatchedMailbox

logger = logging.getLogger(__name__)

#: What the mails of a portion ask for, given the addresses of everybody who sends from here.
Reader = Callable[[Portion, Collection[str]], Iterable[FiledMail]]


def take_filed(box: WatchedMailbox, inbox: Inbox) -> int:
    """Note what was filed into the folders of sequences, and move it on, and what was sent with a copy to one.

    Returns how many mails are to be looked at. They are noted before they are moved: nothing is lost, and nothing asks
    twice.
    """
    filing, runtime = Filing(inbox), current()
    with database.transaction(runtime.engine) as connection:
        known = {folder: Position(folder, *read) for folder, read in watching.positions(connection, box.id).items()}
        [mailbox] = mailboxes.mailboxes_by_id(connection, [box.id]).values()
    noted = _from_folders(runtime, filing, mailbox, known) + _from_sent(runtime, inbox, filing, mailbox, known)
    if noted:
        logger.info("mailbox %d: %d mails were filed or sent to enroll somebody", box.id, noted)
    return noted


def _from_folders(runtime: Runtime, filing: Filing, mailbox: Mailbox, known: dict[str, Position]) -> int:
    folders = filing.folders()
    if not folders:
        return 0
    with database.transaction(runtime.engine) as connection:
        names = {stored.sequence.name for stored in list_sequences(connection)}
    noted = 0
    for sequence in sorted(folders.keys() & names):
        reader = partial(_filed, mailbox, sequence)
        for portion in filing.portions(folders[sequence], known.get(folders[sequence])):
            noted += _record(runtime, mailbox, portion, reader)
            filing.put_away(portion)
    return noted


def _from_sent(runtime: Runtime, inbox: Inbox, filing: Filing, mailbox: Mailbox, known: dict[str, Position]) -> int:
    """Nobody but the mailbox's user can put a mail there: what came in with the same words counts for nothing."""
    folder = mailbox.sent_folder or sent_folder(folders_of(inbox.client))
    portions = filing.addressed(folder, known.get(folder)) if folder else ()
    return sum(_record(runtime, mailbox, portion, partial(_sent, mailbox)) for portion in portions)


def _filed(mailbox: Mailbox, sequence: str, portion: Portion, own: Collection[str]) -> Iterable[FiledMail]:
    return [read_filed(mail.raw, mailbox.id, sequence, own) for mail in portion.mails]


def _sent(mailbox: Mailbox, portion: Portion, own: Collection[str]) -> Iterable[FiledMail]:
    addresses = {address.lower() for address in (mailbox.address, *mailbox.aliases)}
    return [
        read_filed(mail.raw, mailbox.id, sequence, own)
        for mail in portion.mails
        for sequence in sequences_of(mail.raw, addresses)
    ]


def _record(runtime: Runtime, mailbox: Mailbox, portion: Portion, reader: Reader) -> int:
    now, place = runtime.clock.now(), portion.position
    with database.transaction(runtime.engine) as connection:
        mails = list(reader(portion, watching.own_addresses(connection))) if portion.mails else []
        noted = filed_mails.record(connection, mailbox.id, mails, now)
        watching.keep_position(connection, mailbox.id, place.folder, place.uid_validity, place.last_uid, now)
    return noted
