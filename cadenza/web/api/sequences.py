"""Sequences over the API: list them, check and store definitions, share, pause."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, Field

from cadenza.domain.access import Scope
from cadenza.mail.sequence_file import parse_sequence
from cadenza.store import sequence_pauses, sequences, variant_tests
from cadenza.store.deletions import Running, delete_sequence
from cadenza.store.sequences import StoredSequence
from cadenza.web.api.callers import Caller, need
from cadenza.web.api.errors import Problem
from cadenza.web.api.shapes import STORABLE, In, Name, Page, Paged, page_of

router = APIRouter(tags=["sequences"])

Reader = Annotated[Caller, need(Scope.SEQUENCES_READ)]
Writer = Annotated[Caller, need(Scope.SEQUENCES_WRITE)]

NAME = r"^[a-z0-9][a-z0-9_-]{0,62}$"


class Definition(In):
    """A sequence as its file says it."""

    yaml: Annotated[
        str, Field(min_length=1, max_length=200_000, pattern=STORABLE, description="See docs/writing-sequences.md.")
    ]


class NamedDefinition(Definition):
    """A sequence, and its name where the definition has none."""

    name: Annotated[str, Field(pattern=NAME)] = "sequence"


class Shares(In):
    """Who may send a sequence."""

    shared_with: Annotated[
        list[
            Annotated[
                str,
                Field(
                    pattern=r"^(everyone|(team|user):[^\x00-\x20\x7f-\xa0:,][^\x00-\x1f\x7f-\x9f:,]*)$", max_length=200
                ),
            ]
        ],
        Field(max_length=100, description="`everyone`, `team:NAME` or `user:HANDLE`."),
    ]


class SequencePage(Paged):
    """Which sequences."""

    name: Annotated[Name | None, Field(description="Part of the name or the title.")] = None


class SequenceLine(BaseModel):
    """A sequence as lists show it."""

    id: int
    name: str
    title: str
    version: int
    steps: int
    is_active: bool
    is_paused: bool
    paused_reason: str | None
    shared_with: list[str]


class WholeSequence(SequenceLine):
    """A sequence with its newest version."""

    definition: dict[str, Any]


class Checked(BaseModel):
    """What a definition says, if it were stored."""

    definition: dict[str, Any]


class Deleting(In):
    """What becomes of the contacts that are in a sequence; it must be said if there are any."""

    running: Annotated[Running | None, Field(description="They go on to the end, or end now.")] = None


class Deleted(BaseModel):
    """How many contacts were in it."""

    contacts: int


class Winner(In):
    """The variant that everybody gets."""

    variant: Name | None


@router.get("/sequences")
def page(request: Request, caller: Reader, wanted: Annotated[SequencePage, Query()]) -> Page[SequenceLine]:
    """Every sequence, in the order of their ids."""
    with caller.transaction() as connection:
        found = sequences.page_sequences(connection, wanted.place, wanted.limit + 1, wanted.name)
    return page_of(request, [_line(one) for one in found], wanted.limit, lambda one: one.id)


@router.get("/sequences/{name}")
def get(caller: Reader, name: Name) -> WholeSequence:
    """One sequence with its newest version."""
    with caller.transaction() as connection:
        return _whole(sequences.find_sequence(connection, name))


@router.post("/sequences/check")
def check(caller: Writer, body: NamedDefinition) -> Checked:
    """Read a definition and name every mistake with its line; nothing is stored."""
    return Checked(definition=parse_sequence(body.yaml, body.name).as_definition())


@router.put("/sequences/{name}")
def store(caller: Writer, name: Annotated[str, Field(pattern=NAME)], body: Definition) -> WholeSequence:
    """Store a definition; if it says something new, as a new version, for new enrollments only."""
    sequence = parse_sequence(body.yaml, name)
    if sequence.name != name:
        raise Problem(
            422,
            f"The definition is named {sequence.name!r}, the path says {name!r}: write the same name in both.",
            "CONFLICT",
            field="yaml.name",
        )
    with caller.transaction() as connection:
        return _whole(sequences.save_sequence(connection, sequence, caller.now))


@router.put("/sequences/{name}/shares")
def share(caller: Writer, name: Name, body: Shares) -> SequenceLine:
    """Say who may send a sequence; it is no new version."""
    with caller.transaction() as connection:
        found = sequences.find_sequence(connection, name)
        sequences.share_sequence(connection, found.id, body.shared_with)
        return _line(sequences.find_sequence(connection, name))


@router.post("/sequences/{name}/pause")
def pause(caller: Writer, name: Name) -> SequenceLine:
    """Pause a whole sequence: nothing of it is sent until it is resumed. Again, it stays paused."""
    with caller.transaction() as connection:
        found = sequences.find_sequence(connection, name)
        sequence_pauses.pause_sequences(connection, [found.sequence.name], caller.actor, None, caller.now)
        return _line(sequences.find_sequence(connection, name))


@router.post("/sequences/{name}/resume")
def resume(caller: Writer, name: Name) -> SequenceLine:
    """Let a paused sequence go on: what was left of each delay runs on."""
    from flows.enroll_now import plan_waves_soon

    with caller.transaction() as connection:
        found = sequences.find_sequence(connection, name)
        sequence_pauses.resume_sequences(connection, [found.sequence.name], caller.actor, caller.now)
        resumed = _line(sequences.find_sequence(connection, name))
    plan_waves_soon()
    return resumed


@router.delete("/sequences/{name}")
def delete(caller: Writer, name: Name, wanted: Annotated[Deleting, Query()]) -> Deleted:
    """Delete a sequence: nobody can be enrolled any more; what was counted stays."""
    with caller.transaction() as connection:
        return Deleted(contacts=delete_sequence(connection, name, wanted.running, caller.actor, caller.now))


@router.post("/sequences/{name}/steps/{position}/winner")
def decide(caller: Writer, name: Name, position: Annotated[int, Path(ge=1, le=100)], body: Winner) -> WholeSequence:
    """Choose by hand which variant of a step everybody gets from now on; null: all of them again."""
    with caller.transaction() as connection:
        variant_tests.decide(connection, name, position, body.variant, caller.actor, caller.now)
        return _whole(sequences.find_sequence(connection, name))


def _line(stored: StoredSequence) -> SequenceLine:
    return SequenceLine(**_fields(stored))


def _whole(stored: StoredSequence) -> WholeSequence:
    return WholeSequence(**_fields(stored), definition=stored.sequence.as_definition())


def _fields(stored: StoredSequence) -> dict[str, Any]:
    return {
        "id": stored.id,
        "name": stored.sequence.name,
        "title": stored.sequence.title,
        "version": stored.number,
        "steps": len(stored.sequence.steps),
        "is_active": stored.is_active,
        "is_paused": stored.paused_at is not None,
        "paused_reason": stored.paused_reason,
        "shared_with": list(stored.sequence.shared_with),
    }
