"""When is a task tried again, and after how long?"""

from __future__ import annotations

from typing import Any, Final

from prefect import Task

from cadenza.errors import CadenzaError

#: Waits before each further try, in seconds: a database that restarts is back in time.
WAITS: Final = [2.0, 4.0, 8.0, 16.0, 32.0, 60.0]


def waiting_helps(task: Task[..., Any], run: Any, state: Any) -> bool:
    """Whether a failed task run is worth trying again."""
    try:
        state.result()
    except CadenzaError as error:
        return error.transient
    except Exception:
        return False
    return False
