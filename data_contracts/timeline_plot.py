"""How does the timeline of a rehearsal look? Mails by time zone, mailbox, step, day and hour."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from cadenza.domain.rehearsal import Rehearsal, SentMail
from cadenza.domain.zones import zone_of

_COLOURS: Final = ("#1f8a5b", "#3f6fc4", "#c27c0e", "#c8402f", "#7a5bb8", "#2a9da5", "#b0578d", "#8a8f3c")
_REST: Final = "#b9c0cc"
_DARK: Final = "#1d2433"
_SOFT: Final = "#5b6579"
_WEEKEND: Final = "#eceff3"
_SATURDAY: Final = 5
#: Every day is named if there are few of them, else every Monday, else the first of every month.
_FEW_DAYS: Final = 10
_SOME_DAYS: Final = 70

#: Time zones that have a line of their own: those with most mails.
_MOST_ZONES: Final = 40

#: How often something happened at each place of an axis, by the name of the series.
Stacks = Mapping[str, Counter[Any]]


def plot_rehearsal(rehearsal: Rehearsal, path: Path) -> Path:
    """Draw the mails by day in each time zone, by day and mailbox, and by hour and step; returns the path.

    Days and hours are local to each contact. There is at least one mail.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    mails = rehearsal.timeline
    local = [mail.at.astimezone(zone_of(mail.time_zone)).replace(tzinfo=None) for mail in mails]
    days = [at.date() for at in local]
    zones = [line.time_zone for line in rehearsal.zones if line.mails][:_MOST_ZONES]
    users = {line.mailbox_id: line.user for line in rehearsal.mailboxes}

    map_height = 0.5 + 0.19 * len(zones)
    figure = Figure(figsize=(9.5, 5.2 + map_height), layout="constrained")
    FigureCanvasAgg(figure)
    by_zone, by_mailbox, by_hour = figure.subplots(3, 1, height_ratios=(map_height, 2.2, 1.9))
    figure.suptitle(
        f"{rehearsal.segment} → {rehearsal.sequence}: {len(mails):,} mails, "
        f"{min(days):%-d %b %Y} to {max(days):%-d %b %Y}",
        x=0.01, ha="left", fontsize=12, color=_DARK,
    )  # fmt: skip
    _draw_map(by_zone, _eastmost_first(zones, rehearsal.started_at), mails, days)
    _title(by_zone, f"Mails by day in the {len(zones)} time zones with most" if len(rehearsal.zones) > len(zones)
           else "Mails by day and time zone; the darker, the more")  # fmt: skip
    _draw_stacks(by_mailbox, _stacks([_mailbox(mail, users) for mail in mails], days))
    _title(by_mailbox, "Mails by day and mailbox")
    for axes in (by_zone, by_mailbox):
        _show_days(axes, min(days), max(days))
    _draw_stacks(by_hour, _stacks([f"step {mail.position}" for mail in mails], [at.hour for at in local]))
    _title(by_hour, "Mails by hour of the contact's day and step")
    by_hour.set_xticks(range(0, 24, 2), [f"{hour:02d}:00" for hour in range(0, 24, 2)])
    by_hour.set_xlim(-0.6, 23.6)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=150)
    return path


def _mailbox(mail: SentMail, users: Mapping[int, str]) -> str:
    """A mailbox by its user; those of one user are told apart."""
    user = users[mail.mailbox_id]
    return user if list(users.values()).count(user) == 1 else f"{user} ({mail.mailbox_id})"


def _eastmost_first(zones: Sequence[str], at: datetime) -> list[str]:
    """The zones in the order in which the sun reaches them."""

    def offset(zone: str) -> timedelta:
        return at.astimezone(zone_of(zone)).utcoffset() or timedelta()

    return sorted(zones, key=lambda zone: (-offset(zone), zone))


def _draw_map(axes: Any, zones: Sequence[str], mails: Sequence[SentMail], days: Sequence[date]) -> None:
    """A row for each zone, a column for each day."""
    from matplotlib.colors import LinearSegmentedColormap

    rows = {zone: row for row, zone in enumerate(zones)}
    counts = Counter(
        (day, rows[mail.time_zone]) for mail, day in zip(mails, days, strict=True) if mail.time_zone in rows
    )
    most = max(counts.values())
    shades = LinearSegmentedColormap.from_list("mails", ["#cfe8dc", _COLOURS[0], "#0c4a30"])
    places, heights = zip(*counts, strict=True)
    colours = [shades(count / most) for count in counts.values()]
    axes.bar(places, 0.86, bottom=[row - 0.43 for row in heights], width=0.86, color=colours, zorder=2)
    axes.set_yticks(range(len(zones)), zones)
    axes.set_ylim(len(zones) - 0.4, -0.6)


def _stacks(names: Sequence[str], places: Sequence[Any]) -> Stacks:
    """What to draw above each other, by name; what is rarest of too many is drawn together."""
    frequent = {name for name, _ in Counter(names).most_common(len(_COLOURS))}
    stacks: dict[str, Counter[Any]] = {name: Counter() for name in sorted(frequent)}
    rest: Counter[Any] = Counter()
    for name, place in zip(names, places, strict=True):
        stacks.get(name, rest)[place] += 1
    return stacks | ({"others": rest} if rest else {})


def _draw_stacks(axes: Any, stacks: Stacks) -> None:
    places = sorted({place for counts in stacks.values() for place in counts})
    bottom = [0] * len(places)
    for (name, counts), colour in zip(stacks.items(), (*_COLOURS, _REST), strict=False):
        heights = [counts[place] for place in places]
        axes.bar(places, heights, bottom=bottom, width=0.86, color=colour, label=name, zorder=2)
        bottom = [below + height for below, height in zip(bottom, heights, strict=True)]
    axes.yaxis.get_major_locator().set_params(integer=True)
    axes.grid(axis="y", color="#dde1e7", linewidth=0.7, zorder=1)
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False, fontsize=8, labelcolor=_SOFT)


def _title(axes: Any, title: str) -> None:
    axes.set_title(title, loc="left", fontsize=10, color=_DARK)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(_REST)
    axes.tick_params(length=0, colors=_SOFT, labelsize=8)


def _show_days(axes: Any, first: date, last: date) -> None:
    """Name the days, and shade those at weekends."""
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    if len(days) <= _FEW_DAYS:
        named = days
    elif len(days) <= _SOME_DAYS:
        named = [day for day in days if day.weekday() == 0]
    else:
        named = [day for day in days if day.day == 1]
    axes.set_xticks(named, [f"{day:%a %-d %b}" for day in named])
    for day in days:
        if day.weekday() >= _SATURDAY:
            axes.bar(day, 1, width=1, color=_WEEKEND, zorder=0, transform=axes.get_xaxis_transform())
    axes.set_xlim(first - timedelta(days=1), last + timedelta(days=1))
