"""What becomes of a step whose worker dies, is taken for dead, or is told to end; and of the broker's password."""

import os
from pathlib import Path

import pytest

from tiktok_organic_dagster_tests.celery.broker import PASSWORD
from tiktok_organic_dagster_tests.celery.machines import Machines
from tiktok_organic_dagster_tests.celery.runs import carried_out_by, messages
from tiktok_organic_dagster_tests.celery.workers import LOST_AFTER_S, Worker
from tiktok_organic_dagster_tests.orchestration import ui
from tiktok_organic_dagster_tests.orchestration.canaries import files, leaked, rows
from tiktok_organic_dagster_tests.orchestration.test_secrets import dagsters_database

EVERYTHING_ABOUT_RUNS = """{
  runsOrError { ... on Runs { results {
    runConfigYaml tags { key value }
    eventConnection(limit: 1000) { events {
      __typename
      ... on MessageEvent { message }
      ... on ErrorEvent { error { message stack causes { message stack } } }
      ... on ExecutionStepFailureEvent { failureMetadata { description } }
      ... on AssetCheckEvaluationEvent { evaluation { description metadataEntries { label description
        ... on TableMetadataEntry { table { records } }
      } } }
    } }
  } } }
}"""


@pytest.mark.celery
@pytest.mark.timeout(300)
def test_a_step_is_brought_to_its_end_whatever_becomes_of_its_worker_but_not_if_it_kills_its_workers(
    machines: Machines, dagster_postgres_home: Path, tmp_path: Path
) -> None:
    first = machines.worker("first")
    second = it_is_killed(machines, first)
    third = it_is_frozen_and_taken_for_dead(machines, second)
    left = it_is_told_to_end(machines, second, third)
    it_dies_of_the_step(machines, left)

    databases = [*map(os.environ.get, ("TIKTOK_ORGANIC_WAREHOUSE", "TIKTOK_ORGANIC_STATE")), dagsters_database()]
    answers = [str(machines.dagster.ask(question)) for question in (EVERYTHING_ABOUT_RUNS, ui.DEFINITIONS)]
    stored = [row for database in databases if database for row in rows(database)]
    assert "The worker of this step died 3 times" in "".join(answers)
    assert PASSWORD in os.environ["TIKTOK_ORGANIC_CELERY_BROKER"]
    assert leaked({PASSWORD}, [*answers, *stored, *files(dagster_postgres_home, tmp_path)]) == set()


def it_is_killed(machines: Machines, first: Worker) -> Worker:
    run = machines.run(answer_after=10)
    machines.under_way()
    first.kill()
    second = machines.worker("second")
    assert machines.loaded_by(run) == ["first", "second"]
    return second


def it_is_frozen_and_taken_for_dead(machines: Machines, second: Worker) -> Worker:
    """Then two workers carry out the step at once."""
    run = machines.run(answer_after=5, times=2)
    machines.under_way()
    second.freeze()
    third = machines.worker("third")
    machines.under_way(attempt=2)
    second.thaw()
    assert machines.loaded_by(run) == ["second", "third"]
    return third


def it_is_told_to_end(machines: Machines, *workers: Worker) -> Worker:
    """It ends the step first, however long that takes, and nobody takes it from it; gives the other one."""
    run = machines.run(answer_after=LOST_AFTER_S + 5)
    machines.under_way()
    (name,) = carried_out_by(machines.dagster, run)["account"]
    at_it, other = sorted(workers, key=lambda worker: worker.name != name)
    at_it.tell_to_end()
    assert machines.loaded_by(run) == [name]
    return other


def it_dies_of_the_step(machines: Machines, worker: Worker) -> None:
    run = machines.run(answer_after=10, times=None)
    for attempt in range(1, 4):
        machines.under_way(attempt)
        worker.kill_what_carries_out_steps()
    assert machines.end_of(run) == "FAILURE"
    assert "The worker of this step died 3 times" in messages(machines.dagster, run)
