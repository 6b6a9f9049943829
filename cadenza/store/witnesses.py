"""What may the absence of a mail from its mailbox's witness say?"""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, text

from cadenza.domain.settlement import ClaimedMail
from cadenza.store.database import driver_connection

#: So many mails that surely went out tell whether a witness shows anything.
KNOWN_MAILS = 3


def mark_unwitnessed(connection: Connection, mail: ClaimedMail) -> None:
    """Note that the server took no copy for the witness: that it does not show this mail will say nothing."""
    driver_connection(connection).execute(
        "UPDATE deliveries SET is_witnessed = false WHERE id = %s AND token = %s", [mail.id, mail.token]
    )


def known_message_ids(connection: Connection, mailbox_ids: Collection[int]) -> dict[int, list[str]]:
    """The Message-IDs of the last mails of each mailbox that the server took for certain, with a copy."""
    rows = connection.execute(
        text("""
            SELECT m.id, array(
                SELECT d.message_id FROM deliveries d
                WHERE d.mailbox_id = m.id AND d.state = 'sent' AND d.is_witnessed
                ORDER BY d.ended_at DESC LIMIT :number
            ) AS message_ids
            FROM unnest(CAST(:ids AS bigint[])) AS m(id)
        """),
        {"ids": list(mailbox_ids), "number": KNOWN_MAILS},
    )
    return {row.id: row.message_ids for row in rows}
