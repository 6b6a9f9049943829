"""Which companies do the contacts work for?"""

from __future__ import annotations

from typing import Any, Final

import pyarrow as pa
from sqlalchemy import Connection, text

from cadenza.domain.contact import COMPANY_FIELDS
from cadenza.store.columns import copy_columns
from cadenza.store.database import driver_connection

_NAMED: Final = ("company", *COMPANY_FIELDS)


def create_company_staging(connection: Connection) -> None:
    """Make the temporary table of companies that rows name; it lives as long as the transaction."""
    columns = ", ".join(f"{name} text" for name in _NAMED)
    connection.execute(
        text(f"CREATE TEMPORARY TABLE staged_companies ({columns}, first integer, last integer) ON COMMIT DROP")
    )


def merge_companies(connection: Connection, rows: pa.Table) -> pa.Array:
    """Merge the companies that rows name, told apart by name without regard to case; their ids, one a row.

    ``rows`` has line, company and the fields of companies. The later value wins; an empty one never erases.
    """
    named = rows.filter(rows["company"].is_valid())
    if not len(named):
        return pa.nulls(len(rows), pa.int64())
    different = named.group_by(list(_NAMED)).aggregate([("line", "min"), ("line", "max")])
    connection.execute(text("TRUNCATE staged_companies"))
    copy_columns(connection, "staged_companies", different.rename_columns([*_NAMED, "first", "last"]))
    connection.execute(text(_MERGE))
    found = driver_connection(connection).execute(
        "SELECT DISTINCT s.company, k.id FROM staged_companies s JOIN companies k ON lower(k.name) = lower(s.company)"
    )
    ids = dict(found.fetchall())
    companies = rows["company"].combine_chunks().dictionary_encode()
    known = pa.array([ids[name] for name in companies.dictionary.to_pylist()], pa.int64())
    return known.take(companies.indices)


_MERGE: Final = """
    WITH named AS (
        SELECT (array_agg(company ORDER BY first))[1] AS name,
               (array_agg(company_domain ORDER BY last DESC)
                   FILTER (WHERE company_domain IS NOT NULL))[1] AS domain,
               (array_agg(company_country ORDER BY last DESC)
                   FILTER (WHERE company_country IS NOT NULL))[1] AS country,
               (array_agg(company_time_zone ORDER BY last DESC)
                   FILTER (WHERE company_time_zone IS NOT NULL))[1] AS time_zone
        FROM staged_companies
        WHERE company_domain IS NOT NULL OR company_country IS NOT NULL OR company_time_zone IS NOT NULL
           OR NOT EXISTS (SELECT FROM companies known WHERE lower(known.name) = lower(company))
        GROUP BY lower(company)
    )
    INSERT INTO companies AS k (name, domain, country, time_zone)
    SELECT n.name, n.domain, n.country, n.time_zone
    FROM named n
    ON CONFLICT (lower(name)) DO UPDATE
    SET domain = coalesce(excluded.domain, k.domain),
        country = coalesce(excluded.country, k.country),
        time_zone = coalesce(excluded.time_zone, k.time_zone)
"""


def list_companies(connection: Connection) -> list[dict[str, Any]]:
    """Every company, by name."""
    query = "SELECT id, name, domain, country, time_zone, properties FROM companies ORDER BY lower(name)"
    return [dict(row) for row in connection.execute(text(query)).mappings()]
