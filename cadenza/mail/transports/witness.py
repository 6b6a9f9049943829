"""Did the server take a mail whose answer we never got? The mailbox itself shows it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from imapclient import IMAPClient
from imapclient.exceptions import IMAPClientAbortError, IMAPClientError

from cadenza.errors import MailServerUnavailable
from cadenza.mail.folders import folders_of, places, sent_folder
from cadenza.mail.imap import ImapServer, opened

#: Message-IDs in one question to the server.
BATCH = 20
#: How long one look may take; a server that searches without an index may need a while.
LOOK_SECONDS = 120.0
#: Where Microsoft keeps the Message-ID of a mail that it gave another one.
MICROSOFT = "X-Microsoft-Original-Message-ID"


@dataclass(frozen=True, slots=True)
class ImapWitness:
    """A mailbox in which accepted mails can be found again."""

    server: ImapServer
    #: Where to look first; None: in the folder of sent mails.
    folder: str | None = None

    def accepted(self, message_ids: Sequence[str], known: Sequence[str] = ()) -> set[str] | None:
        """Those of the Message-IDs that some folder shows.

        None if it shows none of them and none of ``known`` either, mails that the server is known to have taken: a
        mailbox that never shows anything proves nothing by showing nothing.

        Raises:
            MailServerUnavailable: the mailbox is out of reach (transient).
            MailboxRefused: it does not let us in.
        """
        until = time.monotonic() + LOOK_SECONDS
        found: set[str] = set()
        asked = [*dict.fromkeys([*message_ids, *known])]
        with opened(self.server) as client:
            folders = folders_of(client)
            for place in places(folders, [self.folder or sent_folder(folders)]):
                missing = [message_id for message_id in asked if message_id not in found]
                if not missing:
                    break
                found |= set(self._shown(client, place, missing, until))
        return found & set(message_ids) if found or not message_ids else None

    def _shown(self, client: IMAPClient, folder: str, message_ids: Sequence[str], until: float) -> Iterator[str]:
        try:
            client.select_folder(folder, readonly=True)
        except IMAPClientAbortError:
            raise
        except IMAPClientError:
            return  # it is not there any more
        for start in range(0, len(message_ids), BATCH):
            asked = message_ids[start : start + BATCH]
            if time.monotonic() > until:
                raise MailServerUnavailable(f"{self.server.host} takes too long to search: it is tried again.")
            uids = client.search(_any([["HEADER", name, id_] for id_ in asked for name in self._headers]))
            if uids:
                wanted = f"BODY.PEEK[HEADER.FIELDS ({' '.join(self._headers)})]"
                answers = client.fetch(uids, [wanted])
                shown = b" ".join(
                    value for answer in answers.values() for value in answer.values() if isinstance(value, bytes)
                )
                yield from (id_ for id_ in asked if id_.encode() in shown)

    @property
    def _headers(self) -> tuple[str, ...]:
        is_microsoft = self.server.host.endswith((".office365.com", ".outlook.com"))
        return ("Message-ID", MICROSOFT) if is_microsoft else ("Message-ID",)


def _any(criteria: list[list[str]]) -> list[object]:
    """A search for what meets any of the criteria."""
    whole: list[object] = list(criteria[-1])
    for criterion in reversed(criteria[:-1]):
        whole = ["OR", criterion, whole]
    return whole
