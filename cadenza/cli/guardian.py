"""Who cleans up when the supervisor is gone, however it went?

A process of its own, in a session of its own, that does nothing but wait for the end of its standard input. The
supervisor holds the other end: whether it stops in order or by ``kill -9``, the pipe closes, and the guardian ends
every process of the folder, then the embedded database. It inherits the lock of the folder, so that nobody starts into
the middle of that.
"""

from __future__ import annotations

import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

from cadenza.cli.folder import withdraw
from cadenza.cli.sweep import sweep

#: How long processes get to end by themselves.
PATIENCE_SECONDS = 6.0


def guard(home: Path) -> None:
    """Wait for the supervisor's end, then leave nothing behind."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        signal.signal(getattr(signal, name), signal.SIG_IGN)
    with suppress(OSError):
        while sys.stdin.buffer.read(1):
            pass
    withdraw(home)
    sweep(home, PATIENCE_SECONDS)
    if (home / "postgres").exists():
        from cadenza.store.embedded import stop_embedded

        # The supervisor may be on its way out: wait until it is no longer among the users.
        for _ in range(50):
            if stop_embedded(home):
                return
            time.sleep(0.1)


if __name__ == "__main__":
    guard(Path(sys.argv[1]))
