"""Which rows come in from a connector, and when has a feed ended?"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from typing import Any, Final

from prefect import task
from prefect.cache_policies import NO_CACHE

from cadenza.domain.feeds import Feed, Stretch
from cadenza.errors import NotFound, WrongUse
from cadenza.runtime import current
from cadenza.sources.cells import text_chunk
from cadenza.sources.chunk import Source
from cadenza.store import database, feeds
from tasks.retrying import WAITS, waiting_helps

logger = logging.getLogger(__name__)

#: So many rows are imported at once: what an interruption makes read again.
STRETCH_ROWS: Final = 5_000


@task(cache_policy=NO_CACHE, retries=len(WAITS), retry_delay_seconds=WAITS, retry_condition_fn=waiting_helps)
def begin_feeds(connector: str, lists: Sequence[str] | None = None, anew: bool = False) -> list[Feed]:
    """Begin a pass of each feed that is wanted, or go on with it: of these lists, else of what the settings say.

    With ``anew`` all is read from the beginning.

    Raises:
        NotFound: there is no such connector, or no such list over there.
        WrongUse: a list here has the name and came from elsewhere, or nothing is wanted.
    """
    runtime = current()
    entry = runtime.settings.connector(connector)
    now = runtime.clock.now()
    wanted: list[tuple[str, str | None]] = [(name, name) for name in (entry.lists if lists is None else lists)]
    if lists is None and entry.all_contacts:
        wanted.insert(0, (entry.list_name or connector, None))
    if not wanted or len({name for name, _ in wanted}) < len(wanted):
        raise WrongUse(f"[connectors.{connector}] wants no list, or two of one name: see list_name and lists.")
    opened = runtime.connector(connector)
    if remote_lists := [remote for _, remote in wanted if remote]:
        _check_lists(remote_lists, opened.lists())
    with database.transaction(runtime.engine) as connection:
        return [feeds.begin_pass(connection, connector, name, remote, anew, now) for name, remote in wanted]


def stretches(feed: Feed) -> Iterator[tuple[Source, Stretch]]:
    """What a feed brings from its cursor on, some thousand rows at a time.

    Raises:
        ConnectorRefused: the other system does not let us in; ConnectorUnavailable: it does not answer now.
        NotFound: there is no such list over there.
    """
    connector = current().connector(feed.connector)
    pages = (
        connector.contacts(feed.cursor)
        if feed.remote_list is None
        else connector.members(feed.remote_list, feed.cursor)
    )
    begins = ends = feed.cursor
    rows: list[Mapping[str, Any]] = []
    read = 0
    for page in pages:
        if page.rows and len(rows) >= STRETCH_ROWS:
            yield _source(feed, rows), Stretch(feed, begins, ends, is_first=feed.cursor is None and not read)
            read += len(rows)
            logger.info("%s: %s rows of '%s' so far", feed.connector, f"{read:,}", feed.list_name)
            begins, rows = ends, []
        rows += page.rows
        ends = page.cursor
    if rows:
        yield _source(feed, rows), Stretch(feed, begins, ends, is_first=feed.cursor is None and not read)


def mapping_of(feed: Feed, source: Source) -> dict[str, str]:
    """What the settings say of its columns; lists need not have every column that all contacts have."""
    mapping = current().settings.connector(feed.connector).mapping
    if feed.remote_list is None:
        return mapping
    return {column: field for column, field in mapping.items() if column in source.columns}


@task(cache_policy=NO_CACHE, retries=len(WAITS), retry_delay_seconds=WAITS, retry_condition_fn=waiting_helps)
def end_feed(feed: Feed) -> Feed:
    """End the pass of a feed that was read to its end; whoever is not on the list over there leaves the one here."""
    runtime = current()
    with database.transaction(runtime.engine) as connection:
        return feeds.end_pass(connection, feed, runtime.clock.now())


def _check_lists(wanted: Sequence[str], known: Sequence[str]) -> None:
    for name in wanted:
        if name not in known:
            near = get_close_matches(name, known, n=3, cutoff=0.4) or list(known[:3])
            hint = f"is it {' or '.join(repr(one) for one in near)}?" if near else "it has none."
            raise NotFound(f"The other system has no list {name!r}: {hint}")


def _source(feed: Feed, rows: Sequence[Mapping[str, Any]]) -> Source:
    columns = tuple(dict.fromkeys(str(name) for row in rows for name in row))
    chunk = text_chunk(columns, [[row.get(name) for name in columns] for row in rows], 1)
    names = tuple(f"contact {row.get('external_id') or row.get('id') or number}" for number, row in enumerate(rows, 1))
    chunk = replace(chunk, names=names)
    return Source(feeds.source_of(feed.connector), columns, lambda: iter([chunk]))
