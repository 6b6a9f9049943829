"""Who came onto a list or left it, and which properties changed, whoever changed them?

What rules ask about is compared with how it was when last looked at. Imports pay nothing for it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text
from sqlalchemy.dialects import postgresql

from cadenza.domain.contact import CONTACT_FIELDS
from cadenza.domain.enrollment import Segment
from cadenza.errors import NotFound
from cadenza.store.lists import members

_ASKED = """
    SELECT DISTINCT CASE trigger WHEN 'property' THEN 'property' ELSE 'list' END AS kind, unnest(names) AS name
    FROM automation_rules WHERE is_on AND trigger IN ('enters_list', 'leaves_list', 'property')
"""


def watch_what_rules_ask(connection: Connection) -> None:
    """Watch exactly the lists and properties that rules which are on ask about.

    What is watched anew is remembered as it is: it fires when it changes.
    """
    connection.execute(text(f"DELETE FROM watches WHERE (kind, name) NOT IN ({_ASKED})"))  # noqa: S608
    added = connection.execute(
        text(f"INSERT INTO watches (kind, name) {_ASKED} ON CONFLICT DO NOTHING RETURNING id, kind, name")
    )
    for watch in added.all():
        present, parameters = _present(connection, watch.kind, watch.name)
        connection.execute(
            text(f"INSERT INTO watched (watch_id, contact_id, value) SELECT :watch_id, * FROM ({present}) AS now"),  # noqa: S608
            parameters | {"watch_id": watch.id},
        )


def notice_changes(connection: Connection, now: datetime, *, everywhere: bool = False) -> int:
    """Store a signal for each contact on a watched list, and each watched property, that changed; returns how many.

    Looks only if contacts or lists were written since the last time, or ``everywhere``.
    """
    watches = connection.execute(
        text("""
            SELECT w.id, w.kind, w.name, changes.n FROM watches w, (
                SELECT sum(n_tup_ins + n_tup_upd + n_tup_del)::bigint AS n FROM pg_stat_user_tables
                WHERE relid IN ('contacts'::regclass, 'list_members'::regclass, 'lists'::regclass)
            ) changes
            WHERE :everywhere OR w.seen IS DISTINCT FROM changes.n
            ORDER BY w.id FOR UPDATE OF w SKIP LOCKED
        """),
        {"everywhere": everywhere},
    ).all()
    noticed = 0
    for watch in watches:
        present, parameters = _present(connection, watch.kind, watch.name)
        known = {"watch_id": watch.id, "kind": watch.kind, "name": watch.name, "seen": watch.n, "now": now}
        noticed += connection.execute(text(_NOTICE.format(present=present)), parameters | known).rowcount
        connection.execute(text("UPDATE watches SET seen = :seen WHERE id = :watch_id"), known)
    return noticed


def _present(connection: Connection, kind: str, name: str) -> tuple[str, dict[str, Any]]:
    """A query for contact_id and value as they are now, with its parameters; a list that is not there is empty."""
    if kind == "property":
        value = f"btrim(c.{name})" if name in CONTACT_FIELDS else "btrim(c.properties ->> :property)"
        return f"SELECT c.id, {value} FROM contacts c WHERE {value} <> ''", {"property": name}  # noqa: S608
    try:
        fragment = members(connection, Segment(name=name))
    except NotFound:
        return "SELECT CAST(0 AS bigint), '' WHERE false", {}
    compiled = fragment.compile(dialect=postgresql.dialect())  # type: ignore[no-untyped-call]
    return f"SELECT contact_id, '' FROM ({fragment.text}) AS member", dict(compiled.params)  # noqa: S608


_NOTICE = """
    WITH changed AS MATERIALIZED (
        SELECT contact_id, coalesce(before.value, '') AS was, coalesce(present.value, '') AS is_now,
               before.contact_id IS NULL AS is_new, present.contact_id IS NULL AS is_gone
        FROM ({present}) AS present(contact_id, value)
        FULL JOIN (SELECT contact_id, value FROM watched WHERE watch_id = :watch_id) before USING (contact_id)
        WHERE before.value IS DISTINCT FROM present.value
    ),
    gone AS (
        DELETE FROM watched w USING changed c
        WHERE w.watch_id = :watch_id AND w.contact_id = c.contact_id AND c.is_gone
    ),
    kept AS (
        INSERT INTO watched (watch_id, contact_id, value)
        SELECT :watch_id, contact_id, is_now FROM changed WHERE NOT is_gone
        ON CONFLICT (watch_id, contact_id) DO UPDATE SET value = excluded.value
    )
    INSERT INTO signals (kind, name, contact_id, data, at, received_at)
    SELECT CASE WHEN :kind = 'property' THEN 'property' WHEN is_gone THEN 'leaves_list' ELSE 'enters_list' END,
           :name, contact_id,
           CASE WHEN :kind = 'property' THEN jsonb_build_object('from', was, 'to', is_now) ELSE '{{}}' END, :now, :now
    FROM changed ORDER BY contact_id
"""
