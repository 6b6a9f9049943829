"""How is a rehearsal shown: while it is played, and afterwards?"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final
from uuid import UUID

from prefect.artifacts import create_markdown_artifact, create_progress_artifact, update_progress_artifact
from prefect.context import FlowRunContext

from cadenza.domain.rehearsal import Progress, Rehearsal
from cadenza.domain.zones import zone_of
from cadenza.runtime import current
from data_contracts.timeline_plot import plot_rehearsal

logger = logging.getLogger(__name__)

#: Seconds between two looks that people get at the progress.
EVERY: Final = 2.0


@dataclass
class ProgressArtifact:
    """Shows in the Prefect UI how far a rehearsal is."""

    artifact_id: UUID
    shown_at: float = field(default_factory=time.monotonic)

    @classmethod
    def begin(cls, sequence: str) -> ProgressArtifact:
        """An artifact of the present run."""
        made = create_progress_artifact(0.0, key=f"{_key(sequence)}-progress", description=f"Rehearsal of {sequence}")
        return cls(made if isinstance(made, UUID) else UUID(str(made)))

    def __call__(self, progress: Progress) -> None:
        """Show it, not more often than people look."""
        if time.monotonic() - self.shown_at >= EVERY:
            self.shown_at = time.monotonic()
            update_progress_artifact(self.artifact_id, progress=progress.percent)
            logger.info(
                "%s UTC: %d mails, %d to-dos done", f"{progress.at:%Y-%m-%d %H:%M}", progress.mails, progress.todos
            )

    def finish(self) -> None:
        """It is over."""
        update_progress_artifact(self.artifact_id, progress=100.0)


def publish_rehearsal(rehearsal: Rehearsal) -> Rehearsal:
    """Draw the timeline, and show the counts in the Prefect UI where there is a run; returns it with its picture."""
    runtime = current()
    if rehearsal.timeline:
        name = f"rehearsal-{rehearsal.sequence}-{runtime.clock.now():%Y%m%d-%H%M%S}.png"
        plot = plot_rehearsal(rehearsal, runtime.settings.home / "reports" / name)
        rehearsal = replace(rehearsal, plot=plot)
    if FlowRunContext.get() is not None:
        create_markdown_artifact(
            "\n".join(_page(rehearsal)), key=_key(rehearsal.sequence), description=f"Rehearsal of {rehearsal.sequence}"
        )
    logger.info(
        "rehearsal of %s: %d enrolled, %d mails, %d wait", rehearsal.sequence, rehearsal.enrolled + rehearsal.held,
        len(rehearsal.timeline), rehearsal.waiting,
    )  # fmt: skip
    return rehearsal


def _key(sequence: str) -> str:
    """The key of an artifact: lower-case letters, digits and dashes."""
    return "rehearsal-" + re.sub(r"[^a-z0-9]+", "-", sequence.lower()).strip("-")


def _page(rehearsal: Rehearsal) -> Iterable[str]:
    """The rehearsal as Markdown: counts and instants, no contact."""
    people = rehearsal.assumptions
    yield f"# Rehearsal: {rehearsal.segment} → {rehearsal.sequence}"
    yield ""
    yield (
        f"{rehearsal.candidates:,} contacts: {rehearsal.enrolled:,} enrolled, {rehearsal.held:,} held, "
        f"{rehearsal.refused:,} refused. {len(rehearsal.timeline):,} mails from {_utc(rehearsal.started_at)}; "
        f"the last contact leaves {_utc(rehearsal.ended_at) or 'never'}. "
        f"Replies {people.replies:.1%}, bounces {people.bounces:.1%}, seed {people.seed}."
    )
    yield from (
        f"\nMailbox or sequence stopped at {_utc(pause.at)}: {pause.what} {pause.id}. {pause.reason}"
        for pause in rehearsal.pauses
    )
    yield from _table(
        ("step", "what", "mails", "to-dos", "done", "replied", "bounced", "stopped", "finished", "waiting"),
        (
            (s.position, s.what, s.mails, s.todos, s.todos_done, s.replied, s.bounced, s.stopped, s.finished, s.waiting)
            for s in rehearsal.steps
        ),
    )
    yield from _table(
        ("time zone", "contacts", "mails", "first, local", "last, local"),
        (
            (z.time_zone, z.contacts, z.mails, _local(z.first_at, z.time_zone), _local(z.last_at, z.time_zone))
            for z in rehearsal.zones
        ),
    )
    yield from _table(
        ("sender", "mailbox", "mails", "busiest, of its limit"),
        (
            (
                m.user,
                m.mailbox_id,
                m.mails,
                "; ".join(f"{n} of {limit.count} in {limit.seconds:,} s" for limit, n in m.busiest),
            )
            for m in rehearsal.mailboxes
        ),
    )


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterable[str]:
    yield ""
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    yield from (
        f"| {' | '.join(f'{cell:,}' if isinstance(cell, int) else str(cell) for cell in row)} |" for row in rows
    )


def _utc(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC" if at else ""


def _local(at: datetime | None, zone: str) -> str:
    return f"{at.astimezone(zone_of(zone)):%a %Y-%m-%d %H:%M}" if at else ""
