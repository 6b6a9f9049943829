"""What does one contact's passage do otherwise than the sequence says?"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import datetime
from functools import lru_cache
from typing import Any, Final, Self

from cadenza.domain.attachments import Attachment
from cadenza.domain.overridden_values import (
    address_of,
    attachments_of,
    days_of,
    delay_of,
    instant_of,
    line_of,
    number_of,
    template_of,
    token_value_of,
    window_of,
    yes_or_no_of,
    zone_of_name,
)
from cadenza.domain.sequence import Delay, EligibleDays, SendWindow, Sequence, Step, StepKind
from cadenza.errors import OverrideInvalid


@dataclass(frozen=True, slots=True)
class StepOverride:
    """What is different in one step; None: as the sequence says."""

    delay: Delay | None = None
    #: Email. Both bodies belong together: who gives one of them replaces both.
    subject: str | None = None
    html: str | None = None
    text: str | None = None
    #: Files that go with the mail instead of those of the step.
    attachments: tuple[Attachment, ...] | None = None
    #: To-do.
    title: str | None = None
    notes: str | None = None
    #: False: "continue without completing".
    is_blocking: bool | None = None

    @property
    def has_words(self) -> bool:
        """Whether the mail of the step says something else."""
        return not (self.subject is None and self.html is None and self.text is None)

    def over(self, base: StepOverride) -> StepOverride:
        """Both together; what this one says wins."""
        if self.html is not None or self.text is not None:
            base = replace(base, html=None, text=None)
        return replace(self, **{name: getattr(base, name) for name in _STEP_READERS if getattr(self, name) is None})

    def applied_to(self, step: Step) -> Step:
        """The step as it is then."""
        chosen = {name: value for name in _STEP_READERS if (value := getattr(self, name)) is not None}
        if self.html is not None or self.text is not None:
            chosen |= {"html": self.html or "", "text": self.text or ""}
        if self.has_words:
            # Who gets other words is no part of the test between variants.
            chosen |= {"variants": (), "winner": None}
        return replace(step, **chosen)


@dataclass(frozen=True, slots=True)
class Overrides:
    """What was chosen for all contacts of an enrollment, or for one of them; None: as it is without."""

    #: The step to start at; earlier ones are skipped.
    start_position: int | None = None
    time_zone: str | None = None
    #: Local date and time of the first step, naive.
    send_at: datetime | None = None
    mailbox_id: int | None = None
    #: Another address of the mailbox, in From and as the envelope's sender.
    from_alias: str | None = None
    #: When follow-ups may run: the first step is free of both.
    eligible_days: EligibleDays | None = None
    window: SendWindow | None = None
    #: By position.
    steps: Mapping[int, StepOverride] = field(default_factory=dict)
    #: What tokens stand for, by path ("contact.first_name"), whatever the contact's own value is.
    token_values: Mapping[str, str] = field(default_factory=dict)
    #: What they stand for where the contact has no value.
    fallbacks: Mapping[str, str] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return self != NOTHING

    @property
    def has_words(self) -> bool:
        """Whether some text is another one, so that other tokens may be needed."""
        return any(step.has_words or step.title or step.notes for step in self.steps.values())

    @property
    def attachments(self) -> dict[str, tuple[Attachment, ...]]:
        """Files that go with mails, by the field that names them."""
        return {f"steps.{at}.attachments": step.attachments for at, step in self.steps.items() if step.attachments}

    def over(self, base: Overrides) -> Overrides:
        """Both together, field by field; what this one says wins."""
        if not base:
            return self
        steps = {**base.steps, **self.steps}
        steps |= {at: self.steps[at].over(base.steps[at]) for at in self.steps.keys() & base.steps.keys()}
        return replace(
            self,
            **{name: getattr(base, name) for name in _READERS if getattr(self, name) is None},
            steps=steps,
            token_values={**base.token_values, **self.token_values},
            fallbacks={**base.fallbacks, **self.fallbacks},
        )

    def applied_to(self, sequence: Sequence) -> Sequence:
        """The sequence as this contact goes through it."""
        changed: dict[str, Any] = {}
        if self.steps:
            changed["steps"] = tuple(
                self.steps[step.position].applied_to(step) if step.position in self.steps else step
                for step in sequence.steps
            )
        if self.eligible_days or self.window:
            policy = sequence.follow_ups
            changed["follow_ups"] = replace(
                policy, eligible_days=self.eligible_days or policy.eligible_days, window=self.window or policy.window
            )
        if self.fallbacks:
            changed["fallbacks"] = {**sequence.fallbacks, **self.fallbacks}
        return replace(sequence, **changed) if changed else sequence

    def check(self, sequence: Sequence, start: int = 1) -> None:
        """See that a sequence, begun at step ``start``, can be changed like this.

        Raises:
            OverrideInvalid: names the field, and of two that contradict each other both.
        """
        begin = self.start_position or start
        last = len(sequence.steps)
        if not 1 <= begin <= last:
            raise OverrideInvalid.of(
                "start_position", f"there is no step {begin}: choose 1 to {last}.", "START_STEP_OUT_OF_RANGE"
            )
        for position, chosen in self.steps.items():
            place = f"steps.{position}"
            if not 1 <= position <= last:
                raise OverrideInvalid.of(place, f"there is no step {position}: the sequence has {last}.")
            step = sequence.step(position)
            foreign = _TODO_ONLY if step.kind is StepKind.EMAIL else _EMAIL_ONLY
            for name in foreign:
                if getattr(chosen, name) is not None:
                    raise OverrideInvalid.of(f"{place}.{name}", f"step {position} is {_KINDS[step.kind]}.")
            if position < begin:
                raise OverrideInvalid.of(
                    place, f"step {position} is skipped, because start_position is {begin}: choose one of the two."
                )
            if position == begin and chosen.delay is not None:
                raise OverrideInvalid.of(
                    f"{place}.delay",
                    f"contacts start at step {position} (start_position): use send_at for the time of the first step.",
                )
            if chosen.subject is not None and step.reply_to_position is not None and position != begin:
                raise OverrideInvalid.of(
                    f"{place}.subject",
                    f"step {position} answers step {step.reply_to_position} and has its subject: change that one.",
                )

    def as_data(self) -> dict[str, Any]:
        """The same as plain JSON data; what was not chosen is left out."""
        data: dict[str, Any] = {
            name: value
            for name in ("start_position", "time_zone", "mailbox_id", "from_alias")
            if (value := getattr(self, name)) is not None
        }
        if self.send_at:
            data["send_at"] = self.send_at.isoformat()
        policy: dict[str, Any] = {}
        if self.eligible_days:
            policy["eligible_days"] = self.eligible_days.value
        if self.window:
            policy["window"] = [self.window.start_minute, self.window.end_minute]
        parts = {
            "follow_ups": policy,
            "steps": {str(position): _step_data(step) for position, step in self.steps.items()},
            "token_values": dict(self.token_values),
            "fallbacks": dict(self.fallbacks),
        }
        return data | {name: part for name, part in parts.items() if part}

    def as_stored(self) -> str | None:
        """What an enrollment has to keep, as ``overrides_of`` reads it; None: nothing.

        Zone, first instant, mailbox and values of tokens have columns of their own.
        """
        later = {name: value for name, value in self.as_data().items() if name not in _IN_COLUMNS}
        return as_json(later) if later else None

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Self:
        """What ``as_data`` described, or a person wrote: "3 days" and "09:00-17:00" will do.

        Raises:
            OverrideInvalid: names the field that is wrong and what may stand there.
        """
        chosen: dict[str, Any] = {}
        for name, value in data.items():
            if name in _READERS and name not in _FOLLOW_UPS:
                chosen[name] = _read(_READERS[name], value, name)
            elif name == "follow_ups":
                chosen |= _read_all(_FOLLOW_UPS, value, name)
            elif name == "steps":
                chosen[name] = {
                    _position(position): StepOverride(**_read_all(_STEP_READERS, step, f"steps.{position}"))
                    for position, step in _part(value, name).items()
                }
            elif name in ("token_values", "fallbacks"):
                chosen[name] = _values(value, name)
            else:
                raise _unknown(name, [*_READERS, "follow_ups", "steps", "token_values", "fallbacks"])
        return cls(**chosen)


#: What may be chosen for a step and for a passage, with how it is read, in the order of the fields.
_STEP_READERS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "delay": delay_of,
    "subject": line_of,
    "html": template_of,
    "text": template_of,
    "attachments": attachments_of,
    "title": line_of,
    "notes": template_of,
    "is_blocking": yes_or_no_of,
}
_READERS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "start_position": number_of,
    "time_zone": zone_of_name,
    "send_at": instant_of,
    "mailbox_id": number_of,
    "from_alias": address_of,
    "eligible_days": days_of,
    "window": window_of,
}
_FOLLOW_UPS: Final = {name: _READERS[name] for name in ("eligible_days", "window")}
_EMAIL_ONLY: Final = ("subject", "html", "text", "attachments")
_TODO_ONLY: Final = ("title", "notes", "is_blocking")
_KINDS: Final = {StepKind.EMAIL: "an email, not a to-do", StepKind.TODO: "a to-do, not an email"}

_IN_COLUMNS: Final = ("time_zone", "send_at", "mailbox_id", "token_values")

#: Plain data as JSON, in the script in which people wrote it.
as_json: Final = json.JSONEncoder(ensure_ascii=False).encode

#: As the sequence says.
NOTHING: Final = Overrides()


@lru_cache(maxsize=4_096)
def overrides_of(words: str) -> Overrides:
    """The overrides that an enrollment was stored with."""
    return Overrides.from_data(json.loads(words))


def own_sequence(sequence: Sequence, words: str | None) -> Sequence:
    """The sequence as an enrollment goes through it; ``words`` are its overrides as stored, None: there are none."""
    return sequence if words is None else overrides_of(words).applied_to(sequence)


def _step_data(step: StepOverride) -> dict[str, Any]:
    data = {name: value for name in _STEP_READERS if (value := getattr(step, name)) is not None}
    if step.delay:
        data["delay"] = [step.delay.amount, step.delay.unit.value]
    if step.attachments is not None:
        data["attachments"] = [asdict(one) for one in step.attachments]
    return data


def _position(name: Any) -> int:
    if str(name).isascii() and str(name).isdecimal() and len(str(name)) < 5:
        return int(name)
    raise OverrideInvalid.of("steps", f"{name!r} is no step: name steps by their number, from 1.")


def _read(read: Callable[[Any], Any], value: Any, place: str) -> Any:
    if value is None:
        return None
    try:
        return read(value)
    except ValueError as error:
        raise OverrideInvalid.of(place, str(error)) from None


def _read_all(readers: Mapping[str, Callable[[Any], Any]], data: Any, place: str) -> dict[str, Any]:
    read = {}
    for name, value in _part(data, place).items():
        if name not in readers:
            raise _unknown(f"{place}.{name}", readers)
        read[name] = _read(readers[name], value, f"{place}.{name}")
    return read


def _part(data: Any, place: str) -> Mapping[str, Any]:
    if isinstance(data, Mapping):
        return data
    if data is None:
        return {}
    raise OverrideInvalid.of(place, "write a name and a value for each.")


def _values(data: Any, place: str) -> dict[str, str]:
    values = {}
    for path, value in _part(data, place).items():
        try:
            values[path] = token_value_of(path, value)
        except ValueError as error:
            raise OverrideInvalid.of(f"{place}.{path}", str(error)) from None
    return values


def _unknown(place: str, known: Iterable[str]) -> OverrideInvalid:
    return OverrideInvalid.of(place, f"there is no such option: there are {', '.join(known)}.")


assert [one.name for one in fields(Overrides)][: len(_READERS)] == list(_READERS)
assert [one.name for one in fields(StepOverride)] == list(_STEP_READERS)
