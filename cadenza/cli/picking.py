"""Which sequences may somebody be enrolled into, and why not into the others? To choose one by."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cadenza.cli.connection import connect
from cadenza.cli.enrolling import By, Sender
from cadenza.cli.output import rows, show, table
from cadenza.cli.whom import Contacts, Filter, Segment, whom_of
from cadenza.errors import WrongUse

if TYPE_CHECKING:
    from cadenza.domain.report import Choice


def sequences_for(
    segment: Segment = "", contacts: Contacts = None, filter: Filter = "", sender: Sender = "", by: By = None
) -> None:
    """Show into which sequences contacts can be enrolled, and why not into the others; nothing is written."""
    from flows.choose_sequence import choose_sequence
    from tasks.begin_batch import segment_of

    if not sender:
        raise WrongUse("Name the sender: --sender HANDLE, or --sender @owner for each contact's owner.")
    named = whom_of(segment, filter, contacts)
    named.need()
    connect()
    asked = named.parameters()
    choices = choose_sequence(segment_of(asked["segment"], asked["filter"], asked["contact_ids"]), sender, by)
    if not choices:
        show(f"No sequence is shared with {sender}: see 'cadenza sequences list'.")
        return
    drawn = table("sequence", "enrolled", "held", "refused", "code", "why, and what to do",
                  right=("enrolled", "held", "refused"))  # fmt: skip
    show(rows(drawn, (line for choice in choices for line in _lines(choice))))


def _lines(choice: Choice) -> Iterator[tuple[object, ...]]:
    """A sequence with its counts, and below it whatever else keeps some out."""
    first = (choice.sequence, *(count or "" for count in (choice.enrolled, choice.held, choice.refused)))
    reasons = [one for one in choice.by_code if one.count]
    if not reasons:
        yield (*first, "", "")
    for number, reason in enumerate(reasons):
        detail = choice.details.get(reason.code) if choice.candidates == 1 else None
        why = f"{reason.cause.rstrip('.')}: {detail}. {reason.remedy}" if detail else f"{reason.cause} {reason.remedy}"
        yield (*(first if number == 0 else ("", "", "", reason.count)), reason.code, why)
