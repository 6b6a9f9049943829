"""How do counts look? Pictures of reports; the library that draws them takes a second to import: it comes late."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, Final

#: What a refusal led to, in the colours of the pages.
COLOURS: Final = {"refused": "#c8402f", "held": "#c27c0e", "enrolled": "#3f6fc4"}
_SOFT: Final = "#5b6579"


def plot_refusals(counts: Sequence[tuple[str, str, int]], title: str, path: Path) -> Path:
    """Bars of (code, outcome, contacts), the longest on top; returns the path of the picture."""
    figure, axes = canvas(title, height=1.3 + 0.34 * len(counts))
    rows = list(reversed(counts))
    bars = axes.barh(
        range(len(rows)), [count for _, _, count in rows], color=[COLOURS[outcome] for _, outcome, _ in rows]
    )
    axes.set_yticks(range(len(rows)), [code for code, _, _ in rows], fontsize=8, family="monospace")
    axes.bar_label(bars, [f"{count:,}" for _, _, count in rows], padding=4, fontsize=8, color=_SOFT)
    axes.margins(x=0.12)
    axes.xaxis.set_visible(False)
    axes.spines["bottom"].set_visible(False)
    names = {"refused": "refused", "held": "held", "enrolled": "enrolled with a warning"}
    used = [outcome for outcome in COLOURS if any(outcome == row[1] for row in rows)]
    handles = [_patch(COLOURS[outcome], names[outcome]) for outcome in used]
    figure.legend(handles=handles, loc="outside lower right", ncols=3, frameon=False, fontsize=8)
    return save(figure, path)


def plot_hours(counts: Mapping[str, Sequence[int]], title: str, path: Path) -> Path:
    """Stacked columns over the 24 hours of the day, one colour a series."""
    figure, axes = canvas(title, height=3.4)
    bottom = [0] * 24
    for (name, values), colour in zip(counts.items(), ("#1f8a5b", "#3f6fc4", "#c27c0e", _SOFT), strict=False):
        axes.bar(range(24), values, bottom=bottom, width=0.8, color=colour, label=name)
        bottom = [below + value for below, value in zip(bottom, values, strict=True)]
    axes.set_xticks(range(0, 24, 3), [f"{hour:02d}:00" for hour in range(0, 24, 3)], fontsize=8)
    axes.tick_params(axis="y", labelsize=8)
    axes.yaxis.get_major_locator().set_params(integer=True)
    figure.legend(loc="outside lower right", ncols=4, frameon=False, fontsize=8)
    return save(figure, path)


def plot_days(counts: Sequence[tuple[date, int]], title: str, path: Path) -> Path:
    """One column for each day from the first to the last, days without anything included."""
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    figure, axes = canvas(title, height=3.4)
    axes.bar([day for day, _ in counts], [count for _, count in counts], width=0.8, color="#1f8a5b")
    locator = AutoDateLocator(minticks=1, maxticks=10)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
    axes.tick_params(labelsize=8)
    axes.yaxis.get_major_locator().set_params(integer=True)
    return save(figure, path)


def canvas(title: str, height: float) -> tuple[Any, Any]:
    """A figure of its own: no state that threads or runs could share."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, height), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    axes.set_title(title, loc="left", fontsize=11, color="#1d2433")
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.tick_params(length=0, colors=_SOFT)
    return figure, axes


def _patch(colour: str, label: str) -> Any:
    from matplotlib.patches import Patch

    return Patch(color=colour, label=label)


def save(figure: Any, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=150)
    return path
