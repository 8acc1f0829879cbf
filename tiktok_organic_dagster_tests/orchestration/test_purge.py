"""`purge_old_runs` on both of Dagster's storages: what nothing rests on goes, what the UI shows stays."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
import yaml
from dagster import AssetKey, DagsterInstance, DagsterRunStatus, Definitions, job, op
from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._core.test_utils import create_run_for_test

from tiktok_organic_dagster.automation.purge import Purged, purge, purge_job, purge_schedule
from tiktok_organic_dagster_tests.conftest import NOON
from tiktok_organic_dagster_tests.orchestration import ui
from tiktok_organic_dagster_tests.orchestration.dagster_in_process import Dagster, dagster_in_process
from tiktok_organic_dagster_tests.orchestration.deployment import Deployment
from tiktok_organic_dagster_tests.orchestration.runs import ACCOUNT, METRIC_TABLES, METRICS

TABLES = (ACCOUNT, *METRIC_TABLES)
LONG_AGO = timedelta(days=100)


@pytest.fixture(params=["sqlite", "postgres"])
def old_dagster(
    request: pytest.FixtureRequest,
    noon: time_machine.Traveller,
    new_deployment: Callable[..., Deployment],
    tmp_path: Path,
) -> Iterator[Dagster]:
    """A Dagster of each kind of storage, 100 days ago, with an account connected."""
    noon.move_to(NOON - LONG_AGO)
    new_deployment(accounts=1, videos=2).connect_all()
    if request.param == "sqlite":
        with dagster_in_process(tmp_path / "dagster") as made:
            yield made
    else:
        home: Path = request.getfixturevalue("dagster_postgres_home")
        storage = yaml.safe_load((home / "dagster.yaml").read_text())["storage"]
        with dagster_in_process(home, storage=storage) as made:
            yield made


def test_only_runs_that_nothing_rests_on_are_removed(old_dagster: Dagster, noon: time_machine.Traveller) -> None:
    dagster, instance = old_dagster, old_dagster.instance
    day = (NOON - LONG_AGO).date()
    refused = ui.materialize(dagster, [ACCOUNT], day - timedelta(days=1))
    reading = ui.materialize(dagster, [ACCOUNT], day)
    superseded = ui.materialize(dagster, METRIC_TABLES, day - timedelta(days=1))
    half = ui.materialize(dagster, METRIC_TABLES, day - timedelta(days=2))
    last = ui.materialize(dagster, METRIC_TABLES, day - timedelta(days=1))
    once_more = ui.materialize(dagster, [METRICS], day - timedelta(days=2))
    ours = instance.get_run_by_id(reading)
    assert ours is not None
    under_way = create_run_for_test(
        instance, "daily_readings", status=DagsterRunStatus.STARTED, remote_job_origin=ours.remote_job_origin
    ).run_id
    foreign_job = create_run_for_test(
        instance, "of_somebody_else", status=DagsterRunStatus.SUCCESS, remote_job_origin=ours.remote_job_origin
    ).run_id
    of_another_place = a_job_of_another_project(dagster)
    noon.move_to(NOON)
    young = ui.materialize(dagster, [ACCOUNT], day)  # it is refused, as only today can be read
    before, old = shown(dagster), {run.run_id for run in instance.get_runs()}

    found = purge(instance, ours, NOON - timedelta(days=90))

    gone = old - {run.run_id for run in instance.get_runs()}
    assert gone == {refused, superseded}
    assert found == Purged(removed=2, kept=4)
    assert {reading, half, last, once_more, under_way, foreign_job, of_another_place, young} == old - gone
    assert shown(dagster) == before
    instance.wipe_asset_cached_status([AssetKey(table) for table in TABLES])  # what it counts anew from the events
    assert shown(dagster) == before
    assert purge(instance, ours, NOON - timedelta(days=90)) == Purged(removed=0, kept=4)
    assert not any(leaves_events(instance, run) for run in gone)


def test_what_a_run_printed_goes_also_where_its_events_stay(old_dagster: Dagster, noon: time_machine.Traveller) -> None:
    dagster, instance = old_dagster, old_dagster.instance
    reading = ui.materialize(dagster, [ACCOUNT], (NOON - LONG_AGO).date())
    printed = Path(instance.root_directory) / "storage" / reading / "compute_logs"
    assert any(printed.iterdir())
    ours = instance.get_run_by_id(reading)
    assert ours is not None
    noon.move_to(NOON)

    purge(instance, ours, NOON - timedelta(days=90))

    assert not printed.exists()
    assert instance.all_logs(reading)


def test_the_job_tells_what_it_removed_and_leaves_what_was_not_started_from_its_code_location(
    old_dagster: Dagster, noon: time_machine.Traveller
) -> None:
    reading = ui.materialize(old_dagster, [ACCOUNT], (NOON - LONG_AGO).date())
    noon.move_to(NOON)
    purged = Definitions(jobs=[purge_job()]).resolve_job_def("purge_old_runs")

    result = purged.execute_in_process(instance=old_dagster.instance)  # which has no place to tell its own runs by

    assert result.success
    said = [entry.user_message for entry in old_dagster.instance.all_logs(result.run_id)]
    assert "Runs older than 90 days: 0 removed; 0 stay, as a partition or a check rests on them." in said
    assert old_dagster.instance.get_run_by_id(reading) is not None


def test_it_runs_on_sundays_before_the_loads_of_the_day() -> None:
    schedule = purge_schedule()

    assert schedule.cron_schedule == "0 3 * * 0"
    assert schedule.execution_timezone == "UTC"
    assert schedule.default_status.value == "RUNNING"


def leaves_events(instance: DagsterInstance, run: str) -> bool:
    """Whether the storage still has events of a run; SQLite's has a file for each run."""
    storage = instance.event_log_storage
    if isinstance(storage, SqliteEventLogStorage):
        return Path(storage.path_for_shard(run)).exists()
    return bool(instance.all_logs(run))


def a_job_of_another_project(dagster: Dagster) -> str:
    """A run of a job of the same name that was not started from our code location; gives its id."""

    @op
    def read() -> None: ...

    @job
    def daily_readings() -> None:
        read()

    return daily_readings.execute_in_process(instance=dagster.instance).run_id


def shown(dagster: Dagster) -> dict[str, Any]:
    """What the UI shows of the tables: green days, the newest results of checks, freshness, the newest load."""
    nodes = dagster.ask(
        """query ($keys: [AssetKeyInput!]!) { assetNodes(assetKeys: $keys) {
          assetKey { path }
          freshnessStatusInfo { freshnessStatus }
          assetMaterializations(limit: 1) { runId timestamp partition metadataEntries { label } }
          assetChecksOrError { ... on AssetChecks { checks {
            name
            executionForLatestMaterialization { runId status evaluation { success description } }
          } } }
        } }""",
        keys=[{"path": [table]} for table in TABLES],
    )["assetNodes"]
    return {table: ui.materialized(dagster, table) for table in TABLES} | {"nodes": nodes}
