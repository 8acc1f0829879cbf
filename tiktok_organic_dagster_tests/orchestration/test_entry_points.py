"""Every way into the code location from the root of a clone: files and commands."""

from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from dagster import DagsterInstance

from tiktok_organic_dagster.tables import CATALOGUE
from tiktok_organic_dagster_tests.orchestration.dagster_in_process import (
    MODULE,
    loaded_by_dagster_dev,
    loaded_by_dg_dev,
)
from tiktok_organic_dagster_tests.orchestration.deployment import ROOT, Deployment
from tiktok_organic_dagster_tests.orchestration.processes import (
    a_day_with_time_left,
    command,
    dagster_home,
)
from tiktok_organic_dagster_tests.orchestration.runs import ACCOUNT, ALL_TABLES, METRIC_TABLES, marked


def test_dg_check_defs_is_content(new_deployment: Callable[..., Deployment]) -> None:
    new_deployment()

    done = command("dg", "check", "defs")

    assert done.returncode == 0, done.stderr
    assert "All definitions loaded successfully." in done.stdout + done.stderr


def test_dagster_dev_and_dg_dev_load_the_same_module_with_and_without_workspace_yaml(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(ROOT)
    expected = [("tiktok_organic_dagster", MODULE)]

    assert loaded_by_dagster_dev() == expected
    assert loaded_by_dagster_dev("workspace.yaml") == expected
    assert loaded_by_dg_dev(ROOT) == expected


def test_dagster_asset_materialize_loads_a_table_without_any_dagster_home(
    new_deployment: Callable[..., Deployment],
) -> None:
    a_day_with_time_left()
    deployment = new_deployment()
    deployment.connect_all()

    done = materialize(ACCOUNT, str(deployment.today))

    assert done.returncode == 0, done.stderr
    (account,) = [table for table in CATALOGUE if table.name == ACCOUNT]
    expected = sorted((deployment.business_id(index), deployment.today) for index in (0, 1))
    assert deployment.rows(account, ["_business_id", "metric_date"]) == expected


@pytest.mark.timeout(300)
def test_the_multiprocess_executor_materializes_all_tables(
    new_deployment: Callable[..., Deployment], tmp_path: Path
) -> None:
    a_day_with_time_left()
    deployment = new_deployment(TIKTOK_ORGANIC_EXECUTOR="multiprocess")
    deployment.connect_all()
    home = dagster_home(tmp_path / "dagster")

    done = materialize("*", str(deployment.today), DAGSTER_HOME=str(home))

    assert done.returncode == 0, done.stderr
    with DagsterInstance.from_config(str(home)) as instance:
        for table in ALL_TABLES:
            assert marked(instance, table) == [deployment.today]
        (run,) = instance.get_runs()
        launched = [entry for entry in instance.all_logs(run.run_id) if "Launching subprocess" in entry.message]
    steps = sorted(entry.step_key or "" for entry in launched)
    assert steps == ["account", "account_metrics", "comments", "data_quality", "videos", "warehouse_state"]
    rows = {table.name: len(deployment.rows(table)) for table in CATALOGUE}
    assert [name for name, count in rows.items() if not count] == list(METRIC_TABLES)


def materialize(selection: str, day: str, **variables: str) -> CompletedProcess[str]:
    return command(
        "dagster", "asset", "materialize", "-m", MODULE, "--select", selection, "--partition", day, **variables
    )
