"""How do the owners of another system become users here?"""

from __future__ import annotations

from prefect import task
from prefect.cache_policies import NO_CACHE

from cadenza.domain.feeds import handles_for
from cadenza.runtime import current
from cadenza.sources.addresses import normalize_address
from cadenza.store import database
from cadenza.store.team import Team, UserEntry, save_team
from cadenza.store.users import list_users
from tasks.retrying import WAITS, waiting_helps


@task(cache_policy=NO_CACHE, retries=len(WAITS), retry_delay_seconds=WAITS, retry_condition_fn=waiting_helps)
def take_owners(connector: str) -> tuple[str, ...]:
    """Add the owners whose address no user has, and return their handles; nothing is changed of anybody who is there.

    They may send as soon as they have a mailbox.

    Raises:
        ConnectorRefused: the other system does not let us in; ConnectorUnavailable: it does not answer now.
    """
    runtime = current()
    owners = runtime.connector(connector).owners()
    with database.transaction(runtime.engine) as connection:
        users = list_users(connection)
        passed_over = {None, *(user.email for user in users)}
        new = handles_for(
            (one for one in owners if normalize_address(one.email) not in passed_over), (user.handle for user in users)
        )
        entries = [UserEntry(handle=handle, email=one.email, name=one.name) for handle, one in new.items()]
        save_team(connection, Team(users=entries))
    return tuple(new)
