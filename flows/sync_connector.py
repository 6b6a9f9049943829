"""How do the contacts of another system come in by themselves?"""

from __future__ import annotations

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Failed

from cadenza.domain.feeds import SyncReport
from cadenza.errors import CadenzaError
from tasks.import_rows import import_rows
from tasks.sync_feeds import begin_feeds, end_feed, mapping_of, stretches
from tasks.take_owners import take_owners


@flow(name="sync-connector", flow_run_name="{connector}")
def sync_connector(
    connector: str, lists: list[str] | None = None, owners: bool = False, whole: bool = False
) -> SyncReport | State[Any]:
    """Bring the contacts that are new or changed, and the members of lists; a sync that was interrupted goes on.

    Args:
        connector: Its name in cadenza.toml.
        lists: Only these lists of the other system; by default what the settings say.
        owners: Make users of its owners, too, so that they can be senders.
        whole: Read all contacts again instead of those that have changed.
    """
    try:
        new_users = take_owners(connector) if owners else ()
        ended = []
        for feed in begin_feeds(connector, lists, whole):
            for source, stretch in stretches(feed):
                import_rows(source, feed.list_name, mapping_of(feed, source), stretch)
            ended.append(end_feed(feed))
        return SyncReport(tuple(ended), new_users)
    except CadenzaError as error:
        return Failed(message=str(error), data=error)
