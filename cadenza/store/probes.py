"""Which mailboxes are to be probed, and what was found?"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from cadenza.domain.batch import Batch
from cadenza.domain.enrollment import CONTACT_OWNER
from cadenza.store.lists import members


def mailboxes_of_batch(connection: Connection, batch: Batch) -> list[int]:
    """The mailboxes that the mails of a batch may go through."""
    if (chosen := batch.options.for_all.mailbox_id) is not None:
        return [chosen]
    if batch.sender != CONTACT_OWNER:
        return list(
            connection.scalars(
                text("SELECT m.id FROM mailboxes m JOIN users u ON u.id = m.user_id WHERE u.handle = :handle"),
                {"handle": batch.sender},
            )
        )
    segment = members(connection, batch.segment)
    owned = text(f"""
        SELECT m.id FROM mailboxes m JOIN users u ON u.id = m.user_id
        WHERE u.email IN (
            SELECT lower(btrim(c.owner_email)) FROM contacts c
            WHERE c.id IN (SELECT contact_id FROM ({segment.text}) AS member)
        )
    """)  # noqa: S608
    return list(connection.scalars(owned, dict(segment.compile().params)))


def take_for_probe(
    connection: Connection, mailbox_ids: Collection[int] | None, before: datetime, now: datetime
) -> list[int]:
    """Those of the mailboxes that nobody has probed since ``before``; from now on they count as probed.

    None: those that were refused. Never the sink, and none that a person disconnected.
    """
    return list(
        connection.scalars(
            text("""
                UPDATE mailboxes SET probed_at = :now
                WHERE transport ->> 'kind' <> 'sink' AND disconnected_by IS NULL
                  AND CASE WHEN CAST(:ids AS bigint[]) IS NULL THEN NOT is_connected ELSE id = ANY (:ids) END
                  AND (probed_at IS NULL OR probed_at <= :before)
                RETURNING id
            """),
            {"ids": None if mailbox_ids is None else list(mailbox_ids), "before": before, "now": now},
        )
    )


def save_probes(connection: Connection, probes: Mapping[int, Mapping[str, Any]], taken_at: datetime) -> dict[int, str]:
    """Store what probes found; returns the mailboxes whose connection changed, and how.

    A refusal disconnects a mailbox until a later probe finds it well. Whatever was connected anew since the probes
    were taken keeps its newer finding.
    """
    rows = connection.execute(
        text("""
            WITH found AS (
                SELECT id, probe, probe ->> 'trouble' AS trouble, CAST(probe ->> 'is_refused' AS boolean) AS is_refused
                FROM jsonb_to_recordset(CAST(:probes AS jsonb)) AS p(id bigint, probe jsonb)
            ), before AS (
                SELECT m.id, m.is_connected FROM mailboxes m
                WHERE m.id IN (SELECT id FROM found) AND m.probed_at = :taken_at
                ORDER BY m.id FOR NO KEY UPDATE
            )
            UPDATE mailboxes m
            SET probe = found.probe, sent_folder = coalesce(found.probe ->> 'sent_folder', m.sent_folder),
                is_connected = CASE WHEN found.is_refused THEN false
                                    WHEN found.trouble IS NULL AND m.disconnected_by IS NULL THEN true
                                    ELSE m.is_connected END,
                disconnected_reason = CASE WHEN found.is_refused AND m.disconnected_by IS NULL THEN found.trouble
                                           WHEN found.trouble IS NULL AND m.disconnected_by IS NULL THEN NULL
                                           ELSE m.disconnected_reason END
            FROM found JOIN before ON before.id = found.id
            WHERE m.id = found.id
            RETURNING m.id, before.is_connected AS was_connected, m.is_connected
        """),
        {
            "probes": json.dumps([{"id": id_, "probe": probe} for id_, probe in probes.items()]),
            "taken_at": taken_at,
        },
    )
    return {
        row.id: "connected" if row.is_connected else "disconnected"
        for row in rows
        if row.is_connected != row.was_connected
    }
