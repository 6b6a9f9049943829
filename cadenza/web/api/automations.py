"""Automations over the API: which rules do sequences have, what would they do, and which are on?"""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from cadenza.domain.access import Scope
from cadenza.mail.automation_file import parse_rule
from cadenza.store.automations import StoredRule, find_rule, list_rules, remove_rule, save_rule, switch_rule
from cadenza.store.firings import Firing, list_firings
from cadenza.store.sequences import find_sequence
from cadenza.web.api.callers import Caller, need
from cadenza.web.api.errors import Problem
from cadenza.web.api.sequences import NAME
from cadenza.web.api.shapes import In, Limit, Name, Page, check_text

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


class Latest(In):
    """How many."""

    limit: Limit = 100


class TrialWanted(Latest):
    """Of how many days until now, and how many contacts are named."""

    days: Annotated[int, Field(ge=1, le=365)] = 30


class RuleDefinition(In):
    """A rule in the words of a sequence's file."""

    definition: Annotated[
        dict[str, Any],
        Field(max_length=20, description='`{"when": {"form": "demo"}, "sender": "ana"}`: see docs/automating.md.'),
    ]


class TriedContact(BaseModel):
    """A contact that a rule would have taken, and what would have become of it."""

    contact_id: int
    signal: str
    at: datetime
    sender: str | None
    outcome: str
    code: str | None
    remedy: str | None


class RuleTrial(BaseModel):
    """What a rule would have done."""

    contacts: int
    #: How many would have ended so: by their outcome, refused ones by their code.
    by_code: dict[str, int]
    #: Why nobody may be in it.
    hint: str
    results: list[TriedContact]


@router.get("/automations")
def page(caller: Reader, wanted: Annotated[Wanted, Query()]) -> Page[Automation]:
    """The rules of a sequence, or of all."""
    with caller.transaction() as connection:
        if wanted.sequence:
            find_sequence(connection, wanted.sequence)
        return Page(results=[Automation.of(one) for one in list_rules(connection, wanted.sequence)])


@router.get("/automations/{sequence}/{name}")
def get(caller: Reader, sequence: Name, name: Name) -> Automation:
    """One rule."""
    with caller.transaction() as connection:
        return Automation.of(find_rule(connection, sequence, name))


@router.get("/automations/{sequence}/{name}/firings")
def firings(caller: Reader, sequence: Name, name: Name, wanted: Annotated[Latest, Query()]) -> Page[Firing]:
    """What a rule did with whom and why, the latest first."""
    with caller.transaction() as connection:
        return Page(results=list_firings(connection, find_rule(connection, sequence, name).id, wanted.limit))


@router.put("/automations/{sequence}/{name}")
def store(
    caller: Writer, sequence: Name, name: Annotated[str, Field(pattern=NAME)], body: RuleDefinition
) -> Automation:
    """Make a rule, or replace the one of this name. A new or changed one is on unless ``active`` is false."""
    if body.definition.get("name", name) != name:
        words = f"The definition is named {body.definition['name']!r}, the path says {name!r}: leave the name out."
        raise Problem(422, words, "CONFLICT", field="definition.name")
    check_text("definition", body.definition)
    rule = parse_rule(body.definition, name)
    with caller.transaction() as connection:
        save_rule(connection, find_sequence(connection, sequence).id, rule, caller.now)
        return Automation.of(find_rule(connection, sequence, name))


@router.delete("/automations/{sequence}/{name}", status_code=204)
def remove(caller: Writer, sequence: Name, name: Name) -> None:
    """Take a rule away; who waits for it is not enrolled. Loading a file that has it brings it back."""
    with caller.transaction() as connection:
        remove_rule(connection, find_rule(connection, sequence, name).id, caller.now)


@router.get("/automations/{sequence}/{name}/trial")
def try_(caller: Reader, sequence: Name, name: Name, wanted: Annotated[TrialWanted, Query()]) -> RuleTrial:
    """Whom a rule, on or off, would have taken of what was kept, and who would be refused why; nothing is written."""
    from flows.try_rule import try_rule

    trial = try_rule(sequence, name, wanted.days)
    return RuleTrial(
        contacts=len(trial.taken),
        by_code=Counter(one.code or one.outcome for one in trial.taken),
        hint=trial.hint,
        results=[
            TriedContact(
                contact_id=one.contact_id,
                signal=one.signal,
                at=one.at,
                sender=one.sender or None,
                outcome=one.outcome,
                code=one.code or None,
                remedy=one.remedy or None,
            )
            for one in trial.taken[: wanted.limit]
        ],
    )


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
