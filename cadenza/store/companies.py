"""Which companies do the contacts work for?"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, text


def merge_staged_companies(connection: Connection) -> None:
    """Merge the companies that staged contacts name, told apart by name without regard to case.

    The later value wins; an empty one never erases.
    """
    connection.execute(
        text("""
            WITH named AS (
                SELECT (array_agg(company ORDER BY line))[1] AS name,
                       (array_agg(company_domain ORDER BY line DESC)
                           FILTER (WHERE company_domain IS NOT NULL))[1] AS domain,
                       (array_agg(company_country ORDER BY line DESC)
                           FILTER (WHERE company_country IS NOT NULL))[1] AS country,
                       (array_agg(company_time_zone ORDER BY line DESC)
                           FILTER (WHERE company_time_zone IS NOT NULL))[1] AS time_zone
                FROM staged_contacts
                WHERE company IS NOT NULL
                  AND (company_domain IS NOT NULL OR company_country IS NOT NULL OR company_time_zone IS NOT NULL
                       OR NOT EXISTS (SELECT FROM companies known WHERE lower(known.name) = lower(company)))
                GROUP BY lower(company)
            )
            INSERT INTO companies AS k (name, domain, country, time_zone)
            SELECT n.name, n.domain, n.country, n.time_zone
            FROM named n
            ON CONFLICT (lower(name)) DO UPDATE
            SET domain = coalesce(excluded.domain, k.domain),
                country = coalesce(excluded.country, k.country),
                time_zone = coalesce(excluded.time_zone, k.time_zone)
        """)
    )


def list_companies(connection: Connection) -> list[dict[str, Any]]:
    """Every company, by name."""
    query = "SELECT id, name, domain, country, time_zone, properties FROM companies ORDER BY lower(name)"
    return [dict(row) for row in connection.execute(text(query)).mappings()]
