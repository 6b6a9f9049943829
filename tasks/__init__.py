"""The deeds: thin Prefect tasks that gather, ask the domain, and apply."""

import logging

from cadenza.errors import CadenzaError


class _MistakesWithoutTraceback(logging.Filter):
    """What a person did wrong is told in one line; where the code noticed it helps nobody."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.exc_info and isinstance(record.exc_info[1], CadenzaError):
            record.exc_info = record.exc_text = None
        return True


for _runs in ("prefect.task_runs", "prefect.flow_runs"):
    logging.getLogger(_runs).addFilter(_MistakesWithoutTraceback())
