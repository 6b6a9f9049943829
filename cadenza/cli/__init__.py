"""The command line: parse, call, print."""

from __future__ import annotations

import sys
from collections.abc import Sequence

#: Interrupted by Ctrl-C, as shells expect it (128 + SIGINT).
INTERRUPTED = 130


def main() -> None:
    """Run ``cadenza`` and exit with 0, 1 (did not do it), 2 (wrong use) or 130 (interrupted)."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code; whatever goes wrong is one line on stderr."""
    from cadenza.cli.commands import build_app

    try:
        return int(build_app()(list(arguments), prog_name="cadenza", standalone_mode=False) or 0)
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as error:
        from cadenza.cli.failure import report

        return report(error)
