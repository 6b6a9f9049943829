"""What came of a rehearsal? Read from what it left in its database, before that goes away."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from cadenza.domain.assumptions import Assumptions
from cadenza.domain.batch import Batch
from cadenza.domain.rehearsal import MailboxLine, Pause, Rehearsal, SentMail, StepLine, ZoneLine, busiest
from cadenza.domain.report import RefusalCount
from cadenza.domain.throttle import Limit
from cadenza.errors import ContractsDisagree
from cadenza.runtime import current
from cadenza.store import database, queues, reports, timelines


def look_back(batch: Batch, assumptions: Assumptions, pauses: Sequence[Pause], delivered: int) -> Rehearsal:
    """The counts and the timeline of a rehearsal; ``delivered`` are the mails that its sink took.

    Raises:
        ContractsDisagree: the sink took another number than the database says were sent.
    """
    assert batch.id is not None
    with database.transaction(current().engine) as connection:
        judged = reports.find_batch(connection, batch.id)
        codes = reports.count_refusals(connection, batch.id)
        mails = timelines.sent_mails(connection, batch.id)
        groups = timelines.groups(connection, batch.id)
        todos = timelines.todo_counts(connection, batch.id)
        contacts = timelines.contacts_by_zone(connection, batch.id)
        uses = timelines.mailbox_uses(connection, batch.id)
        limits = queues.limits_of(connection, [use.mailbox_id for use in uses], current().settings.limits)
    if delivered != len(mails):
        raise ContractsDisagree(
            f"The sink took {delivered:,} mails, but {len(mails):,} were sent by the timeline. Please report it."
        )
    waiting: Counter[str | None] = Counter()
    for group in groups:
        if group.is_waiting:
            waiting[group.held_reason] += group.contacts
    return Rehearsal(
        sequence=judged.sequence,
        segment=judged.segment,
        sender=judged.sender,
        enrolled=judged.enrolled,
        held=judged.held,
        refused=judged.refused,
        by_code=tuple(RefusalCount(code.code, code.outcome, code.reasons, code.mentions) for code in codes),
        assumptions=assumptions,
        started_at=batch.started_at,
        ended_at=max((group.left_at for group in groups if group.left_at), default=None),
        timeline=tuple(mails),
        steps=_steps(batch, mails, groups, todos),
        zones=_zones(contacts, mails),
        mailboxes=_mailboxes(uses, limits, mails),
        pauses=tuple(pauses),
        held_by=tuple(waiting.most_common()),
    )


def _steps(
    batch: Batch,
    mails: Sequence[SentMail],
    groups: Sequence[timelines.Group],
    todos: Mapping[int, timelines.TodoCount],
) -> tuple[StepLine, ...]:
    """A line for each step, and one with position 0 for those who never got to any."""
    sent = Counter(mail.position for mail in mails)
    left: dict[int, Counter[str]] = {}
    for group in groups:
        left.setdefault(group.position, Counter())[group.fate] += group.contacts
    nothing = timelines.TodoCount(0, 0)
    positions = [*([0] if 0 in left else []), *(step.position for step in batch.sequence.steps)]
    return tuple(
        StepLine(
            position=position,
            what=batch.sequence.step(position).words if position else "",
            mails=sent[position],
            todos=todos.get(position, nothing).opened,
            todos_done=todos.get(position, nothing).done,
            **left.get(position, Counter()),
        )
        for position in positions
    )


def _zones(contacts: Mapping[str, int], mails: Sequence[SentMail]) -> tuple[ZoneLine, ...]:
    by_zone: dict[str, list[SentMail]] = {zone: [] for zone in contacts}
    for mail in mails:
        by_zone[mail.time_zone].append(mail)
    lines = [
        ZoneLine(zone, contacts[zone], len(own), own[0].at if own else None, own[-1].at if own else None)
        for zone, own in by_zone.items()
    ]
    return tuple(sorted(lines, key=lambda line: (-line.mails, line.time_zone)))


def _mailboxes(
    uses: Sequence[timelines.MailboxUse], limits: Mapping[int, Sequence[Limit]], mails: Sequence[SentMail]
) -> tuple[MailboxLine, ...]:
    sent = Counter(mail.mailbox_id for mail in mails)
    return tuple(
        MailboxLine(
            use.mailbox_id,
            use.user,
            sent[use.mailbox_id],
            tuple((limit, busiest(use.instants, limit.seconds)) for limit in limits[use.mailbox_id]),
        )
        for use in uses
    )
