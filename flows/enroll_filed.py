"""What happens to a mail that was filed into the folder of a sequence?"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from cadenza.domain.enrollment import EnrollmentOptions, Thread
from cadenza.errors import DatabaseUnavailable, NotFound
from cadenza.runtime import current
from cadenza.store import database, filed_mails

if TYPE_CHECKING:
    from cadenza.store.filed_mails import Wish

logger = logging.getLogger(__name__)


def enroll_filed() -> int:
    """Enroll the other party of every filed mail that waits, in its conversation; returns how many mails there were.

    Each is an enrollment of its own by the mailbox's user, judged like any other. What was broken off is done again.
    """
    looked_at = 0
    try:
        while _enroll_next():
            looked_at += 1
    except DatabaseUnavailable:
        logger.warning("the database is away: filed mails wait until it is back")
    return looked_at


def _enroll_next() -> bool:
    """Whether there was a mail."""
    runtime = current()
    with database.transaction(runtime.engine) as connection:
        wish = filed_mails.next_wish(connection)
        if wish:
            outcome, code, batch_id = _enrolled(wish)
            filed_mails.settle(connection, wish.id, outcome, code, batch_id, runtime.clock.now())
    return wish is not None


def _enrolled(wish: Wish) -> tuple[str, str | None, int | None]:
    """Outcome, code and batch."""
    # A watch in which nobody files a mail does not wait for Great Expectations.
    from flows.enroll_now import enroll_now

    if wish.contact_id is None:
        return "refused", "EMAIL_MISSING", None
    threads = (Thread(wish.contact_id, wish.subject, wish.references),) if wish.references else ()
    options = EnrollmentOptions(mailbox_id=wish.mailbox_id, threads=threads)
    try:
        [told] = enroll_now(wish.sequence, wish.handle, [wish.contact_id], options, enrolled_by=wish.handle)
    except DatabaseUnavailable:
        raise
    except NotFound:
        return "refused", "SEQUENCE_INACTIVE", None
    except Exception as error:
        # One mail must not keep those behind it from being looked at.
        logger.error("filed mail %d is passed over: %s", wish.id, type(error).__name__)
        return "refused", "INTERNAL", None
    return told.outcome.value, told.code, told.batch_id
