"""Which mails did people file to enroll somebody?"""

from __future__ import annotations

import logging

from cadenza.mail.filing import Filing
from cadenza.mail.inbox import Inbox, Portion, Position
from cadenza.mail.incoming.filed import read_filed
from cadenza.runtime import Runtime, current
from cadenza.store import database, filed_mails, watching
from cadenza.store.sequences import list_sequences
from cadenza.store.watching import WatchedMailbox

logger = logging.getLogger(__name__)


def take_filed(box: WatchedMailbox, inbox: Inbox) -> int:
    """Note what was filed into the folders of sequences, and move it on; returns how many mails are to be looked at.

    They are noted before they are moved: nothing is lost, and nothing asks twice.
    """
    filing, runtime = Filing(inbox), current()
    folders = filing.folders()
    if not folders:
        return 0
    with database.transaction(runtime.engine) as connection:
        known = watching.positions(connection, box.id)
        names = {stored.sequence.name for stored in list_sequences(connection)}
    noted = 0
    for sequence in sorted(folders.keys() & names):
        folder = folders[sequence]
        position = Position(folder, *known[folder]) if folder in known else None
        for portion in filing.portions(folder, position):
            noted += _record(runtime, box, sequence, portion)
            filing.put_away(portion)
    if noted:
        logger.info("mailbox %d: %d mails were filed to enroll somebody", box.id, noted)
    return noted


def _record(runtime: Runtime, box: WatchedMailbox, sequence: str, portion: Portion) -> int:
    now, place = runtime.clock.now(), portion.position
    with database.transaction(runtime.engine) as connection:
        own = watching.own_addresses(connection)
        mails = [read_filed(mail.raw, box.id, sequence, own) for mail in portion.mails]
        noted = filed_mails.record(connection, box.id, mails, now)
        watching.keep_position(connection, box.id, place.folder, place.uid_validity, place.last_uid, now)
    return noted
