"""What does a person read when a command fails?"""

from __future__ import annotations

import errno
import os
import sys
import traceback
from datetime import UTC, datetime
from pathlib import Path

from typer import Abort

from cadenza.errors import CadenzaError

NOT_DONE = 1
WRONG_USE = 2


def report(error: Exception) -> int:
    """Say in one line on stderr what failed and what to do; returns the exit code."""
    if isinstance(error, CadenzaError):
        say(str(error))
        return error.exit_code
    if isinstance(error, Abort):
        say("Nothing was done: the question was not answered with yes. --yes answers it beforehand.")
        return NOT_DONE
    if isinstance(error, BrokenPipeError):
        # Whoever read our output (head, less) has enough: nothing to complain about, nothing left to flush.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        say(
            f"The disk is full ({error.filename or 'while writing'}): free some space; nothing that was stored is lost."
        )
        return NOT_DONE
    # Errors of the parser, whose class differs between releases of typer: all have a message and an exit code.
    usage = getattr(error, "format_message", None)
    if usage is not None:
        context = getattr(error, "ctx", None)
        command = context.command_path if context else "cadenza"
        say(f"{usage().rstrip('.')}. See '{command} --help'.")
        return WRONG_USE
    if isinstance(error, PermissionError | IsADirectoryError | FileNotFoundError) and error.filename:
        say(f"{error.filename}: {error.strerror}. Check the path and its permissions.")
        return NOT_DONE
    say(f"Unexpected {type(error).__name__}: {_first_line(error)}. {_keep(error)}")
    return NOT_DONE


def say(message: str) -> None:
    """Print one line on stderr, red on a terminal; several problems of one file stay several lines."""
    is_coloured = sys.stderr.isatty() and not os.environ.get("NO_COLOR")
    before, after = ("\x1b[1;31m", "\x1b[0m") if is_coloured else ("", "")
    print(f"{before}cadenza:{after} {message.strip()}", file=sys.stderr)


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".") if lines else "no message"


def _keep(error: Exception) -> str:
    """Put the traceback where a bug report finds it."""
    path = Path(os.environ.get("CADENZA_HOME", ".cadenza")) / "logs" / "cadenza.log"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as log:
            log.write(f"\n{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC cadenza {' '.join(sys.argv[1:2])}\n")
            log.write("".join(traceback.format_exception(error)))
    except OSError:
        return "Please report it."
    return f"This is a mistake of Cadenza: please report it with {path}."
