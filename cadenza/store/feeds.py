"""How far are the feeds of connectors?"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection, text

from cadenza.domain.feeds import Feed, Stretch
from cadenza.errors import SyncOvertaken, WrongUse
from cadenza.store.imports import ImportRow
from cadenza.store.lists import save_static_list

_COLUMNS = "connector, list_name, remote_list, is_whole, cursor, began_at, ended_at, counts"

#: A pass that was interrupted somewhere; at its beginning it may as well begin anew.
_GOES_ON = "f.ended_at IS NULL AND f.cursor IS NOT NULL AND NOT :anew"


def begin_pass(
    connection: Connection, connector: str, list_name: str, remote_list: str | None, anew: bool, now: datetime
) -> Feed:
    """Begin a feed's next pass, of all contacts behind what came last; one that is under way goes on, unless ``anew``.

    Raises:
        WrongUse: the list is not this feed's: an active one, or it came from elsewhere.
    """
    source = source_of(connector)
    known = connection.execute(
        text("SELECT source FROM lists WHERE name = :name AND kind = 'static'"), {"name": list_name}
    ).one_or_none()
    if known is not None and known.source != source:
        raise WrongUse(
            f"There is a list {list_name!r} already, from {known.source or 'elsewhere'}; {connector} would take off "
            "whom it does not know. Rename the one over there, or write list_name for all contacts."
        )
    save_static_list(connection, list_name, source, now)
    row = connection.execute(
        text(f"""
            INSERT INTO connector_feeds AS f (connector, list_name, remote_list, is_whole, began_at)
            VALUES (:connector, :list_name, :remote_list, true, :now)
            ON CONFLICT (connector, list_name) DO UPDATE
            SET remote_list = excluded.remote_list,
                is_whole = CASE WHEN {_GOES_ON} THEN f.is_whole
                                ELSE :anew OR f.cursor IS NULL OR excluded.remote_list IS NOT NULL END,
                cursor = CASE WHEN {_GOES_ON} OR NOT :anew AND excluded.remote_list IS NULL THEN f.cursor END,
                began_at = CASE WHEN {_GOES_ON} THEN f.began_at ELSE excluded.began_at END,
                counts = CASE WHEN {_GOES_ON} THEN f.counts ELSE '{{}}' END,
                ended_at = NULL
            RETURNING {_COLUMNS}
        """),  # noqa: S608
        {
            "connector": connector,
            "list_name": list_name,
            "remote_list": remote_list,
            "anew": anew,
            "now": now,
        },
    ).one()
    return Feed(**row._mapping)


def move_on(connection: Connection, stretch: Stretch, counts: Mapping[str, int]) -> None:
    """Note that rows were imported, in the same transaction.

    Raises:
        SyncOvertaken: another sync is not where this one thinks.
    """
    feed = stretch.feed
    moved = connection.execute(
        text("""
            UPDATE connector_feeds f
            SET cursor = :ends,
                counts = (
                    SELECT jsonb_object_agg(key, value::int + coalesce((f.counts ->> key)::int, 0))
                    FROM jsonb_each_text(CAST(:counts AS jsonb))
                )
            WHERE connector = :connector AND list_name = :list_name AND began_at = :began_at
              AND ended_at IS NULL AND cursor IS NOT DISTINCT FROM :begins
        """),
        {
            "connector": feed.connector,
            "list_name": feed.list_name,
            "began_at": feed.began_at,
            "begins": stretch.begins,
            "ends": stretch.ends,
            "counts": json.dumps(dict(counts)),
        },
    )
    if not moved.rowcount:
        raise SyncOvertaken()


def end_pass(connection: Connection, feed: Feed, now: datetime) -> Feed:
    """End a pass; after a whole one, whoever did not come is taken off the list.

    A pass over all contacts that brought nobody takes nobody off: it is no answer but a mistake over there. What was
    noted of merged rows is forgotten: it comes again with every pass.
    """
    key = {"connector": feed.connector, "list_name": feed.list_name, "began_at": feed.began_at, "now": now}
    row = connection.execute(
        text(f"""
            WITH brought AS MATERIALIZED (
                SELECT r.contact_id FROM import_rows r JOIN imports i ON i.id = r.import_id
                JOIN lists l ON l.id = i.list_id
                WHERE l.name = :list_name AND i.started_at >= :began_at AND r.contact_id IS NOT NULL
            ),
            removed AS (
                DELETE FROM list_members m USING lists l, connector_feeds f
                WHERE f.connector = :connector AND f.list_name = :list_name AND f.is_whole
                  AND (f.remote_list IS NOT NULL OR (f.counts ->> 'rows')::int > 0)
                  AND l.name = :list_name AND m.list_id = l.id AND m.added_at < :began_at
                  AND NOT EXISTS (SELECT FROM brought b WHERE b.contact_id = m.contact_id)
                RETURNING 1
            ),
            forgotten AS (
                DELETE FROM import_rows r USING imports i, lists l
                WHERE i.id = r.import_id AND l.id = i.list_id AND l.name = :list_name AND i.started_at >= :began_at
                  AND r.outcome = 'merged'
            )
            UPDATE connector_feeds SET ended_at = :now,
                   counts = counts || jsonb_build_object('removed', (SELECT count(*) FROM removed))
            WHERE connector = :connector AND list_name = :list_name AND began_at = :began_at AND ended_at IS NULL
            RETURNING {_COLUMNS}
        """),  # noqa: S608
        key,
    ).one_or_none()
    if row is None:
        raise SyncOvertaken()
    return Feed(**row._mapping)


def list_feeds(connection: Connection, connector: str) -> list[Feed]:
    """The feeds of a connector, all contacts first."""
    rows = connection.execute(
        text(f"""
            SELECT {_COLUMNS} FROM connector_feeds WHERE connector = :connector
            ORDER BY remote_list IS NOT NULL, list_name
        """),  # noqa: S608
        {"connector": connector},
    )
    return [Feed(**row._mapping) for row in rows]


def rejected_rows(connection: Connection, feed: Feed) -> list[ImportRow]:
    """What was rejected in a pass; details name the contacts as the other system does."""
    rows = connection.execute(
        text("""
            SELECT r.line, r.outcome, r.code, r.detail FROM import_rows r
            JOIN imports i ON i.id = r.import_id JOIN lists l ON l.id = i.list_id
            WHERE l.name = :list_name AND i.started_at >= :began_at AND r.outcome = 'rejected'
            ORDER BY r.import_id, r.line
        """),
        {"list_name": feed.list_name, "began_at": feed.began_at},
    )
    return [ImportRow(**row) for row in rows.mappings()]


def source_of(connector: str) -> str:
    """What lists and imports of a connector are said to come from."""
    return f"connector {connector}"
