"""What is a sequence, and what are its steps?"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, Final

from cadenza.domain.attachments import Attachment
from cadenza.domain.automation import Rule


class StepKind(StrEnum):
    """What a step does."""

    EMAIL = "email"
    TODO = "todo"


class TodoKind(StrEnum):
    """What a person has to do (HubSpot: manual email, call, LinkedIn and general tasks)."""

    CALL = "call"
    MANUAL_EMAIL = "manual_email"
    LINKEDIN_MESSAGE = "linkedin_message"
    LINKEDIN_CONNECTION = "linkedin_connection"
    GENERAL = "general"


class DelayUnit(StrEnum):
    """In what a delay is counted."""

    MINUTES = "minutes"
    HOURS = "hours"
    DAYS = "days"
    BUSINESS_DAYS = "business_days"


class EligibleDays(StrEnum):
    """On which days follow-ups may run (HubSpot's EVERYDAY, WEEKDAYS_ONLY, BUSINESS_DAYS)."""

    EVERYDAY = "everyday"
    WEEKDAYS_ONLY = "weekdays_only"
    BUSINESS_DAYS = "business_days"


@dataclass(frozen=True, slots=True)
class Delay:
    """The time between a step and the one before it."""

    amount: int = 0
    unit: DelayUnit = DelayUnit.DAYS
    #: Each contact waits up to so much longer, by chance (HubSpot: ``delayMillisMin`` to ``delayMillisMax``).
    spread_minutes: int = 0


@dataclass(frozen=True, slots=True)
class SendWindow:
    """The local minutes of the day in which a follow-up may run: start included, end excluded."""

    start_minute: int
    end_minute: int


@dataclass(frozen=True, slots=True)
class FollowUpPolicy:
    """When follow-ups may run; the first step is free of it."""

    eligible_days: EligibleDays = EligibleDays.WEEKDAYS_ONLY
    window: SendWindow | None = None


class WinnerBy(StrEnum):
    """By what the best variant of a step is found."""

    REPLIES = "replies"
    CLICKS = "clicks"
    OPENS = "opens"


@dataclass(frozen=True, slots=True)
class Winner:
    """When the best variant of a step is what everybody gets."""

    by: WinnerBy = WinnerBy.REPLIES
    #: Mails of each variant before the first comparison.
    after: int = 100


@dataclass(frozen=True, slots=True)
class Variant:
    """One of several texts of an email step."""

    name: str
    subject: str
    html: str
    text: str
    #: How many of the mails it gets, in proportion to the shares of the others.
    share: int = 1
    #: False: nobody gets it any more.
    is_active: bool = True


@dataclass(frozen=True, slots=True)
class Tracking:
    """What is noted of a mail that was sent."""

    opens: bool = False
    clicks: bool = False

    @property
    def is_any(self) -> bool:
        """Whether anything is."""
        return self.opens or self.clicks


UNTRACKED: Final = Tracking()


@dataclass(frozen=True, slots=True)
class Step:
    """One step; ``position`` counts from 1. Fields of the other kind are empty."""

    position: int
    kind: StepKind
    delay: Delay = Delay()
    #: Email: templates, and the position of the earlier email step whose thread this one answers.
    subject: str = ""
    html: str = ""
    text: str = ""
    reply_to_position: int | None = None
    #: Files that go with every text of it.
    attachments: tuple[Attachment, ...] = ()
    #: Texts that are tried against each other, instead of the step's own, which are those of the first; and when one
    #: of them has won (None: never).
    variants: tuple[Variant, ...] = ()
    winner: Winner | None = None
    #: To-do.
    todo_kind: TodoKind = TodoKind.GENERAL
    title: str = ""
    notes: str = ""
    priority: str = "none"
    #: The sequence waits until the to-do is done (HubSpot's default); False: "continue without completing".
    is_blocking: bool = True

    @property
    def words(self) -> str:
        """What it does, how long after the step before, and what its mails take along: for people."""
        words = "email" if self.kind is StepKind.EMAIL else f"to-do: {self.todo_kind.value.replace('_', ' ')}"
        if self.variants:
            words += f" ({', '.join(variant.name for variant in self.variants if variant.is_active)})"
        if self.delay.amount:
            unit = self.delay.unit.value.replace("_", " ")
            words += f", {self.delay.amount} {unit.removesuffix('s') if self.delay.amount == 1 else unit} later"
        if self.attachments:
            words += f", with {' and '.join(one.words for one in self.attachments)}"
        return words


@dataclass(frozen=True, slots=True)
class Sequence:
    """One immutable version of a sequence."""

    name: str
    title: str
    steps: tuple[Step, ...]
    description: str = ""
    language: str = "en"
    follow_ups: FollowUpPolicy = FollowUpPolicy()
    #: Used for contacts whose own time zone is unknown.
    time_zone: str | None = None
    #: Values of tokens that a contact lacks, by token path ("contact.first_name").
    fallbacks: Mapping[str, str] = field(default_factory=dict)
    #: "everyone", "team:NAME" or "user:HANDLE".
    shared_with: tuple[str, ...] = ("everyone",)
    is_active: bool = True
    #: When one contact answers, the sequence ends for everybody of that company (HubSpot: "unenroll contacts from the
    #: same company").
    account_based: bool = False
    #: Token paths that its templates use and for which there is neither a default nor a fallback.
    required_tokens: tuple[str, ...] = ()
    #: Where people look for it: "Sales/Inbound"; "": in no folder.
    folder: str = ""
    #: None: as the installation does.
    tracking: Tracking | None = None
    #: Kept beside the versions. None: nothing is said of them, those that there are stay.
    automations: tuple[Rule, ...] | None = None
    #: The bytes of attachments by their hash, of a sequence that was just read from its file; kept once, elsewhere.
    documents: Mapping[str, bytes] = field(default_factory=dict, repr=False, compare=False)

    def is_shared_with(self, handle: str, teams: Collection[str]) -> bool:
        """Whether a user of some teams may be the sender."""
        return not {"everyone", f"user:{handle}", *(f"team:{team}" for team in teams)}.isdisjoint(self.shared_with)

    def step(self, position: int) -> Step:
        """The step at a position that exists."""
        return self.steps[position - 1]

    def as_definition(self) -> dict[str, Any]:
        """The sequence as plain JSON data, for storage."""
        return {
            "name": self.name,
            "title": self.title,
            "description": self.description,
            "language": self.language,
            "follow_ups": {
                "eligible_days": self.follow_ups.eligible_days.value,
                "window": (
                    [self.follow_ups.window.start_minute, self.follow_ups.window.end_minute]
                    if self.follow_ups.window
                    else None
                ),
            },
            "time_zone": self.time_zone,
            "fallbacks": dict(self.fallbacks),
            "shared_with": list(self.shared_with),
            "is_active": self.is_active,
            "account_based": self.account_based,
            "required_tokens": list(self.required_tokens),
            # Only where they are used: what a sequence of an earlier release says does not change by an upgrade.
            **({"folder": self.folder} if self.folder else {}),
            **({"tracking": [self.tracking.opens, self.tracking.clicks]} if self.tracking else {}),
            "steps": [
                {
                    "position": step.position,
                    "kind": step.kind.value,
                    "delay": [
                        step.delay.amount,
                        step.delay.unit.value,
                        *([step.delay.spread_minutes] if step.delay.spread_minutes else []),
                    ],
                    "subject": step.subject,
                    "html": step.html,
                    "text": step.text,
                    "reply_to_position": step.reply_to_position,
                    "todo_kind": step.todo_kind.value,
                    "title": step.title,
                    "notes": step.notes,
                    "priority": step.priority,
                    "is_blocking": step.is_blocking,
                    **({"attachments": [asdict(one) for one in step.attachments]} if step.attachments else {}),
                    **({"variants": [asdict(variant) for variant in step.variants]} if step.variants else {}),
                    **({"winner": [step.winner.by.value, step.winner.after]} if step.winner else {}),
                }
                for step in self.steps
            ],
        }

    @classmethod
    def from_definition(cls, data: Mapping[str, Any]) -> Sequence:
        """The sequence that ``as_definition`` described."""
        window = data["follow_ups"]["window"]
        return cls(
            name=data["name"],
            title=data["title"],
            description=data["description"],
            language=data["language"],
            follow_ups=FollowUpPolicy(
                EligibleDays(data["follow_ups"]["eligible_days"]), SendWindow(*window) if window else None
            ),
            time_zone=data["time_zone"],
            fallbacks=dict(data["fallbacks"]),
            shared_with=tuple(data["shared_with"]),
            is_active=data["is_active"],
            account_based=data.get("account_based", False),
            required_tokens=tuple(data["required_tokens"]),
            folder=data.get("folder", ""),
            tracking=Tracking(*data["tracking"]) if "tracking" in data else None,
            steps=tuple(
                Step(
                    **{
                        **step,
                        "kind": StepKind(step["kind"]),
                        "delay": Delay(step["delay"][0], DelayUnit(step["delay"][1]), *step["delay"][2:]),
                        "todo_kind": TodoKind(step["todo_kind"]),
                        "attachments": tuple(Attachment(**one) for one in step.get("attachments", ())),
                        "variants": tuple(Variant(**variant) for variant in step.get("variants", ())),
                        "winner": Winner(WinnerBy(step["winner"][0]), step["winner"][1]) if "winner" in step else None,
                    }
                )
                for step in data["steps"]
            ),
        )
