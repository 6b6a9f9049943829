"""What came into a mailbox since it was last read?"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any, Final

from imapclient import IMAPClient
from imapclient.imapclient import ALL, JUNK

from cadenza.mail.folders import folders_of

INBOX: Final = "INBOX"
#: What programs and providers call the folder of unwanted mail, where the server does not say which it is.
JUNK_NAMES: Final = (
    "junk",
    "spam",
    "junk e-mail",
    "junk email",
    "bulk mail",
    "junk-e-mail",
    "spamverdacht",
    "unerwünscht",
)
#: Of each mail no more than this is fetched: what it is stands at its beginning.
FETCHED_BYTES: Final = 512 * 1024
#: Mails of one FETCH, and of one transaction.
CHUNK: Final = 50
#: How often a wait looks up whether it is over.
LOOK_UP_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class Position:
    """How far a folder has been read: UIDs mean something only together with their UIDVALIDITY (RFC 3501, 2.3.1.1)."""

    folder: str
    uid_validity: int
    last_uid: int


@dataclass(frozen=True, slots=True)
class FoundMail:
    """A mail as the server gave it, perhaps cut off."""

    uid: int
    raw: bytes
    #: When the server got it.
    arrived_at: datetime


@dataclass(frozen=True, slots=True)
class Portion:
    """Some new mails, and how far the folder has been read when they are dealt with."""

    position: Position
    mails: Sequence[FoundMail]


class Inbox:
    """A mailbox that is open for reading; nothing in these folders is changed, not even what is marked as seen."""

    def __init__(self, client: IMAPClient, own_address: str) -> None:
        self.client = client
        self._own_address = own_address
        self._selected: str | None = None

    @cached_property
    def folders(self) -> list[str]:
        """The folders that are read, the inbox last: junk, and where the server has one, the folder of all mails.

        Filters take answers for junk, and people's own rules archive them unread.
        """
        folders = folders_of(self.client)
        said = {flag: folder.name for flag in (JUNK, ALL) for folder in folders if flag in folder.flags}
        named = [folder.name for folder in folders if folder.own_name.casefold() in JUNK_NAMES]
        junk = [said[JUNK]] if JUNK in said else named
        return [*dict.fromkeys([*junk, *([said[ALL]] if ALL in said else []), INBOX])]

    @property
    def can_wait(self) -> bool:
        """Whether the server tells by itself when something comes in."""
        return bool(self.client.has_capability("IDLE"))

    def is_new(self, folder: str, position: Position | None) -> bool:
        """Whether there may be something behind a position: one question, without opening the folder."""
        status = self.client.folder_status(folder, ["UIDNEXT", "UIDVALIDITY"])
        validity, next_uid = status.get(b"UIDVALIDITY"), status.get(b"UIDNEXT")
        return position is None or validity != position.uid_validity or next_uid != position.last_uid + 1

    def portions(
        self, folder: str, position: Position | None, since: Callable[[], datetime | None]
    ) -> Iterator[Portion]:
        """What came into a folder after a position, oldest first; the folder stays open.

        Without a position, or if the server has numbered the folder anew, mails since an instant; None: none of those
        that are there already. The first portion of such a folder may be empty.
        """
        opened = self.client.select_folder(folder, readonly=True)
        self._selected = folder
        validity = int(opened[b"UIDVALIDITY"])
        if position is None or position.uid_validity != validity:
            last = int(opened.get(b"UIDNEXT") or self._next_uid(folder)) - 1
            start = since()
            uids = self._search(folder, ["SINCE", (start - timedelta(days=1)).date()]) if start else []
            yield from self._fetched(folder, validity, [uid for uid in uids if uid <= last])
            position = Position(folder, validity, last)
            yield Portion(position, [])
        while True:
            # The highest mail always matches, however low its number is.
            uids = [
                uid for uid in self._search(folder, ["UID", f"{position.last_uid + 1}:*"]) if uid > position.last_uid
            ]
            for portion in self._fetched(folder, validity, uids):
                position = portion.position
                yield portion
            if not uids and not self._has_grown():
                break
        # Behind the last mail there may be numbers of mails that are gone, or are our own.
        if (last := int(opened.get(b"UIDNEXT") or 1) - 1) > position.last_uid:
            yield Portion(Position(folder, validity, last), [])

    def wait(self, seconds: float, is_over: Callable[[], bool]) -> bool:
        """Wait until the server says that something came into the open folder; False: it did not."""
        self.client.idle()
        until = time.monotonic() + seconds
        is_told = False
        try:
            while not is_told and not self._is_more_read() and not is_over() and (left := until - time.monotonic()) > 0:
                started = time.monotonic()
                answers = self.client.idle_check(timeout=min(left, LOOK_UP_SECONDS))
                is_told = any(len(answer) > 1 and answer[1] in (b"EXISTS", b"RECENT") for answer in answers)
                if not answers and time.monotonic() - started < min(left, LOOK_UP_SECONDS) / 2:
                    break  # nothing to read, and yet no waiting: the connection is gone, as the next line will say
        finally:
            _, late = self.client.idle_done()
        return is_told or any(len(answer) > 1 and answer[1] == b"EXISTS" for answer in late)

    def _is_more_read(self) -> bool:
        """Whether the server's leave to wait came in one piece with news: the library asks the socket, where nothing
        is left of it."""
        imap, connection = self.client._imap, self.client.socket()
        stream = getattr(imap, "_file", None) or imap.file
        patience = connection.gettimeout()
        connection.settimeout(0)
        try:
            return bool(stream.peek(1))
        except OSError:  # TLS says in this way that there is nothing
            return False
        finally:
            connection.settimeout(patience)

    def _search(self, folder: str, criteria: list[Any]) -> list[int]:
        """UIDs in ascending order; in the folder of all mails, not of those that were sent from here."""
        if folder != INBOX:
            criteria = [*criteria, "NOT", "FROM", self._own_address]
        return sorted(int(uid) for uid in self.client.search(criteria))

    def _fetched(self, folder: str, validity: int, uids: Sequence[int]) -> Iterator[Portion]:
        for start in range(0, len(uids), CHUNK):
            chunk = uids[start : start + CHUNK]
            answers = self.client.fetch(chunk, [f"BODY.PEEK[]<0.{FETCHED_BYTES}>", "INTERNALDATE"])
            mails = [mail for uid in chunk if (mail := found(uid, answers.get(uid, {})))]
            yield Portion(Position(folder, validity, chunk[-1]), mails)

    def _next_uid(self, folder: str) -> int:
        return int(self.client.folder_status(folder, ["UIDNEXT"])[b"UIDNEXT"])

    def _has_grown(self) -> bool:
        """Whether the server spoke of new mails beside its last answer, where the library does not look."""
        _, told = self.client._imap.response("EXISTS")
        return any(number is not None for number in told)


def found(uid: int, answer: Any) -> FoundMail | None:
    """None: the mail is gone by now."""
    raw = next((value for key, value in answer.items() if isinstance(key, bytes) and key.startswith(b"BODY[]")), None)
    arrived_at = answer.get(b"INTERNALDATE")
    if not isinstance(raw, bytes):
        return None
    if not isinstance(arrived_at, datetime) or arrived_at.tzinfo is None:
        arrived_at = datetime.now(UTC)
    return FoundMail(uid, raw, arrived_at.astimezone(UTC))
