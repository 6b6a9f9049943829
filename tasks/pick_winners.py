"""Has one of a step's variants won?"""

from __future__ import annotations

import logging

from cadenza.runtime import current
from cadenza.store import database, variant_tests

logger = logging.getLogger(__name__)


def pick_winners() -> list[variant_tests.Decided]:
    """Compare the variants of each step that has mails enough; from now on everybody gets the one that won."""
    runtime = current()
    with database.transaction(runtime.engine) as connection:
        decided = variant_tests.look_at_tests(connection, runtime.clock.now())
    for one in decided:
        words = f"{one.look.winner} has won" if one.look.winner else "no difference so far"
        logger.info("step %d of %s: %s", one.position, one.sequence, words)
    return decided
