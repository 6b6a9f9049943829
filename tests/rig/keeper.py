"""Runs one server with its children, and ends all of them when it is told to, or when whoever started it is gone.

``python keeper.py COMMAND …``. Orphans become its own children, so that none is left behind, not even as a zombie.
"""

import ctypes
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36


class Told(Exception):
    """It is over."""


def tell(*_: object) -> None:
    raise Told


def reap(seconds: float) -> bool:
    """Wait for every child; whether there is none left."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            if os.waitpid(-1, os.WNOHANG) == (0, 0):
                time.sleep(0.01)
        except ChildProcessError:
            return True
    return False


def main(command: list[str]) -> None:
    libc = ctypes.CDLL(None)
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1)
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    signal.signal(signal.SIGTERM, tell)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    server = subprocess.Popen(command, start_new_session=True)
    with suppress(Told):
        server.wait()
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    for number, seconds in ((signal.SIGTERM, 5), (signal.SIGKILL, 5)):
        with suppress(ProcessLookupError):
            os.killpg(server.pid, number)
        if reap(seconds):
            return


main(sys.argv[1:])
