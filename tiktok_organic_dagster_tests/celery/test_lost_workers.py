"""What becomes of a step whose worker dies, and of the broker's password."""

import os
from collections.abc import Callable
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import pytest

from tiktok_organic_dagster.simulator import Fault
from tiktok_organic_dagster.simulator.faults import delay
from tiktok_organic_dagster_tests import truth
from tiktok_organic_dagster_tests.celery.broker import PASSWORD
from tiktok_organic_dagster_tests.celery.workers import Worker, worker
from tiktok_organic_dagster_tests.orchestration import ui
from tiktok_organic_dagster_tests.orchestration.deployment import Deployment
from tiktok_organic_dagster_tests.orchestration.processes import a_day_with_time_left, dagster_dev, poll
from tiktok_organic_dagster_tests.orchestration.runs import ACCOUNT
from tiktok_organic_dagster_tests.orchestration.test_dagster_dev import finished_run
from tiktok_organic_dagster_tests.orchestration.test_secrets import EVERYTHING_ABOUT_RUNS, files, stored

pytestmark = [pytest.mark.celery, pytest.mark.timeout(300)]


def test_a_step_whose_worker_is_killed_goes_to_another_and_one_that_kills_its_workers_fails(
    new_deployment_on_machines: Callable[..., Deployment], dagster_postgres_home: Path, tmp_path: Path
) -> None:
    a_day_with_time_left(timedelta(minutes=5))
    deployment = new_deployment_on_machines(accounts=1)
    with ExitStack() as stack:
        dagster = stack.enter_context(dagster_dev(dagster_postgres_home))
        ui.stop_automation(dagster)
        deployment.connect_all()
        deployment.simulator.faults.add(Fault(delay(10), path="business/get", times=1))
        first = stack.enter_context(worker("first", tmp_path, concurrency=1))

        run = ui.materialize(dagster, [ACCOUNT], deployment.today)
        poll(lambda: deployment.simulator.calls.count("business/get") or None, "the step to be under way")
        first.kill()
        second = stack.enter_context(worker("second", tmp_path, concurrency=1))
        assert finished_run(dagster, run) == "SUCCESS"

        assert workers_of(dagster.ask(EVENTS, id=run)) == ["first", "second"]
        assert deployment.everything()[ACCOUNT] == truth.rows_of(deployment, ACCOUNT)

        deployment.simulator.calls.clear()
        deployment.simulator.faults.add(Fault(delay(10), path="business/get"))
        doomed = ui.materialize(dagster, [ACCOUNT], deployment.today)
        for attempt in range(1, 4):
            kill_in_the_middle(deployment, second, attempt)
        assert finished_run(dagster, doomed) == "FAILURE"

        told = "\n".join(
            [str(dagster.ask(EVENTS, id=doomed)), *stored(), *files(dagster_postgres_home), *files(tmp_path)]
        )
        told += str(dagster.ask(EVERYTHING_ABOUT_RUNS)) + str(dagster.ask(ui.DEFINITIONS))
    assert "The worker of this step died 3 times" in told
    assert PASSWORD in os.environ["TIKTOK_ORGANIC_CELERY_BROKER"]
    assert PASSWORD not in told


EVENTS = """query ($id: ID!) { runOrError(runId: $id) { ... on Run { eventConnection(limit: 1000) { events {
    __typename
    ... on MessageEvent { message stepKey }
    ... on EngineEvent { metadataEntries { label ... on TextMetadataEntry { text } } }
    ... on ErrorEvent { error { message stack causes { message } } }
} } } } }"""


def workers_of(events: dict[str, object]) -> list[str]:
    """Who carried out the step of a run, one after another."""
    return [
        entry["text"].split("@")[0]
        for event in events["runOrError"]["eventConnection"]["events"]
        for entry in event.get("metadataEntries", ())
        if entry["label"] == "Celery worker"
    ]


def kill_in_the_middle(deployment: Deployment, worker: Worker, attempt: int) -> None:
    """Kill what carries out a step while it waits for TikTok."""
    calls = deployment.simulator.calls
    poll(lambda: True if calls.count("business/get") >= attempt else None, f"attempt {attempt}")
    worker.kill_what_carries_out_steps()
