"""Every way into the code location from the root of a clone: files and commands."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from dagster import DagsterInstance
from dagster._cli.workspace.cli_target import workspace_opts_to_load_target
from dagster_shared.cli import WorkspaceOpts

from tiktok_organic_dagster.tables import CATALOGUE
from tiktok_organic_dagster_tests.orchestration import ui
from tiktok_organic_dagster_tests.orchestration.deployment import ROOT, Deployment
from tiktok_organic_dagster_tests.orchestration.processes import (
    a_day_with_time_left,
    command,
    dagster_dev,
    dagster_home,
)
from tiktok_organic_dagster_tests.orchestration.runs import ACCOUNT, ALL_TABLES, METRIC_TABLES, marked

JOBS = {"daily_readings", "account_metrics_refresh"}


def test_dg_check_defs_is_content(new_deployment: Callable[..., Deployment]) -> None:
    new_deployment()

    done = command("dg", "check", "defs")

    assert done.returncode == 0, done.stderr
    assert "All definitions loaded successfully." in done.stdout + done.stderr


def test_dagster_dev_finds_by_itself_what_workspace_yaml_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)

    found, named = (_origins(WorkspaceOpts()), _origins(WorkspaceOpts(workspace=("workspace.yaml",))))

    assert found == named
    ((name, module),) = found
    assert (name, module) == ("tiktok_organic_dagster", "tiktok_organic_dagster.definitions")


def _origins(options: WorkspaceOpts) -> list[tuple[str, Any]]:
    """The code locations that `dagster dev` would load with these options."""
    origins = workspace_opts_to_load_target(options).create_origins()
    return [(origin.location_name, origin.loadable_target_origin.module_name) for origin in origins]


def test_dg_dev_loads_the_definitions(new_deployment: Callable[..., Deployment], tmp_path: Path) -> None:
    new_deployment()

    with dagster_dev(["dg", "dev"], dagster_home(tmp_path / "dagster")) as dev:
        shown = ui.definitions(dev)

    assert shown["location"]["name"] == "tiktok_organic_dagster"
    assert sorted(node["assetKey"]["path"][0] for node in shown["assetNodes"]) == sorted(ALL_TABLES)
    assert {job["name"] for job in shown["jobs"]} >= JOBS
    assert {resource["name"] for resource in shown["allTopLevelResourceDetails"]} >= {"tiktok", "warehouse"}


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
        steps = [entry for entry in instance.all_logs(run.run_id) if "Launching subprocess" in entry.message]
    assert len(steps) == 4
    rows = {table.name: len(deployment.rows(table)) for table in CATALOGUE}
    assert [name for name, count in rows.items() if not count] == list(METRIC_TABLES)


def materialize(selection: str, day: str, **variables: str) -> Any:
    module = "tiktok_organic_dagster.definitions"
    return command(
        "dagster", "asset", "materialize", "-m", module, "--select", selection, "--partition", day, **variables
    )
