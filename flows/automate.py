"""What happens when a contact does what a sequence waits for?"""

from __future__ import annotations

from datetime import datetime

from prefect import flow

from cadenza.domain.enrollment import EnrollmentOptions, Segment
from cadenza.errors import CadenzaError
from cadenza.store.firings import DueFirings
from tasks.await_signals import Automated, begin_shift, finish_shift
from tasks.begin_batch import begin_batch
from tasks.check_enrollability import check_enrollability
from tasks.forecast_sends import forecast_sends
from tasks.load_candidates import load_candidates
from tasks.open_enrollments import finish_batch, open_enrollments
from tasks.probe_mailboxes import probe_mailboxes
from tasks.read_events import read_events
from tasks.schedule_waves import schedule_waves
from tasks.settle_firings import due_firings, end_enrollments, give_up, hand_to_batch, settle_firings
from tasks.take_signals import notice_changes, raise_events, take_signals
from tasks.time_first_steps import time_first_steps


@flow(name="automate")
def automate(seconds: int | None = None) -> Automated:
    """Let the rules of sequences enroll and unenroll contacts within seconds of what they do.

    Ends after a while; its schedule has begun the next run before, which waits until this one has ended.
    """
    shift = begin_shift(seconds)
    for now in shift.rounds(notice_changes, read_events):
        taken = take_signals(now)
        raise_events(taken)
        ended = end_enrollments(now)
        settled = [enroll(due, now) for due in due_firings(now)]
        if any(states.get("enrolled") for states in settled):
            schedule_waves()
        shift.add(
            Automated(
                signals=sum(one.count for one in taken),
                enrolled=sum(states.get("enrolled", 0) for states in settled),
                refused=sum(states.get("refused", 0) for states in settled),
                unenrolled=ended,
            )
        )
    return finish_shift(shift)


def enroll(due: DueFirings, now: datetime) -> dict[str, int]:
    """Enroll contacts by the same tasks and rules as ``enroll_segment``; how many firings ended in each state."""
    try:
        begun = begin_batch(due.sequence, due.sender, Segment(contact_ids=due.contact_ids), EnrollmentOptions())
        batch = hand_to_batch(due, begun)
        probe_mailboxes(batch)
        for candidates in load_candidates(batch):
            timed = time_first_steps(candidates, batch)
            verdict = check_enrollability(timed, batch)
            planned = forecast_sends(verdict, batch)
            open_enrollments(planned, verdict, batch)
        finish_batch(batch)
    except CadenzaError as error:
        if error.transient:
            raise
        give_up(due.firing_ids, error, now)
    return settle_firings(now)
