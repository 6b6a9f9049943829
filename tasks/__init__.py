"""The deeds: thin Prefect tasks that gather, ask the domain, and apply."""

import logging

from cadenza import runtime
from cadenza.errors import CadenzaError


def _read_secret_block(name: str) -> str:
    from tasks.secret_blocks import read_secret_block

    return read_secret_block(name)


#: The core knows no Prefect: here it learns how blocks are read.
runtime.block_reader = _read_secret_block


class _MistakesWithoutTraceback(logging.Filter):
    """What a person did wrong is told in one line; where the code noticed it helps nobody."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.exc_info and isinstance(record.exc_info[1], CadenzaError):
            record.exc_info = record.exc_text = None
        return True


for _runs in ("prefect.task_runs", "prefect.flow_runs"):
    logging.getLogger(_runs).addFilter(_MistakesWithoutTraceback())
