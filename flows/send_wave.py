"""What happens when the steps of one time zone come due?"""

from __future__ import annotations

from collections.abc import Sequence

from prefect import flow

from cadenza.domain.delivery import Attempt, AttemptResult
from cadenza.domain.wave import Watching
from flows.contact_step import contact_step
from tasks.claim_steps import claim_steps
from tasks.recover_deliveries import recover_deliveries
from tasks.schedule_waves import schedule_waves
from tasks.send_email import hand_over, outcomes, send_email
from tasks.show_wave import Wave, begin_wave, finish_wave, show_progress, wait_for_slot

#: In the summary, failures get a run of their own, up to this many of one claim.
SHOWN_FAILURES = 50


@flow(name="send-wave", flow_run_name="{time_zone}")
def send_wave(time_zone: str, shard: int = 0, shards: int = 1) -> Wave:
    """Send what is due in one time zone as fast as the mailboxes' limits allow, then hand over to the next wave."""
    recover_deliveries()
    wave = begin_wave(time_zone, shard, shards)
    goes_on = True
    while goes_on:
        claim = claim_steps(time_zone, shard=shard, shards=shards)
        attempts = run_steps(claim.delivery_ids, wave.watching)
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
    failures = [attempt for attempt in attempts if attempt.result is AttemptResult.REJECTED]
    for attempt in failures[:SHOWN_FAILURES]:
        contact_step(attempt.delivery_id, return_state=True)
    return attempts
