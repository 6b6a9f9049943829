"""How does a person watch Cadenza start? One line for each part, live on a terminal, in order in a pipe."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cadenza.cli.output import console

if TYPE_CHECKING:
    from rich.table import Table

PARTS = ("database", "schema", "sink", "web", "prefect server", "deployments", "worker")


@dataclass
class Part:
    """One line."""

    state: str = "waits"
    words: str = ""
    began: float = 0.0
    seconds: float = 0.0


@dataclass
class StartupView:
    """A ``Listener`` of the supervisor that draws; a context manager around the start."""

    parts: dict[str, Part] = field(default_factory=lambda: {name: Part() for name in PARTS})
    live: Any = None
    guard: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, name: str, event: str, words: str) -> None:
        """Take a change; from any thread."""
        with self.guard:
            if event == "note":
                console().print(f"[yellow]{name}[/]: {words}")
                return
            part = self.parts.setdefault(name, Part())
            if event == "start":
                part.state, part.began = "starts", time.monotonic()
            else:
                part.state, part.words, part.seconds = "ready", words, time.monotonic() - part.began
                if self.live is None:
                    console().print(f"[green]✓[/] {name:<15} {words} [dim]({part.seconds:.1f} s)[/]")

    def __enter__(self) -> StartupView:
        if console().is_terminal:
            from rich.live import Live

            self.live = Live(get_renderable=self._draw, console=console(), refresh_per_second=10)
            self.live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.live:
            self.live.stop()
            self.live = None

    def _draw(self) -> Table:
        from rich.spinner import Spinner
        from rich.table import Table
        from rich.text import Text

        grid = Table.grid(padding=(0, 1))
        for name, part in self.parts.items():
            sign: Any = {"waits": Text("·", "dim"), "ready": Text("✓", "green")}.get(part.state)
            if sign is None:
                sign = self._spinner = getattr(self, "_spinner", None) or Spinner("dots", style="cyan")
            seconds = part.seconds or (time.monotonic() - part.began if part.began else 0.0)
            grid.add_row(
                sign,
                Text(name, "dim" if part.state == "waits" else "bold"),
                Text(part.words or ("starting …" if part.state == "starts" else "")),
                Text(f"{seconds:.1f} s" if part.began else "", "dim"),
            )
        return grid
