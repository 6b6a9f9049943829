"""Enrolling over the API: one contact, several, a list, or whom a filter finds; and what would come of it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from cadenza.domain.access import Scope
from cadenza.domain.enrollment import CONTACT_OWNER, EnrollmentOptions, Outcome, Segment
from cadenza.domain.overrides import Overrides
from cadenza.domain.records import ContactRule, records_of
from cadenza.domain.report import ContactOutcome
from cadenza.errors import OverrideInvalid
from cadenza.store.lists import count_members
from cadenza.store.sequences import find_sequence
from cadenza.store.users import find_user
from cadenza.web.api.callers import Caller, need
from cadenza.web.api.errors import ErrorDetail, Problem
from cadenza.web.api.once import IdempotencyKey, once
from cadenza.web.api.shapes import AS_IN_JSON, STORABLE, Id, In, Name, Words, check_text

router = APIRouter(tags=["enrolling"])

Enroller = Annotated[Caller, need(Scope.ENROLLMENTS_WRITE)]

#: So many contacts are enrolled while the caller waits; more are left to a run of enroll-segment.
MOST_NOW = 500


def read_overrides(place: str, data: dict[str, Any]) -> Overrides:
    """What is different, as ``place`` of the request says it."""
    check_text(place, data)
    try:
        return Overrides.from_data(data)
    except OverrideInvalid as error:
        raise Problem(422, f"{place}.{error}", error.code, field=f"{place}.{error.field}") from error


class Options(In):
    """What may be chosen for one enrollment; what is left out is as the settings say."""

    start_position: Annotated[int, Field(ge=1, le=100, description="The step to start at."), AS_IN_JSON] = 1
    time_zone: Annotated[Name | None, Field(description="One zone for all; else each contact's own.")] = None
    send_at: Annotated[
        datetime | None,
        Field(description="Local date and time of the first step, in each contact's zone; an offset is not read."),
    ] = None
    mailbox_id: Annotated[Id | None, Field(description="The mailbox to send from; else the sender's own.")] = None
    over_daily_limit: Literal["hold", "refuse"] | None = None
    role_addresses: Literal["allow", "warn", "refuse"] | None = None
    cooldown_days: Annotated[int, Field(ge=0, le=36_500), AS_IN_JSON] | None = None
    batch_limit: Annotated[int, Field(ge=1, le=20_000_000), AS_IN_JSON] | None = None
    from_columns: Annotated[
        bool, Field(strict=True, description="Take each contact's own options from columns of its list.")
    ] = False
    new_only: Annotated[
        bool, Field(strict=True, description="Of a list only whom no enrollment of this sequence from it has judged.")
    ] = False
    overrides: Annotated[
        dict[str, Any],
        Field(description="What is different for everybody: follow_ups, steps, token_values, fallbacks, from_alias."),
    ] = Field(default_factory=dict)

    def as_options(self, enrolled_by: str | None) -> EnrollmentOptions:
        """The same as plain data.

        Raises:
            Problem: names the override that is wrong.
        """
        chosen = self.model_dump()
        send_at = self.send_at and self.send_at.replace(tzinfo=None)
        overrides = read_overrides("options.overrides", self.overrides)
        return EnrollmentOptions(**chosen | {"send_at": send_at, "enrolled_by": enrolled_by, "overrides": overrides})


class ChosenRecords(In):
    """Records whose contacts are meant: named ones, or those of a kind that a filter finds."""

    named: Annotated[list[Words], Field(max_length=1_000, description="KIND:NAME, such as `deal:4711`.")] = Field(
        default_factory=list
    )
    kind: Name | None = None
    filter: Annotated[str, Field(min_length=1, max_length=10_000, pattern=STORABLE)] | None = None
    contacts: Annotated[ContactRule | None, Field(description="The primary contact of each, or all of them.")] = None


class Enrolling(In):
    """Who is to be enrolled into what: name the contacts in exactly one of four ways."""

    sequence: Name
    sender: Annotated[
        Name | None, Field(description="Handle of the user whom the mails are from, or `@owner`; else the key's user.")
    ] = None
    enrolled_by: Annotated[Name | None, Field(description="Handle of the user who asks; else the key's user.")] = None
    contact_ids: Annotated[list[Id], Field(min_length=1, max_length=10_000)] | None = None
    segment: Annotated[Name | None, Field(description="Name of a list or segment.")] = None
    filter: Annotated[str, Field(min_length=1, max_length=10_000, pattern=STORABLE)] | None = None
    records: ChosenRecords | None = None
    options: Options = Options()
    contact_overrides: Annotated[
        dict[str, dict[str, Any]],
        Field(max_length=MOST_NOW, description="By a contact's id: what is different for that contact; it wins."),
    ] = Field(default_factory=dict)

    @property
    def own(self) -> dict[int, Overrides]:
        """What is different for single contacts.

        Raises:
            Problem: names the contact and the override that is wrong.
        """
        own = {}
        for contact_id, data in self.contact_overrides.items():
            place = f"contact_overrides.{contact_id}"
            if not contact_id.isascii() or not contact_id.isdigit() or len(contact_id) > 18:
                raise Problem(422, f"{place}: {contact_id!r} is no contact's id.", "INVALID_VALUE", field=place)
            own[int(contact_id)] = read_overrides(place, data)
        return own

    @property
    def ways(self) -> dict[str, Any]:
        """The ways in which contacts are named."""
        ways = {
            "contact_ids": self.contact_ids,
            "segment": self.segment,
            "filter": self.filter,
            "records": self.records,
        }
        return {name: value for name, value in ways.items() if value is not None}


class Result(BaseModel):
    """What became of one contact, or would."""

    #: None: it is a record that has no contact.
    contact_id: int | None
    outcome: Outcome
    enrollment_id: int | None
    #: Why it is held or was refused; of an enrolled contact: a warning.
    code: str | None
    cause: str | None
    detail: str | None
    remedy: str | None
    time_zone: str | None
    due_at: datetime | None
    expected_at: datetime | None

    @classmethod
    def of(cls, one: ContactOutcome) -> Result:
        """The outcome as the API shows it."""
        return cls(
            contact_id=one.contact_id or None,
            outcome=one.outcome,
            enrollment_id=one.enrollment_id,
            code=one.code,
            cause=one.cause or None,
            detail=one.detail or None,
            remedy=one.remedy or None,
            time_zone=one.time_zone,
            due_at=one.due_at,
            expected_at=one.expected_at,
        )


class Enrolled(BaseModel):
    """What became of everybody."""

    #: None: nothing was stored.
    batch_id: int | None
    enrolled: int
    held: int
    refused: int
    results: list[Result]

    @classmethod
    def of(cls, outcomes: list[ContactOutcome]) -> Enrolled:
        """The outcomes, counted."""
        told = [one.outcome for one in outcomes]
        return cls(
            batch_id=outcomes[0].batch_id if outcomes else None,
            enrolled=told.count(Outcome.ENROLLED),
            held=told.count(Outcome.HELD),
            refused=told.count(Outcome.REFUSED),
            results=[Result.of(one) for one in outcomes],
        )


class Started(BaseModel):
    """The run that enrolls many contacts; ``GET /runs/{run_id}`` says how far it is."""

    run_id: str
    contacts: int


@router.post("/enrollments", response_model=Enrolled, responses={202: {"model": Started}})
def enroll(caller: Enroller, body: Enrolling, key: IdempotencyKey = None) -> JSONResponse:
    """Enroll contacts. Up to 500 at once; more are left to a run, and the answer is 202.

    A contact that may not be enrolled is a result, with a code and a remedy. If it is the only one that was asked for
    by its id, it is an error.
    """
    return once(caller, key, "/enrollments", body, lambda: _enroll(caller, body))


@router.post("/preflight")
def preflight(caller: Enroller, body: Enrolling) -> Enrolled:
    """What would become of up to 500 contacts, and when would each be mailed? Nothing is stored."""
    from flows.enroll_now import foresee

    sender, options, segment, size = _asked(caller, body)
    if size > MOST_NOW:
        raise Problem(
            422,
            f"{size:,} contacts are more than a preflight here looks at: choose up to {MOST_NOW}, "
            "or run 'cadenza preflight'.",
            "BATCH_TOO_LARGE",
        )
    return Enrolled.of(foresee(body.sequence, sender, segment, options, body.own))


def _enroll(caller: Caller, body: Enrolling) -> tuple[int, BaseModel]:
    from flows.enroll_now import enroll_now

    sender, options, segment, size = _asked(caller, body)
    if size > MOST_NOW:
        if body.contact_overrides:
            words = f"contact_overrides go with up to {MOST_NOW} contacts: enroll fewer at a time."
            raise Problem(422, words, "BATCH_TOO_LARGE", field="contact_overrides")
        return 202, Started(run_id=_start_run(sender, body, options), contacts=size)
    if not size and not segment.records:
        return 200, Enrolled.of([])
    outcomes = enroll_now(body.sequence, sender, segment, options, contact_overrides=body.own)
    if body.contact_ids and len(outcomes) == 1 and outcomes[0].outcome is Outcome.REFUSED:
        raise refused(outcomes[0])
    return 200, Enrolled.of(outcomes)


def _asked(caller: Caller, body: Enrolling) -> tuple[str, EnrollmentOptions, Segment, int]:
    """What ``understood`` says, of an enrollment that begins at once.

    Raises:
        BatchTooLarge: more contacts are named by their ids than are enrolled so at once.
    """
    from tasks.begin_batch import check_choice

    asked = understood(caller, body)
    check_choice(asked[2], asked[1])
    return asked


def refused(one: ContactOutcome, status: int | None = None) -> Problem:
    """The error for a single contact that may not be enrolled."""
    code = one.code or "INTERNAL"
    detail = f" ({one.detail})" if one.detail else ""
    message = f"Contact {one.contact_id} was not enrolled: {one.cause.rstrip('.')}{detail}. {one.remedy}"
    context = {"contactId": [str(one.contact_id)], "cause": [one.cause], "remedy": [one.remedy]}
    if one.detail:
        context["detail"] = [one.detail]
    found = ErrorDetail(message=message, code=code, field=FIELDS.get(code), context=context)
    return Problem(status or (409 if code.startswith("ALREADY_") else 422), message, code, details=[found])


#: The field of the request that a refusal is about.
FIELDS = {
    "START_STEP_OUT_OF_RANGE": "options.start_position",
    "START_IN_PAST": "options.send_at",
    "SEND_AS_DENIED": "options",
    "SEQUENCE_NOT_SHARED": "sequence",
    "SEQUENCE_INACTIVE": "sequence",
    "SEQUENCE_EMPTY": "sequence",
    "SENDER_INACTIVE": "sender",
    "SENDER_MISSING": "sender",
}


def understood(caller: Caller, body: Enrolling) -> tuple[str, EnrollmentOptions, Segment, int]:
    """Sender, options, contacts, and how many they are.

    Raises:
        Problem, WrongUse, NotFound, FilterInvalid: something that is named is not there, or does not go together.
    """
    if len(body.ways) != 1:
        given = " and ".join(body.ways) or "none of contact_ids, segment, filter and records"
        raise Problem(422, f"The contacts are named by {given}: name them in exactly one way.", "CONFLICT", field=given)
    enrolled_by = caller.user_for(body.enrolled_by, "enrolled_by")
    sender = body.sender or enrolled_by
    if sender is None:
        raise Problem(
            422, "No sender is named, and the key acts for nobody: name one.", "SENDER_MISSING", field="sender"
        )
    segment = _segment(body)
    with caller.transaction() as connection:
        find_sequence(connection, body.sequence)
        for handle in {sender, enrolled_by or sender} - {CONTACT_OWNER}:
            find_user(connection, handle)
        size = len(segment.contact_ids) or count_members(connection, segment)
    return sender, body.options.as_options(enrolled_by), segment, size


def _segment(body: Enrolling) -> Segment:
    """The contacts that are named.

    Raises:
        WrongUse: a record is not KIND:NAME, or a kind and its filter do not come together.
    """
    from tasks.begin_batch import segment_of

    records = None
    if asked := body.records:
        records = records_of(asked.named, asked.kind or "", asked.filter or "", asked.contacts)
        if records is None:
            raise Problem(422, "records names none: give named, or kind and filter.", "CONFLICT", field="records")
    return segment_of(body.segment or "", body.filter or "", body.contact_ids, records)


def _start_run(sender: str, body: Enrolling, options: EnrollmentOptions) -> str:
    from tasks.start_run import start_run

    chosen = body.options.model_dump(mode="json", exclude_none=True)
    if options.enrolled_by:
        chosen["enrolled_by"] = options.enrolled_by
    parameters = {
        "sequence": body.sequence,
        "sender": sender,
        "segment": body.segment or "",
        "filter": body.filter or "",
        "contact_ids": body.contact_ids,
        "records": body.records.model_dump(exclude_none=True) if body.records else {},
        "options": chosen,
    }
    return str(start_run("enroll-segment/enroll-segment", parameters))
