"""The sensors that load, `new_account` and `missed_readings`, side by side and under the daemon."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from dagster import DagsterInstance, DagsterRunStatus, DefaultSensorStatus

from tiktok_organic_dagster.simulator import Fault, faults
from tiktok_organic_dagster_tests.conftest import NOON
from tiktok_organic_dagster_tests.databases_that_refuse import held_by_another_program
from tiktok_organic_dagster_tests.orchestration.dagster_in_process import Dagster, quick_dagster_in_process
from tiktok_organic_dagster_tests.orchestration.deployment import Deployment
from tiktok_organic_dagster_tests.orchestration.runs import code_location
from tiktok_organic_dagster_tests.orchestration.ticks import (
    METRICS,
    MISSED,
    NEW,
    READING_STEPS,
    READINGS,
    move_to,
    sensor_tick,
)

TODAY = NOON.date()
DAY = timedelta(days=1)


def _file(deployment: Deployment) -> Path:
    return Path(deployment.settings.warehouse_url.removeprefix("duckdb:///"))


@pytest.mark.parametrize("name", [NEW, MISSED])
def test_the_sensors_run_by_default(name: str) -> None:
    sensor = code_location().get_repository_def().get_sensor_def(name)

    assert sensor.default_status == DefaultSensorStatus.RUNNING
    assert len(sensor.description or "") > 50


@pytest.mark.parametrize("name", [NEW, MISSED])
@pytest.mark.usefixtures("noon")
def test_while_no_account_is_connected_a_tick_says_how_to_connect_one(
    new_deployment: Callable[..., Deployment], instance: DagsterInstance, name: str
) -> None:
    new_deployment()

    asked = sensor_tick(instance, name)

    assert asked.requests == []
    assert "No account is connected in " in asked.why_not


@pytest.mark.parametrize("name", [NEW, MISSED])
def test_while_the_warehouse_is_held_the_next_tick_looks_again(
    deployment: Deployment, instance: DagsterInstance, name: str
) -> None:
    deployment.read_account()
    with held_by_another_program(_file(deployment)):
        asked = sensor_tick(instance, name)

    assert asked.requests == []
    assert "The ledger cannot be read now, the next tick looks again: " in asked.why_not
    assert sensor_tick(instance, name, asked.cursor).why_not != asked.why_not


def test_the_daemon_carries_out_what_is_asked_for_and_then_has_nothing_to_do(
    deployment: Deployment, tmp_path: Path, noon: time_machine.Traveller
) -> None:
    with quick_dagster_in_process(tmp_path / "dagster") as dagster:
        _live_with_daemon(deployment, dagster, noon)


def _live_with_daemon(deployment: Deployment, dagster: Dagster, noon: time_machine.Traveller) -> None:
    noon.shift(timedelta(minutes=1))  # the checks look at 12:00 again
    daemon = dagster.start_daemon()
    known: set[str] = set()

    def jobs_of_tick() -> list[tuple[str, list[str]]]:
        """The runs since the last tick that succeeded, with the steps that they carried out."""
        assert daemon.tick() == []
        new = [run for run in dagster.instance.get_runs() if run.run_id not in known]
        known.update(run.run_id for run in new)
        assert {run.status for run in new} <= {DagsterRunStatus.SUCCESS}
        return sorted(
            (run.job_name, sorted(step.step_key for step in dagster.instance.get_run_step_stats(run.run_id)))
            for run in new
        )

    assert jobs_of_tick() == [(METRICS, ["account_metrics"]), (READINGS, READING_STEPS)]
    noon.shift(timedelta(minutes=6))
    assert jobs_of_tick() == []
    fault = deployment.simulator.faults.add(
        Fault(faults.refuse(40117, "no"), path="business/comment/list/", business_id=deployment.business_id(0))
    )
    for post in deployment.world.videos(0, deployment.clock.now()):
        deployment.world.changes.patch_video(post["item_id"], comments=1_000)
    move_to(noon, 5, 0, TODAY + DAY)
    assert jobs_of_tick() == [(METRICS, ["account_metrics"]), (READINGS, READING_STEPS)]
    deployment.simulator.faults.remove(fault)
    move_to(noon, 5, 15, TODAY + DAY)
    assert jobs_of_tick() == [(READINGS, ["comments"])]
    move_to(noon, 9, 0, TODAY + DAY)
    ((job, _),) = jobs_of_tick()
    assert job == "warehouse_checks"
    noon.shift(timedelta(minutes=6))
    assert jobs_of_tick() == []
