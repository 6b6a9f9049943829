"""Where is a rehearsal played, so that nothing of it is real but the code?"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from cadenza.domain.enrollment import Segment
from cadenza.mail.sink import Sink
from cadenza.mail.transports import Transports
from cadenza.runtime import DrivenClock, Runtime, current, use
from cadenza.store.copies import copy_for_rehearsal
from cadenza.store.throwaway import throwaway_database, throwaway_names

#: Mails that one commit covers: a rehearsal that is killed starts anew.
SEND_WINDOW = 100
#: What says something at every claim: thousands of times in a rehearsal.
_TALKATIVE = ("tasks.claim_steps",)


@contextmanager
def stage(segment: Segment, starts_at: datetime | None = None) -> Iterator[Sink]:
    """Let everything in the block happen to copies, on a clock of its own, its mails go to a sink of its own.

    What an enrollment of the segment looks at is copied into a throw-away database. Whatever ends the block, database
    and mails are gone afterwards, and so is what a killed rehearsal left behind. ``starts_at`` without a time zone is
    UTC; None: now.

    Raises:
        NotFound: there is no such list.
        FilterInvalid: names the position and what may stand there.
        WrongUse: the segment is not exactly one of a name, a filter and a choice.
        DatabaseUnavailable: no throw-away database can be created.
    """
    real = current()
    starts_at = starts_at or real.clock.now().replace(microsecond=0)
    clock = DrivenClock(starts_at.astimezone(UTC) if starts_at.tzinfo else starts_at.replace(tzinfo=UTC))
    with (
        throwaway_database(real.engine, real.settings.database_pool_size) as engine,
        _folder(real, str(engine.url.database)) as home,
        Sink(home / "sink") as sink,
        _quiet(),
    ):
        copy_for_rehearsal(real.engine, engine, segment, real.settings.limits, clock.now())
        settings = real.settings.model_copy(
            update={
                "home": home,
                "sink_port": sink.port,
                "send_window": SEND_WINDOW,
                # Nothing of the real installation: neither its database nor its keys.
                "database_url": None,
                "secret_key": None,
                "secrets_key": None,
            }
        )
        with use(Runtime(settings, engine, Transports(settings), clock)) as runtime:
            try:
                yield sink
            finally:
                runtime.transports.close()


@contextmanager
def _folder(real: Runtime, name: str) -> Iterator[Path]:
    """A folder for the mails, named as its database; those whose database is gone are removed."""
    folders = real.settings.home / "rehearsals"
    folders.mkdir(parents=True, exist_ok=True)
    alive = throwaway_names(real.engine)
    for left in folders.iterdir():
        if left.name not in alive:
            shutil.rmtree(left, ignore_errors=True)
    own = folders / name
    own.mkdir(mode=0o700)
    try:
        yield own
    finally:
        shutil.rmtree(own, ignore_errors=True)


@contextmanager
def _quiet() -> Iterator[None]:
    loggers = {name: logging.getLogger(name) for name in _TALKATIVE}
    levels = {name: logger.level for name, logger in loggers.items()}
    for logger in loggers.values():
        logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        for name, logger in loggers.items():
            logger.setLevel(levels[name])
