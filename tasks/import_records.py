"""How do the rows of a source become companies, deals, tickets or other records?"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping

from prefect import task
from prefect.cache_policies import NO_CACHE

from cadenza.domain.importing import RecordReport
from cadenza.domain.records import kind_named
from cadenza.runtime import current
from cadenza.sources.chunk import Source
from cadenza.sources.headers import map_record_columns
from cadenza.sources.record_rows import prepare_records
from cadenza.store import database
from cadenza.store.imports import finish_import, reject_rows, start_import
from cadenza.store.record_imports import create_record_staging, merge_records
from tasks.retrying import WAITS, waiting_helps

logger = logging.getLogger(__name__)

_COUNTS = ("rows", "imported", "merged", "rejected", "associations", "unknown_contacts", "blank_lines")


@task(cache_policy=NO_CACHE, retries=len(WAITS), retry_delay_seconds=WAITS, retry_condition_fn=waiting_helps)
def import_records(source: Source, kind: str, mapping: Mapping[str, str] | None = None) -> RecordReport:
    """Import the records of a source and associate the contacts that they name, all of it or nothing.

    Raises:
        SourceUnreadable: the source turned out to be damaged.
        SourceContractBroken: no column tells one record from the other.
        WrongUse: the mapping does not fit the columns, or the kind is no name.
    """
    runtime = current()
    now = runtime.clock.now()
    kind = kind_named(kind)
    fields = map_record_columns(source.columns, kind, mapping)
    counts, rejections = Counter(dict.fromkeys(_COUNTS, 0)), Counter[str]()
    with database.transaction(runtime.engine) as connection:
        import_id = start_import(connection, None, source.name, now, kind)
        create_record_staging(connection)
        for prepared in (prepare_records(chunk, fields) for chunk in source.read()):
            reject_rows(connection, import_id, prepared.rejected)
            merged = merge_records(connection, kind, prepared.records, prepared.associations, import_id, now)
            rejections.update(row.code for row in prepared.rejected)
            counts.update(
                imported=merged.imported,
                merged=merged.merged,
                rejected=len(prepared.rejected),
                associations=merged.associations,
                unknown_contacts=merged.unknown_contacts,
                blank_lines=prepared.blank_lines,
            )
            logger.info("import %d: %d records so far", import_id, counts["imported"] + counts["merged"])
        counts["rows"] = counts["imported"] + counts["merged"] + counts["rejected"]
        finish_import(connection, import_id, counts, runtime.clock.now())
    return RecordReport(import_id, kind, mapping=fields, rejections=dict(rejections), **counts)
