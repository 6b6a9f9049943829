"""How do numbers of performance look? Rates of sequences, and the way through the steps of one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from cadenza.domain.performance import Performance, StepPerformance
from data_contracts.plots import canvas, save

#: What is shown of each sequence, with its colour: the number and the share of those who got a mail.
_RATES: Final = (
    ("answered", "replied", "#1f8a5b"),
    ("booked a meeting", "meetings", "#3f6fc4"),
    ("opted out", "opted_out", "#c27c0e"),
    ("came back", "bounced", "#c8402f"),
)
_SENT: Final = "#b9c0cc"
_TODO: Final = "#e1e5ec"
_SOFT: Final = "#5b6579"
_DARK: Final = "#1d2433"


def plot_rates(lines: Sequence[Performance], title: str, path: Path) -> Path:
    """Four bars for each line whose mails left, the first on top; returns the path of the picture."""
    shown = [line for line in reversed(lines) if line.mailed]
    figure, axes = canvas(title, height=1.4 + 0.85 * len(shown))
    for number, (label, name, colour) in enumerate(_RATES):
        counts = [getattr(line, name) for line in shown]
        shares = [100 * count / line.mailed for count, line in zip(counts, shown, strict=True)]
        places = [place + 0.3 - 0.2 * number for place in range(len(shown))]
        bars = axes.barh(places, shares, height=0.18, color=colour, label=label)
        words = [f"{share:.1f}% ({count:,})" if count else "" for share, count in zip(shares, counts, strict=True)]
        axes.bar_label(bars, words, padding=3, fontsize=7, color=_SOFT)
    axes.set_yticks(
        range(len(shown)), [f"{_short(line.name)}\n{line.mailed:,} written to" for line in shown], fontsize=8
    )
    axes.margins(x=0.16)
    axes.xaxis.set_visible(False)
    axes.spines["bottom"].set_visible(False)
    figure.legend(loc="outside lower right", ncols=4, frameon=False, fontsize=8)
    return save(figure, path)


def plot_steps(steps: Sequence[StepPerformance], title: str, path: Path) -> Path:
    """A bar for each step, or each of its variants: how many ran, and how many were answered."""
    rows = list(reversed(steps))
    figure, axes = canvas(title, height=1.2 + 0.45 * len(rows))
    places = range(len(rows))
    colours = [_SENT if step.kind == "email" else _TODO for step in rows]
    bars = axes.barh(places, [step.ran for step in rows], height=0.6, color=colours)
    axes.barh(places, [step.replied for step in rows], height=0.6, color=_RATES[0][2], label="answered")
    axes.bar_label(bars, [_told(step) for step in rows], padding=4, fontsize=8, color=_SOFT)
    axes.set_yticks(places, [_named(step) for step in rows], fontsize=8)
    for label, step in zip(axes.get_yticklabels(), rows, strict=True):
        label.set_fontweight("bold" if step.is_winner else "normal")
        label.set_color(_DARK)
    axes.margins(x=0.3)
    axes.xaxis.set_visible(False)
    axes.spines["bottom"].set_visible(False)
    _legend(figure, axes)
    return save(figure, path)


def _legend(figure: Any, axes: Any) -> None:
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower right", frameon=False, fontsize=8)


def _told(step: StepPerformance) -> str:
    if step.kind != "email":
        return f"{step.ran:,} to-dos, {step.done:,} done"
    rate = f" ({step.reply_rate:.1%})" if step.reply_rate is not None else ""
    return f"{step.ran:,} mails, {step.replied:,} answered{rate}"


def _named(step: StepPerformance) -> str:
    kind = "email" if step.kind == "email" else "to-do"
    return f"{step.position} {kind}" + (f" '{step.variant}'" if step.variant else "") + (" ★" if step.is_winner else "")


def _short(name: str) -> str:
    return (name if len(name) <= 28 else f"{name[:27]}…") or "(none)"
