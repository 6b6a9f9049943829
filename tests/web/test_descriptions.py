"""The API keeps what its descriptions say: schemathesis tries both with valid and with hostile input."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.config import SchemathesisConfig

from cadenza.domain.access import Scope
from cadenza.domain.automation import Rule, Trigger, TriggerKind
from cadenza.store import api_keys, database
from cadenza.web.app import build_app

EXAMPLES = 6
RULE = Rule("demo", Trigger(TriggerKind.FORM, ("demo",)), sender="ana")
#: A valid request may still name what is not there, or ask for what may not be: the answer says so.
CONFIG = {
    "checks": {
        "positive_data_acceptance": {"expected-statuses": ["2xx", "401", "403", "404", "409", "422"]},
        "negative_data_rejection": {"expected-statuses": ["400", "401", "403", "404", "409", "413", "415", "422"]},
        "missing_required_header": {"enabled": True},
    },
}


@pytest.fixture
def tried(world) -> Iterator[Any]:
    """Tries one description with all checks on; something of everything is there."""
    world.runtime.settings.web_requests_per_minute = world.runtime.settings.api_requests_per_minute = 10_000_000
    version, box = world.sequence(automations=(RULE,)), world.mailbox("ana")
    world.enroll(world.contacts(2), version, box)
    world.rows(
        "INSERT INTO records (kind, external_id, name, created_at, updated_at) VALUES ('deal', '1', 'x', :at, :at)",
        at=world.now,
    )
    with database.transaction(world.runtime.engine) as connection:
        _, key = api_keys.create_key(connection, "test", set(Scope), None, "tests", world.now)
    app = build_app(world.runtime)

    def run(path: str) -> int:
        description = schemathesis.openapi.from_asgi(path, app, config=SchemathesisConfig.from_dict(CONFIG))
        operations = [found.ok() for found in description.get_all_operations()]
        for operation in operations:
            for mode in schemathesis.GenerationMode:
                cases = operation.as_strategy(generation_mode=mode)

                @settings(
                    max_examples=EXAMPLES, deadline=None, database=None, derandomize=True,
                    suppress_health_check=list(HealthCheck), phases=[Phase.generate],
                )  # fmt: skip
                @given(case=cases)
                def attempt(case: Any) -> None:
                    case.call_and_validate(headers={"Authorization": f"Bearer {key}"})

                attempt()
        return len(operations)

    return run


def test_our_own_api_keeps_its_description(tried):
    assert tried("/api/v1/openapi.json") > 60


def test_hubspots_api_keeps_its_description(tried):
    assert tried("/automation/v4/openapi.json") == 4
