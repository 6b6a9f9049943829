"""Whom would an automation have taken, and what would have become of each?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from cadenza.domain.automation import Action, TriggerKind
from cadenza.domain.enrollment import EnrollmentOptions, Outcome, Segment
from cadenza.domain.refusals import CATALOGUE
from cadenza.runtime import current
from cadenza.store import database
from cadenza.store.automations import find_rule
from cadenza.store.trials import Caught, caught
from tasks.begin_batch import outline_batch
from tasks.check_enrollability import check_enrollability
from tasks.load_candidates import load_candidates
from tasks.time_first_steps import time_first_steps

#: What has to be kept from when a rule is first on.
_UNKEPT = {
    TriggerKind.PROPERTY: "Changes of a property are noticed only while an automation that asks for them is on.",
    TriggerKind.LEAVES_LIST: "Who leaves a list is noticed only while an automation that asks for it is on.",
    TriggerKind.EVENT: "Events of Prefect are read only while an automation that asks for them is on.",
}


@dataclass(frozen=True, slots=True)
class TriedContact:
    """A contact that would have been taken: enrolled, held, refused or unenrolled, and why."""

    contact_id: int
    signal: str
    at: datetime
    sender: str
    outcome: str
    code: str = ""

    @property
    def remedy(self) -> str:
        """What to do about a refusal."""
        return CATALOGUE[self.code].remedy if self.code else ""


@dataclass(frozen=True, slots=True)
class Trial:
    """What an automation would have done."""

    taken: tuple[TriedContact, ...]
    #: Why nobody may be in it.
    hint: str


def try_rule(sequence: str, name: str, days: int) -> Trial:
    """What a rule, on or off, would have done with the last days' signals, judged as contacts are now.

    Nothing is written. Needs no Prefect server.

    Raises:
        NotFound: there is no such rule.
    """
    runtime = current()
    with database.transaction(runtime.engine) as connection:
        rule = find_rule(connection, sequence, name)
        found = caught(connection, rule.id, runtime.clock.now() - timedelta(days=days))
    hint = _UNKEPT.get(rule.rule.trigger.kind, "")
    if rule.rule.action is Action.UNENROLL:
        return Trial(tuple(_ended(one) for one in found), hint)
    by_sender: dict[str | None, list[Caught]] = {}
    for one in found:
        by_sender.setdefault(one.sender, []).append(one)
    taken: list[TriedContact] = []
    for sender, contacts in by_sender.items():
        taken += _judged(sequence, sender, contacts) if sender else map(_without_sender, contacts)
    return Trial(tuple(sorted(taken, key=lambda one: one.at, reverse=True)), hint)


def _judged(sequence: str, sender: str, contacts: list[Caught]) -> Iterator[TriedContact]:
    """What the rules of an enrollment say, by the same tasks."""
    of_id = {one.contact_id: one for one in contacts}
    chosen = Segment(contact_ids=tuple(of_id))
    batch = replace(outline_batch.fn(sequence, sender, chosen, EnrollmentOptions()), size=1)
    for candidates in load_candidates.fn(batch):
        verdict = check_enrollability.fn(time_first_steps.fn(candidates, batch), batch)
        columns = verdict.frame[["contact_id", "outcome", "reason"]].astype(object)
        judged = columns.where(columns.notna(), "").itertuples(index=False, name=None)
        for contact_id, outcome, code in judged:
            one = of_id[contact_id]
            yield TriedContact(contact_id, one.signal, one.at, sender, outcome, code)


def _without_sender(one: Caught) -> TriedContact:
    return TriedContact(one.contact_id, one.signal, one.at, "", Outcome.REFUSED, one.sender_code)


def _ended(one: Caught) -> TriedContact:
    outcome, code = ("unenrolled", "") if one.is_enrolled else (Outcome.REFUSED.value, "NOT_IN_THIS_SEQUENCE")
    return TriedContact(one.contact_id, one.signal, one.at, "", outcome, code)
