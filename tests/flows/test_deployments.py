"""prefect.yaml on a real Prefect server."""

from __future__ import annotations

import time
from pathlib import Path

import httpx
import pytest
import yaml

PREFECT_YAML = Path(__file__).parents[2] / "prefect.yaml"
NAMES = [deployment["name"] for deployment in yaml.safe_load(PREFECT_YAML.read_text())["deployments"]]


def read(api: str, path: str, **body: object) -> list[dict[str, object]]:
    return httpx.post(f"{api}/{path}/filter", json=body).raise_for_status().json()


def test_every_deployment_of_prefect_yaml_is_on_the_server(deployments):
    assert sorted(deployment["name"] for deployment in read(deployments, "deployments")) == sorted(NAMES)


def test_deploying_again_keeps_every_deployment(deployments, prefect_cli):
    before = {deployment["id"] for deployment in read(deployments, "deployments")}
    prefect_cli("--no-prompt", "deploy", "--all")
    assert {deployment["id"] for deployment in read(deployments, "deployments")} == before


def test_deployments_with_a_schedule_get_scheduled_runs(deployments):
    scheduled = {d["id"] for d in read(deployments, "deployments") if d["schedules"]}
    assert len(scheduled) == 5
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        runs = read(deployments, "flow_runs", flow_runs={"state": {"type": {"any_": ["SCHEDULED"]}}})
        if scheduled <= {run["deployment_id"] for run in runs}:
            return
        time.sleep(0.5)
    pytest.fail("The Prefect server made no scheduled runs")


@pytest.mark.parametrize(
    ("deployment", "parameters", "field"),
    [
        pytest.param("enroll-segment", {"segment": "x", "sequence": "y"}, "sender", id="no sender"),
        pytest.param(
            "enroll-segment",
            {"segment": "x", "sequence": "y", "sender": "z", "options": {"start_position": 0}},
            "start_position",
            id="a step before the first",
        ),
        pytest.param("import-list", {"source": "x.csv"}, "list_name", id="no list"),
    ],
)
def test_the_server_names_the_field_that_is_wrong(deployments, deployment, parameters, field):
    ids = {d["name"]: d["id"] for d in read(deployments, "deployments")}
    answer = httpx.post(f"{deployments}/deployments/{ids[deployment]}/create_flow_run", json={"parameters": parameters})
    assert answer.status_code == 409
    assert field in answer.text
