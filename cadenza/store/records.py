"""Which companies, deals, tickets and other records are there, and which contacts do they stand for?"""

from __future__ import annotations

from difflib import get_close_matches
from typing import Any, Final

from sqlalchemy import Connection, TextClause, text

from cadenza.domain.filter import parse_filter
from cadenza.domain.records import COMPANY, Records
from cadenza.errors import NotFound, WrongUse
from cadenza.store.filters import condition_sql

#: Fields of a record that a filter may name; every other name is a property.
FIELDS: Final = ("external_id", "name")

#: Every record. A company that is only known because contacts work there is one, too, with a negative id.
EVERY_RECORD: Final = f"""
    SELECT id, kind, external_id, name, properties FROM records
    UNION ALL
    SELECT -k.id, '{COMPANY}', k.name, k.name,
           k.properties || jsonb_strip_nulls(jsonb_build_object(
               'domain', k.domain, 'country', k.country, 'time_zone', k.time_zone
           ))
    FROM companies k
    WHERE NOT EXISTS (SELECT FROM records r WHERE r.kind = '{COMPANY}' AND lower(r.name) = lower(k.name))
"""  # noqa: S608

#: The contacts of records ``r``: those that were associated with them, and of companies whoever works there.
ASSOCIATED: Final = f"""
    SELECT a.record_id, a.contact_id, a.is_primary
    FROM record_contacts a WHERE a.record_id IN (SELECT id FROM r)
    UNION ALL
    SELECT r.id, c.id, false
    FROM r
    JOIN companies k ON r.kind = '{COMPANY}' AND lower(k.name) = lower(r.name)
    JOIN contacts c ON c.company_id = k.id
    WHERE NOT EXISTS (SELECT FROM record_contacts a WHERE a.record_id = r.id AND a.contact_id = c.id)
"""  # noqa: S608


def candidates_of(connection: Connection, records: Records) -> TextClause:
    """A query for the contacts that records stand for: ordinal, contact_id, is_repeated, record.

    A record without any contact has one row, whose contact_id is NULL. ``record`` is what people call it. Its
    parameters, whose names start with ``segment_``, are bound.

    Raises:
        NotFound: there is no such record; names those that come nearest.
        FilterInvalid: names the position and what may stand there.
        WrongUse: several records have the name.
    """
    chosen, parameters = _chosen(connection, records)
    statement = f"""
        WITH r AS MATERIALIZED ({chosen}),
        pairs AS (
            SELECT r.place, r.kind || ' ' || r.external_id AS record, a.contact_id,
                   row_number() OVER (PARTITION BY r.id ORDER BY a.is_primary DESC, a.contact_id) AS rank
            FROM r LEFT JOIN ({ASSOCIATED}) a ON a.record_id = r.id
        )
        SELECT row_number() OVER (ORDER BY place, rank) AS ordinal, contact_id,
               contact_id IS NOT NULL
               AND row_number() OVER (PARTITION BY contact_id ORDER BY place, rank) > 1 AS is_repeated,
               record
        FROM pairs
        WHERE rank = 1 OR :segment_every_contact
    """  # noqa: S608
    return text(statement).bindparams(**parameters, segment_every_contact=records.contacts == "all")


def chosen_records(connection: Connection, records: Records) -> list[int]:
    """The ids of the records; raises what ``candidates_of`` raises."""
    chosen, parameters = _chosen(connection, records)
    return list(connection.scalars(text(f"SELECT id FROM ({chosen}) r"), parameters))  # noqa: S608


def _chosen(connection: Connection, records: Records) -> tuple[str, dict[str, Any]]:
    """The records as SQL (place, id, kind, external_id, name), with its parameters."""
    if records.kind is not None:
        condition, parameters = condition_sql(parse_filter(records.filter or ""), fields=FIELDS)
        found = f"""
            SELECT c.id AS place, c.id, c.kind, c.external_id, c.name FROM ({EVERY_RECORD}) c
            WHERE c.kind = :segment_kind AND {condition}"""  # noqa: S608
        return found, parameters | {"segment_kind": records.kind}
    named = f"""
        SELECT min(chosen.place) AS place, c.id, c.kind, c.external_id, c.name
        FROM unnest(CAST(:segment_ids AS bigint[])) WITH ORDINALITY AS chosen(id, place)
        JOIN ({EVERY_RECORD}) c ON c.id = chosen.id
        GROUP BY c.id, c.kind, c.external_id, c.name"""  # noqa: S608
    return named, {"segment_ids": record_ids(connection, records.named)}


def record_ids(connection: Connection, named: tuple[tuple[str, str], ...]) -> list[int]:
    """The ids of records, in the order in which they were named: by their own id, else by name or domain.

    Raises:
        NotFound: there is no such record; names those that come nearest.
        WrongUse: several records have the name.
    """
    rows = connection.execute(
        text(f"""
            WITH every AS MATERIALIZED ({EVERY_RECORD}),
            asked AS (
                SELECT * FROM unnest(CAST(:kinds AS text[]), CAST(:names AS text[]))
                              WITH ORDINALITY AS a(kind, name, place)
            ),
            found AS (
                SELECT a.place, e.id, 1 AS rung FROM asked a JOIN every e ON e.kind = a.kind AND e.external_id = a.name
                UNION ALL
                SELECT a.place, e.id, 2 FROM asked a JOIN every e ON e.kind = a.kind AND lower(e.name) = lower(a.name)
                UNION ALL
                SELECT a.place, e.id, 3
                FROM asked a
                JOIN every e ON e.kind = a.kind AND e.kind = '{COMPANY}'
                            AND lower(e.properties ->> 'domain') = lower(a.name)
            ),
            surest AS (
                SELECT DISTINCT ON (place) place, array_agg(id) AS ids FROM found
                GROUP BY place, rung ORDER BY place, rung
            )
            SELECT a.kind, a.name, surest.ids FROM asked a LEFT JOIN surest USING (place) ORDER BY place
        """),  # noqa: S608
        {"kinds": [kind for kind, _ in named], "names": [name for _, name in named]},
    ).all()
    for row in rows:
        if not row.ids:
            raise NotFound(f"There is no {row.kind} {row.name!r}. {_nearest(connection, row.kind, row.name)}")
        if len(row.ids) > 1:
            raise WrongUse(f"{len(row.ids)} {row.kind} records are called {row.name!r}: name one by its id.")
    return [row.ids[0] for row in rows]


def _nearest(connection: Connection, kind: str, name: str) -> str:
    known = list(
        connection.scalars(
            text(f"SELECT name FROM ({EVERY_RECORD}) r WHERE kind = :kind ORDER BY name LIMIT 10000"),  # noqa: S608
            {"kind": kind},
        )
    )
    if near := get_close_matches(name, known, n=3, cutoff=0.4) or known[:3]:
        return f"Is it {' or '.join(repr(one) for one in near)}?"
    return f"There are no {kind} records yet: 'cadenza import --records {kind} FILE' brings some."
