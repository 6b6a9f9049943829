"""How does a person start Cadenza and end it?"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Annotated

import typer

from cadenza.cli.failure import say
from cadenza.cli.output import console, show

SIGNALS = ("SIGTERM", "SIGHUP")


def up(
    team: Annotated[str, typer.Option(help="A team file to load; empty: none.", metavar="FILE")] = "",
) -> None:
    """Start everything on this machine: database, Prefect server, worker, mail sink, public pages. Ctrl-C ends it."""

    def ready() -> None:
        from cadenza.cli.loading import load_sequences, load_team

        if team:
            load_team(team)
        load_sequences()
        show("", "[bold green]Cadenza is up.[/] Ctrl-C ends it.")
        stay()

    with_everything(ready)


def with_everything(then: Callable[[], None]) -> None:
    """Start everything, call ``then``, and stop everything, whatever happens in between."""
    from cadenza.cli import folder
    from cadenza.cli.startup_view import StartupView
    from cadenza.cli.supervisor import Supervisor
    from cadenza.settings import load_settings

    settings = load_settings()
    with _interrupted_by_signals(), folder.locked(settings.home) as lock:
        view = StartupView()
        supervisor = Supervisor(settings, view)
        try:
            with view:
                supervisor.start(lock)
            _WATCHED.append(supervisor.watch)
            os.environ.update(supervisor.shared)
            load_settings.cache_clear()
            then()
        finally:
            _WATCHED.clear()
            _stop(supervisor.stop)


#: What ``stay`` does every second.
_WATCHED: list[Callable[[], None]] = []


def stay() -> None:
    """Keep everything running until Ctrl-C, which is the ordinary end."""
    try:
        while True:
            watch()
            time.sleep(0.5)
    except KeyboardInterrupt:
        console().print()


def watch() -> None:
    """Start again whatever died."""
    for check in _WATCHED:
        check()


def _stop(stop: Callable[[], None]) -> None:
    """Stop everything; a second Ctrl-C does not cut that short."""
    previous = signal.signal(signal.SIGINT, lambda *_: say("still stopping …"))
    try:
        began = time.monotonic()
        stop()
        show(f"[dim]Stopped in {time.monotonic() - began:.1f} s; nothing is left running.[/]")
    finally:
        signal.signal(signal.SIGINT, previous)


@contextmanager
def _interrupted_by_signals() -> Iterator[None]:
    """SIGTERM and a closed terminal end a command as Ctrl-C does."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = {name: signal.signal(getattr(signal, name), interrupt) for name in SIGNALS}
    try:
        yield
    finally:
        for name, handler in before.items():
            signal.signal(getattr(signal, name), handler)
