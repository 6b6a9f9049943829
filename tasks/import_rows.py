"""How do the rows of a source become contacts on a list?"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
from prefect import task
from prefect.cache_policies import NO_CACHE

from cadenza.domain.feeds import LEAST_TO_JUDGE, Stretch
from cadenza.domain.importing import ImportReport
from cadenza.runtime import current
from cadenza.sources.chunk import Source
from cadenza.sources.headers import map_columns
from cadenza.sources.rows import PreparedRows, prepare_rows
from cadenza.store import database
from cadenza.store.contacts import create_staging, merge_rows
from cadenza.store.feeds import move_on
from cadenza.store.imports import finish_import, reject_rows, start_import
from cadenza.store.lists import save_static_list
from cadenza.store.suppressions import bar
from data_contracts.source import FEED_CONTRACT, check_source
from tasks.retrying import WAITS, waiting_helps

logger = logging.getLogger(__name__)


@task(cache_policy=NO_CACHE, retries=len(WAITS), retry_delay_seconds=WAITS, retry_condition_fn=waiting_helps)
def import_rows(
    source: Source, list_name: str, mapping: Mapping[str, str] | None = None, stretch: Stretch | None = None
) -> ImportReport:
    """Put the contacts of a source on a static list, all of them or, if the source is refused, none.

    Every row is imported (a new contact), merged (into a contact with the same identity) or rejected. Of a stretch of a
    connector's feed it is noted in the same transaction that it came in.

    Raises:
        SourceUnreadable: the source turned out to be damaged.
        SourceContractBroken: no column is the address, or too many rows are bad.
        WrongUse: the mapping does not fit the columns, or an active list has this name.
        SyncOvertaken: another sync of the feed went on meanwhile.
    """
    runtime = current()
    now = runtime.clock.now()
    fields = map_columns(source.columns, mapping)
    with database.transaction(runtime.engine) as connection:
        static_list = save_static_list(connection, list_name, source.name, now)
        import_id = start_import(connection, static_list.id, source.name, now)
        create_staging(connection)
        tally = _Tally()
        for rows in _ahead(prepare_rows(chunk, fields) for chunk in source.read()):
            reject_rows(connection, import_id, rows.rejected)
            merge = merge_rows(connection, rows.staged, import_id, static_list.id, now)
            tally.add(rows, merge.imported, merge.merged)
            for barring, addresses in rows.barred.items():
                tally.barred += bar(connection, barring, addresses, f"import {import_id}", now)
            logger.info("import %d: %d rows so far", import_id, tally.rows)
        if stretch is None:
            check_source(source.name, tally.has_address, tally.rejected)
        elif stretch.is_first and tally.rows >= LEAST_TO_JUDGE:
            check_source(source.name, tally.has_address, tally.rejected, FEED_CONTRACT)
        if stretch is not None:
            move_on(connection, stretch, tally.counts)
        finish_import(connection, import_id, tally.counts, runtime.clock.now())
    return tally.report(import_id, static_list.name, fields)


@dataclass
class _Tally:
    """What became of the rows so far."""

    imported: int = 0
    merged: int = 0
    #: Contacts that turned out to have bounced, or opted out, elsewhere.
    barred: int = 0
    blank_lines: int = 0
    rejections: Counter[str] = field(default_factory=Counter)
    flags: list[np.ndarray] = field(default_factory=list)

    def add(self, rows: PreparedRows, imported: int, merged: int) -> None:
        self.imported += imported
        self.merged += merged
        self.blank_lines += rows.blank_lines
        self.rejections.update(row.code for row in rows.rejected)
        self.flags.append(rows.has_address)

    @property
    def rejected(self) -> int:
        return self.rejections.total()

    @property
    def rows(self) -> int:
        return self.imported + self.merged + self.rejected

    @property
    def has_address(self) -> np.ndarray:
        return np.concatenate(self.flags) if self.flags else np.zeros(0, dtype=bool)

    @property
    def counts(self) -> dict[str, int]:
        return {
            "rows": self.rows,
            "imported": self.imported,
            "merged": self.merged,
            "rejected": self.rejected,
            "barred": self.barred,
        }

    def report(self, import_id: int, list_name: str, mapping: dict[str, str]) -> ImportReport:
        without_address = int((~self.has_address).sum())
        return ImportReport(
            import_id=import_id,
            list_name=list_name,
            **self.counts,
            without_address=without_address,
            blank_lines=self.blank_lines,
            mapping=mapping,
            rejections=dict(self.rejections),
        )


def _ahead(rows: Iterator[PreparedRows]) -> Iterator[PreparedRows]:
    """The same rows, the next of them prepared in another thread while the database works."""
    with ThreadPoolExecutor(max_workers=1) as thread:
        following = thread.submit(next, rows, None)
        while (present := following.result()) is not None:
            following = thread.submit(next, rows, None)
            yield present
