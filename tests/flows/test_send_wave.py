"""A wave sends what is due, and leaves its place to others in time."""

from __future__ import annotations

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowFilter, FlowFilterName
from prefect.states import Scheduled

from flows.send_wave import send_wave

BERLIN = "Europe/Berlin"


@pytest.fixture
def other_wave(deployments, request):
    """A wave of another zone waits for a place, or none does."""
    with get_client(sync_client=True) as client:
        for run in client.read_flow_runs(flow_filter=FlowFilter(name=FlowFilterName(any_=["send-wave"]))):
            client.delete_flow_run(run.id)  # of other tests: nobody runs them, so they are late
        if request.param:
            state = Scheduled(name="AwaitingConcurrencySlot")
            client.create_flow_run(send_wave, parameters={"time_zone": "Asia/Tokyo"}, state=state)


@pytest.mark.parametrize(("other_wave", "minutes"), [(False, 2), (True, 1)], indirect=["other_wave"])
@pytest.mark.usefixtures("other_wave")
def test_a_wave_waits_for_slots_but_not_while_others_wait_for_a_place(world, sink, minutes):
    box = world.mailbox(limits=[(1, 60)])
    world.enroll(world.contacts(3), world.sequence(), box)
    started = world.now
    send_wave(BERLIN)
    assert len(list(sink.folder.rglob("new/*"))) == minutes + 1
    assert (world.now - started).total_seconds() // 60 == minutes
    assert world.one("SELECT count(*) FROM enrollments WHERE status = 'active'") == 2 - minutes
