"""When will each contact be mailed first, under all limits of its mailbox?"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from prefect import task
from prefect.cache_policies import NO_CACHE

from cadenza.domain.batch import Batch
from cadenza.domain.throttle import Limit, admit
from cadenza.runtime import current
from cadenza.store import database, queues
from data_contracts.verdict import Verdict
from tasks.retrying import WAITS, waiting_helps

logger = logging.getLogger(__name__)

#: Instants in microseconds since 1970.
Instants = NDArray[np.int64]

#: Mails looked at in one step, at first and at most; below the shortest run they are counted one by one.
_FIRST_RUN: Final = 1_024
_LONGEST_RUN: Final = 131_072
_SHORTEST_RUN: Final = 32

_NOTHING: Final[Instants] = np.empty(0, dtype=np.int64)


@task(cache_policy=NO_CACHE, retries=len(WAITS), retry_delay_seconds=WAITS, retry_condition_fn=waiting_helps)
def forecast_sends(verdict: Verdict, batch: Batch, ahead: Sequence[pd.DataFrame] = ()) -> pd.DataFrame:
    """The plan of a chunk: its enrollable candidates with ``expected_at`` (UTC).

    Each mailbox lets its mails go in the order of their due instants, behind what it has sent and what waits in it;
    a to-do runs when it is due. Missing where nobody can tell: the mailbox is not connected. ``ahead`` is what
    ``queue_of`` made of the plans of earlier chunks: for a preflight, which stores nothing.
    """
    plan = verdict.enrollable.copy(deep=False)
    due = _microseconds(plan["due_at"])
    expected = due.copy()
    is_mail = _is_mail(plan, batch)
    if is_mail.any():
        is_open = plan["mailbox_connected"].to_numpy(dtype=bool)
        expected[is_mail & ~is_open] = pd.NaT.value
        rows = np.flatnonzero(is_mail & is_open)
        mailboxes = plan["mailbox_id"].to_numpy(dtype=np.int64)
        rows = rows[np.lexsort((rows, due[rows], mailboxes[rows]))]
        expected[rows] = _let_go(mailboxes[rows], due[rows], batch, ahead)
    plan["expected_at"] = pd.Series(expected.view("datetime64[us]"), index=plan.index).dt.tz_localize("UTC")
    return plan


def _is_mail(plan: pd.DataFrame, batch: Batch) -> NDArray[np.bool_]:
    if "is_mail_first" in plan.columns:
        return plan["is_mail_first"].to_numpy(dtype=bool)
    return np.full(len(plan), batch.is_mail_first)


def queue_of(plan: pd.DataFrame) -> pd.DataFrame:
    """The mails of a plan as they stand before those of later chunks: mailbox_id, due_at, mails."""
    is_open = plan["mailbox_connected"].to_numpy(dtype=bool)
    if "is_mail_first" in plan.columns:
        is_open = is_open & plan["is_mail_first"].to_numpy(dtype=bool)
    return plan[is_open].groupby(["mailbox_id", "due_at"], as_index=False).size().rename(columns={"size": "mails"})


def _let_go(mailboxes: Instants, due: Instants, batch: Batch, ahead: Sequence[pd.DataFrame]) -> Instants:
    """When mails, sorted by mailbox and due instant, are let go."""
    if not len(due):
        return due
    runtime = current()
    ids, firsts = np.unique(mailboxes, return_index=True)
    waiting = {} if batch.id is None else runtime.queues.setdefault(batch.id, {})
    with database.transaction(runtime.engine) as connection:
        limits = queues.limits_of(connection, ids.tolist(), runtime.settings.limits)
        every = [limit for of_mailbox in limits.values() for limit in of_mailbox] or [Limit(1, 0)]
        longest, most = max(limit.seconds for limit in every), max(limit.count for limit in every)
        recent = queues.recent_mails(connection, list(limits), longest, most, batch.started_at)
        queued = queues.queued_mails(connection, [mailbox for mailbox in limits if mailbox not in waiting])
    known = pd.concat([queued, *ahead])
    known = known.take(np.repeat(np.arange(len(known)), known["mails"].to_numpy(dtype=np.int64)))
    waiting |= _by_mailbox(known["mailbox_id"], known["due_at"])
    taken = _by_mailbox(recent["mailbox_id"], recent["at"])
    now = pd.Timestamp(batch.started_at).value // 1_000
    slots = []
    for mailbox, own in zip(ids.tolist(), np.split(due, firsts[1:]), strict=True):
        before = waiting.get(mailbox, _NOTHING)
        slots.append(_behind(limits[mailbox], taken.get(mailbox, _NOTHING), before, own, now))
        waiting[mailbox] = np.concatenate((before, own))
    logger.info("%d mails of %d mailboxes", len(due), len(ids))
    return np.concatenate(slots)


def _by_mailbox(mailboxes: pd.Series, instants: pd.Series) -> dict[int, Instants]:
    """The instants of each mailbox, sorted."""
    numbers, at = mailboxes.to_numpy(dtype=np.int64), _microseconds(instants)
    order = np.lexsort((at, numbers))
    ids, firsts = np.unique(numbers[order], return_index=True)
    return dict(zip(ids.tolist(), np.split(at[order], firsts[1:]), strict=False))


def _behind(limits: Sequence[Limit], taken: Instants, waiting: Instants, due: Instants, now: int) -> Instants:
    """When the mails of one mailbox are let go, each behind those that wait and are due no later."""
    together = np.concatenate((waiting, due))
    order = np.argsort(together, kind="stable")
    slots = np.empty_like(together)
    slots[order] = admit_many(limits, taken, np.maximum(together[order], now))
    return slots[len(waiting) :]


def admit_many(limits: Sequence[Limit], taken: Instants, due: Instants) -> Instants:
    """The same as ``throttle.admit``, for millions: looks for runs in which one rule alone tells each slot.

    In a run the mails go when they are due, or each one window after the mail that far before it: a long queue
    repeats its own past.
    """
    before = len(taken)
    slots = np.concatenate((taken, due))
    position, size = before, _FIRST_RUN
    while position < len(slots):
        run = min(size, len(slots) - position)
        found = max((_run(limits, slots, position, run, limit) for limit in (None, *limits)), key=len)
        if len(found) < min(run, _SHORTEST_RUN):
            run = min(_FIRST_RUN // 4, len(slots) - position)
            found = np.array(_one_by_one(limits, slots, position, run), dtype=np.int64)
            size = _FIRST_RUN
        elif len(found) == run:
            size = min(size * 2, _LONGEST_RUN)
        slots[position : position + len(found)] = found
        position += len(found)
    return slots[before:]


def _one_by_one(limits: Sequence[Limit], slots: Instants, position: int, size: int) -> list[int]:
    furthest = max((limit.count for limit in limits), default=1)
    return admit(
        limits, slots[max(0, position - furthest) : position].tolist(), slots[position : position + size].tolist()
    )


def _run(limits: Sequence[Limit], slots: Instants, position: int, size: int, rule: Limit | None) -> Instants:
    """The slots of the next mails as far as one rule alone tells them: the limit, or None: the due instant.

    ``slots`` holds instants up to ``position``, due instants from there on.
    """
    due = slots[position : position + size]
    if rule is None:
        told = due
    elif position < rule.count:
        return due[:0]
    else:
        rounds = -(-size // rule.count)
        steps = np.arange(1, rounds + 1, dtype=np.int64) * (rule.seconds * 1_000_000)
        told = (slots[position - rule.count : position] + steps[:, np.newaxis]).ravel()[:size]
    furthest = max((limit.count for limit in limits), default=1)
    known = slots[max(0, position - furthest) : position]
    line = np.concatenate((known, told))
    is_wrong = told < due
    is_wrong |= np.diff(line, prepend=line[0])[len(known) :] < 0
    for limit in limits:
        if limit is not rule and len(line) > limit.count:
            is_near = line[limit.count :] - line[: -limit.count] < limit.seconds * 1_000_000
            seen = min(len(told), len(is_near))
            is_wrong[len(told) - seen :] |= is_near[len(is_near) - seen :]
    return told[: int(np.argmax(is_wrong))] if is_wrong.any() else told


def _microseconds(instants: Any) -> Instants:
    """Instants of a column as numbers."""
    numbers: Instants = (
        instants.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy(dtype="datetime64[us]").view(np.int64)
    )
    return numbers
