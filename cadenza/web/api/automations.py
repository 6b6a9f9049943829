"""Automations over the API: which rules do sequences have, what would they do, and which are on?"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel

from cadenza.domain.access import Scope
from cadenza.store.automations import StoredRule, find_rule, list_rules, switch_rule
from cadenza.store.sequences import find_sequence
from cadenza.web.api.callers import Caller, need
from cadenza.web.api.shapes import In, Name, Page

router = APIRouter(tags=["automations"])

Reader = Annotated[Caller, need(Scope.AUTOMATIONS_READ)]
Writer = Annotated[Caller, need(Scope.AUTOMATIONS_WRITE)]


class Wanted(In):
    """Whose rules."""

    sequence: Name | None = None


class Automation(BaseModel):
    """A rule of a sequence, and what it has done so far."""

    sequence: str
    name: str
    is_on: bool
    on_since: datetime | None
    definition: dict[str, Any]
    #: How many firings ended in each state.
    counts: dict[str, int]

    @classmethod
    def of(cls, stored: StoredRule) -> Automation:
        """The rule as the API shows it."""
        return cls(
            sequence=stored.sequence,
            name=stored.rule.name,
            is_on=stored.is_on,
            on_since=stored.on_since,
            definition=stored.rule.as_definition(),
            counts=stored.counts,
        )


@router.get("/automations")
def page(caller: Reader, wanted: Annotated[Wanted, Query()]) -> Page[Automation]:
    """The rules of a sequence, or of all."""
    with caller.transaction() as connection:
        if wanted.sequence:
            find_sequence(connection, wanted.sequence)
        return Page(results=[Automation.of(one) for one in list_rules(connection, wanted.sequence)])


@router.post("/automations/{sequence}/{name}/on")
def switch_on(caller: Writer, sequence: Name, name: Name) -> Automation:
    """Switch a rule on; what came before does not count."""
    return _switched(caller, sequence, name, is_on=True)


@router.post("/automations/{sequence}/{name}/off")
def switch_off(caller: Writer, sequence: Name, name: Name) -> Automation:
    """Switch a rule off."""
    return _switched(caller, sequence, name, is_on=False)


def _switched(caller: Caller, sequence: str, name: str, *, is_on: bool) -> Automation:
    with caller.transaction() as connection:
        switch_rule(connection, find_rule(connection, sequence, name).id, is_on, caller.now)
        return Automation.of(find_rule(connection, sequence, name))
