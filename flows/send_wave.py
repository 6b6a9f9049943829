"""What happens when the steps of one time zone come due?"""

from __future__ import annotations

from collections.abc import Sequence

from prefect import flow

from cadenza.domain.delivery import Attempt, AttemptResult
from cadenza.domain.wave import Watching
from flows.contact_step import contact_step
from tasks.claim_steps import claim_steps
from tasks.guard_senders import guard_mailboxes
from tasks.read_mailboxes import read_mailboxes
from tasks.recover_deliveries import recover_deliveries
from tasks.schedule_waves import schedule_waves
from tasks.send_email import hand_over, outcomes, send_email
from tasks.show_wave import Wave, begin_wave, finish_wave, show_progress, wait_for_slot

#: In the summary, failures get a run of their own, up to this many of one claim.
SHOWN_FAILURES = 50


@flow(name="send-wave", flow_run_name="{time_zone}")
def send_wave(time_zone: str, shard: int = 0, shards: int = 1) -> Wave:
    """Send what is due in one time zone as fast as the mailboxes' limits allow, then hand over to the next wave.

    Whoever has answered gets nothing more: mailboxes are read before each claim.
    """
    recover_deliveries()
    wave = begin_wave(time_zone, shard, shards)
    goes_on = True
    while goes_on:
        answers = read_mailboxes(time_zone, shard, shards)
        claim = claim_steps(time_zone, wave.steps_at_once, shard, shards, answers.read)
        attempts = run_steps(claim.delivery_ids, wave.watching)
        guard_mailboxes(answers.with_bounces, refused(attempts))
        wave = show_progress(wave, claim, attempts)
        goes_on = wait_for_slot(wave)
    schedule_waves()
    return finish_wave(wave)


def run_steps(delivery_ids: Sequence[int], watching: Watching) -> list[Attempt]:
    """Run claimed steps, each watched as closely as the size of the wave allows (docs/decisions/0006)."""
    if watching is Watching.FLOWS:
        for delivery_id in delivery_ids:
            contact_step(delivery_id, return_state=True)
        return outcomes(delivery_ids)
    if watching is Watching.TASKS:
        return [send_email(delivery_id) for delivery_id in delivery_ids]
    attempts = hand_over(delivery_ids)
    for delivery_id in refused(attempts)[:SHOWN_FAILURES]:
        contact_step(delivery_id, return_state=True)
    return attempts


def refused(attempts: Sequence[Attempt]) -> list[int]:
    """The deliveries that servers refused for good."""
    return [attempt.delivery_id for attempt in attempts if attempt.result is AttemptResult.REJECTED]
