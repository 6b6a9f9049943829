"""Which mails did a person file into the folders of sequences, or send to their addresses?"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from typing import Final

from imapclient import IMAPClient
from imapclient.exceptions import IMAPClientAbortError, IMAPClientError

from cadenza.domain.filing import DONE, ROOT, TAG
from cadenza.mail.folders import folders_of
from cadenza.mail.inbox import CHUNK, FoundMail, Inbox, Portion, Position, found

logger = logging.getLogger(__name__)

#: Header fields stand at the beginning.
_FETCHED_BYTES: Final = 64 * 1024
#: Where the address of a sequence may stand.
_ADDRESSED: Final = "BODY.PEEK[HEADER.FIELDS (TO CC BCC)]"


class Filing:
    """The folders ``Cadenza/<sequence>`` of an open mailbox, and what was sent from it."""

    def __init__(self, inbox: Inbox) -> None:
        self._client: IMAPClient = inbox.client

    def folders(self) -> dict[str, str]:
        """The names of the folders that people file into, by sequence."""
        return {
            sequence: folder.name
            for folder in folders_of(self._client, f"*{ROOT}*")
            if folder.separator and (sequence := _sequence_of(folder.name.split(folder.separator)))
        }

    def create(self, sequences: Iterable[str]) -> list[str]:
        """Make the folders of sequences that are not there yet, and show them in mail programs; returns all names."""
        prefix, separator = self._naming()
        there = self.folders()
        made = []
        for sequence in sequences:
            name = there.get(sequence) or f"{prefix}{ROOT}{separator}{sequence}"
            for one in (name, f"{name}{separator}{DONE}"):
                self._make(one)
            made.append(name)
        return made

    def portions(self, folder: str, position: Position | None) -> Iterator[Portion]:
        """The mails that were filed into a folder after a position, or all that are there."""
        validity, next_uid = self._status(folder)
        last = position.last_uid if position and position.uid_validity == validity else 0
        if last + 1 == next_uid:
            return
        self._client.select_folder(folder)
        uids = sorted(uid for uid in self._client.search(["UID", f"{last + 1}:*", "UNDELETED"]) if uid > last)
        if not uids:
            yield Portion(Position(folder, validity, next_uid - 1), [])
        for start in range(0, len(uids), CHUNK):
            chunk = uids[start : start + CHUNK]
            yield Portion(Position(folder, validity, chunk[-1]), self._fetched(chunk))

    def addressed(self, folder: str, position: Position | None) -> Iterator[Portion]:
        """The mails in a folder after a position that name the address of a sequence; the folder is only read.

        Without a position, or if the server has numbered the folder anew, none of those that are there already.
        """
        validity, next_uid = self._status(folder)
        if position is None or position.uid_validity != validity:
            yield Portion(Position(folder, validity, next_uid - 1), [])
            return
        if position.last_uid + 1 == next_uid:
            return
        self._client.select_folder(folder, readonly=True)
        uids = sorted(
            uid for uid in self._client.search(["UID", f"{position.last_uid + 1}:*"]) if uid > position.last_uid
        )
        for start in range(0, len(uids), CHUNK):
            chunk = uids[start : start + CHUNK]
            # Looked through here: what servers make of a search for a part of an address differs.
            fields = self._client.fetch(chunk, [_ADDRESSED])
            named = [uid for uid in chunk if any(_is_tagged(value) for value in fields.get(uid, {}).values())]
            yield Portion(Position(folder, validity, chunk[-1]), self._fetched(named))

    def put_away(self, portion: Portion) -> None:
        """Move what was read of the open folder into the one below; what the server does not let us move stays."""
        if not portion.mails:
            return
        done = f"{portion.position.folder}{self._naming()[1]}{DONE}"
        uids = [mail.uid for mail in portion.mails]
        try:
            self._make(done)
            if self._client.has_capability("MOVE"):
                self._client.move(uids, done)
            elif self._client.has_capability("UIDPLUS"):
                self._client.copy(uids, done)
                self._client.delete_messages(uids)
                self._client.uid_expunge(uids)
        except IMAPClientAbortError:
            raise
        except IMAPClientError as error:
            logger.warning("mails that were filed stay where they are: %s", type(error).__name__)

    def _status(self, folder: str) -> tuple[int, int]:
        """UIDVALIDITY and the number of the next mail."""
        status = self._client.folder_status(folder, ["UIDNEXT", "UIDVALIDITY"])
        return int(status[b"UIDVALIDITY"]), int(status[b"UIDNEXT"])

    def _fetched(self, uids: list[int]) -> list[FoundMail]:
        answers = self._client.fetch(uids, [f"BODY.PEEK[]<0.{_FETCHED_BYTES}>", "INTERNALDATE"]) if uids else {}
        return [mail for uid in uids if (mail := found(uid, answers.get(uid, {})))]

    def _make(self, folder: str) -> None:
        if not self._client.folder_exists(folder):
            self._client.create_folder(folder)
            self._client.subscribe_folder(folder)

    def _naming(self) -> tuple[str, str]:
        """What stands before the names of a person's folders, and between their parts (RFC 2342)."""
        if self._client.has_capability("NAMESPACE") and (personal := self._client.namespace().personal):
            prefix, separator = personal[0]
            return str(prefix), str(separator)
        return "", next((folder.separator for folder in folders_of(self._client) if folder.separator), "/")


def _is_tagged(fields: object) -> bool:
    return isinstance(fields, bytes) and TAG.encode() in fields.lower()


def _sequence_of(path: list[str]) -> str | None:
    """The sequence of a folder; servers may keep all folders below the inbox."""
    parts = path[1:] if path[0].upper() == "INBOX" else path
    return parts[1] if len(parts) == 2 and parts[0] == ROOT else None
