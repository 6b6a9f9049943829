"""What does a mail that came in change?"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from cadenza.domain.advance import run_after
from cadenza.domain.cadence import to_instant
from cadenza.domain.enrollment import Ending
from cadenza.domain.incoming import BouncedRecipient, BounceKind, Incoming, IncomingKind
from cadenza.domain.matching import Hint, Match
from cadenza.domain.opt_out import OptOutScope
from cadenza.domain.overrides import own_sequence
from cadenza.domain.sequence import Sequence as ContactSequence
from cadenza.domain.zones import zone_of

#: The refusal code of an enrollment that waits until the contact is back.
OUT_OF_OFFICE: Final = "OUT_OF_OFFICE"


class Change(StrEnum):
    """What happens to the enrollment, and to whether we may write there again."""

    REPLY = "reply"
    MEETING = "meeting"
    HARD_BOUNCE = "hard_bounce"
    SOFT_BOUNCE = "soft_bounce"
    COMPLAINT = "complaint"
    OPT_OUT = "opt_out"
    #: Nothing is sent until a date.
    HOLD = "hold"
    #: It is noted, and everything goes on.
    NOTHING = "nothing"


#: How enrollments end, and with which code as the reason. An opt-out says itself how far it goes.
ENDINGS: Final = {
    Change.REPLY: (Ending.REPLIED, "REPLIED"),
    Change.MEETING: (Ending.MEETING_BOOKED, "MEETING_BOOKED"),
    Change.HARD_BOUNCE: (Ending.BOUNCED, "HARD_BOUNCED"),
    Change.COMPLAINT: (Ending.UNSUBSCRIBED, "SPAM_COMPLAINT"),
}
#: Of those whose colleague answered.
COLLEAGUE_REPLIED: Final = (Ending.REPLIED, "COLLEAGUE_REPLIED")

#: What events are called in the timeline.
_EVENTS: Final = {
    IncomingKind.BOUNCE: "bounce",
    IncomingKind.COMPLAINT: "complaint",
    IncomingKind.AUTO_REPLY: "auto_reply",
    IncomingKind.MEETING: "meeting",
    IncomingKind.OPT_OUT: "opt_out_mail",
    IncomingKind.REPLY: "reply",
}
_ABOUT_THE_AUTHOR: Final = (Change.REPLY, Change.MEETING, Change.OPT_OUT, Change.HOLD)
_BOUNCES: Final = {BounceKind.HARD: Change.HARD_BOUNCE, BounceKind.SOFT: Change.SOFT_BOUNCE}


@dataclass(frozen=True, slots=True)
class AnswerPolicy:
    """What an installation wants to follow from answers."""

    #: An absence that does not say how long it lasts.
    absence_days: int
    #: The longest that an auto-reply may hold anybody.
    longest_absence_days: int
    #: So many soft bounces of an address within so many days are a hard one.
    soft_bounces_until_hard: int
    soft_bounce_days: int
    opt_out_scope: OptOutScope


@dataclass(frozen=True, slots=True)
class Arrival:
    """A mail as it was found in a mailbox."""

    incoming: Incoming
    #: What it is told by, wherever and however often it is read.
    source_id: str
    #: When the server of the mailbox got it.
    arrived_at: datetime
    #: The enrollment whose unsubscribe token it carries.
    token_enrollment: int | None = None


@dataclass(frozen=True, slots=True)
class Effect:
    """What one mail changes for one enrollment."""

    change: Change
    #: Of the event that notes it: the second time, nothing changes.
    source_id: str
    event: str
    happened_at: datetime
    match: Match
    #: Of a hold: the first day on which somebody reads mails again.
    held_until: date | None
    #: For the timeline: how the mail was recognised, and what it says for machines. Never its text.
    data: dict[str, Any]


def effects_of(
    arrival: Arrival, matches: Sequence[Match], policy: AnswerPolicy, own_addresses: Collection[str], today: date
) -> Iterator[Effect]:
    """What a mail changes; ``matches`` are the enrollments that it is about, the surest first.

    What a person does, and an absence, is about whatever else its author is in, too; a report is about one mail.
    """
    incoming = arrival.incoming
    for number, match in enumerate(matches):
        change, bounced = _change(arrival, match, policy, own_addresses, today)
        if change is None or (number and change not in _ABOUT_THE_AUTHOR):
            continue
        held_until = back_on(arrival, policy, today) if change is Change.HOLD else None
        data = {
            "match": match.hint.value,
            "message_id": incoming.message_id,
            "change": change.value,
            "status": bounced.status if bounced else None,
            "reason": bounced.reason if bounced else None,
            "held_until": held_until.isoformat() if held_until else None,
        }
        yield Effect(
            change,
            f"{arrival.source_id}/{match.enrollment_id}" if number else arrival.source_id,
            _EVENTS[incoming.kind],
            arrival.arrived_at,
            match,
            held_until,
            {name: _printable(value) for name, value in data.items() if value is not None},
        )


def _change(
    arrival: Arrival, match: Match, policy: AnswerPolicy, own_addresses: Collection[str], today: date
) -> tuple[Change | None, BouncedRecipient | None]:
    """What follows for a match; None: nothing, not even a note."""
    incoming = arrival.incoming
    match incoming.kind:
        case IncomingKind.REPLY:
            return Change.REPLY, None
        case IncomingKind.OPT_OUT:
            return Change.OPT_OUT, None
        case IncomingKind.COMPLAINT:
            return Change.COMPLAINT, None
        case IncomingKind.MEETING if incoming.method == "CANCEL":
            return Change.NOTHING, None
        case IncomingKind.MEETING:
            # Who declines has answered, too.
            return Change.REPLY if incoming.attendance == "DECLINED" else Change.MEETING, None
        case IncomingKind.AUTO_REPLY:
            return Change.HOLD if back_on(arrival, policy, today) else Change.NOTHING, None
        case IncomingKind.BOUNCE if not incoming.is_delay:
            bounced = recipient_of(incoming, match, own_addresses)
            return (_BOUNCES[bounced.kind], bounced) if bounced else (None, None)
    return None, None


def recipient_of(incoming: Incoming, match: Match, own_addresses: Collection[str]) -> BouncedRecipient | None:
    """What a report says of the contact; None: nothing, it is about another recipient of the same mail.

    Servers on the way may know the contact by another name, so a stranger is the contact; a copy to ourselves is not.
    """
    named = [one for one in incoming.recipients if one.address == match.to_address]
    if not named:
        named = [one for one in incoming.recipients if one.address not in own_addresses]
    if not named and not incoming.recipients:
        return BouncedRecipient(None, BounceKind.SOFT, None, "")
    return next((one for one in named if one.kind is BounceKind.HARD), named[0] if named else None)


def back_on(arrival: Arrival, policy: AnswerPolicy, today: date) -> date | None:
    """The first day on which somebody reads mails again; None: the answer says nothing of an absence to come.

    An absence without an end lasts as long as the policy says, and none lasts longer than the policy allows.
    """
    back = arrival.incoming.back_on
    if back is None and arrival.incoming.is_absence:
        back = arrival.arrived_at.date() + timedelta(days=policy.absence_days)
    return min(back, today + timedelta(days=policy.longest_absence_days)) if back and back > today else None


@dataclass(frozen=True, slots=True)
class Waiting:
    """A running enrollment that is to be held."""

    id: int
    status: str
    version_id: int
    due_at: datetime | None
    held_reason: str | None
    held_until: datetime | None
    is_first: bool
    time_zone: str
    country: str | None
    overrides: str | None


@dataclass(frozen=True, slots=True)
class Hold:
    """Until when an enrollment waits, and when its next step is due then."""

    enrollment_id: int
    until: datetime
    due_at: datetime | None


def held(waiting: Waiting, back: date, sequence: ContactSequence, now: datetime) -> Hold | None:
    """The hold until a day, at the present time of day there; None: it waits as long already.

    The time of the hold does not use up the delay: what was left of it runs on from then, within days and window.
    """
    zone = zone_of(waiting.time_zone)
    local = now.astimezone(zone).replace(tzinfo=None, fold=0)
    until = to_instant(datetime.combine(back, local.time()), zone)
    is_away = waiting.held_reason == OUT_OF_OFFICE and waiting.held_until is not None
    start = max(now, waiting.held_until) if is_away and waiting.held_until else now
    if until <= start:
        return None
    if waiting.due_at is None:
        return Hold(waiting.id, until, None)
    left = max(waiting.due_at - start, timedelta(0))
    own = own_sequence(sequence, waiting.overrides)
    due_at = run_after(own, waiting.is_first, until, left, waiting.time_zone, waiting.country)
    return Hold(waiting.id, until, due_at)


def _printable(value: str) -> str:
    """What mails say, fit for the database: no NUL, no halves of characters."""
    return value.replace("\0", "").encode("utf-8", "replace").decode()[:500]


def is_answer(match: Match, change: Change) -> bool:
    """Whether a colleague may rely on it: a person answered, and has seen a mail of the enrollment."""
    return change in (Change.REPLY, Change.MEETING) and match.is_proven and match.hint is not Hint.TOKEN
