"""A real `dagster dev`, web server and daemon, at the root of the clone, driven by the GraphQL of its UI."""

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest

from tiktok_organic_dagster.tables import CATALOGUE
from tiktok_organic_dagster_tests.orchestration import ui
from tiktok_organic_dagster_tests.orchestration.canaries import command_lines, files, leaked
from tiktok_organic_dagster_tests.orchestration.deployment import Deployment
from tiktok_organic_dagster_tests.orchestration.processes import (
    DagsterDev,
    a_day_with_time_left,
    dagster_dev,
    dagster_home,
    poll,
)
from tiktok_organic_dagster_tests.orchestration.runs import ALL_TABLES, METRIC_TABLES, METRICS

TABLES = {table.name: table for table in CATALOGUE}


@pytest.mark.timeout(300)
def test_the_ui_materializes_all_tables_and_backfills_metrics_of_59_days(
    new_deployment: Callable[..., Deployment], tmp_path: Path
) -> None:
    a_day_with_time_left()
    deployment = new_deployment()

    with dagster_dev(dagster_home(tmp_path / "dagster")) as dev:
        shown = ui.definitions(dev)
        assert shown["location"]["name"] == "tiktok_organic_dagster"
        assert {job["name"] for job in shown["jobs"]} >= {"daily_readings", "account_metrics_refresh"}
        assert {node["assetKey"]["path"][0] for node in shown["assetNodes"]} == set(ALL_TABLES)
        ui.stop_automation(dev)  # while no account is connected, so that it has not started anything
        deployment.connect_all()
        today = deployment.today

        run = ui.materialize(dev, ALL_TABLES, today)
        assert finished_run(dev, run) == "SUCCESS"
        for table in ALL_TABLES:
            assert ui.materialized(dev, table) == [today], table
        assert held_days(deployment)[METRICS] == set()

        days = [today - timedelta(days=back) for back in range(58, -1, -1)]
        backfill = ui.backfill(dev, METRIC_TABLES, days)
        assert finished_backfill(dev, backfill) == "COMPLETED_SUCCESS"
        for table in ALL_TABLES:
            assert ui.materialized(dev, table) == (days if table in METRIC_TABLES else [today]), table
        shown_to_all_users = command_lines(dev.session)

    assert len(shown_to_all_users) >= 3, "web server, daemon, code server"
    assert leaked(secrets_of(deployment), [*shown_to_all_users, *files(tmp_path / "dagster")]) == set()
    for table, held in held_days(deployment).items():
        assert held == (published(deployment, days) if table in METRIC_TABLES else {today}), table


def secrets_of(deployment: Deployment) -> set[str]:
    pairs = [deployment.store.pair(account.business_id) for account in deployment.store.accounts()]
    tokens = {token for pair in pairs for token in (pair.access_token, pair.refresh_token)}
    return {deployment.variables["TIKTOK_CLIENT_SECRET"], *tokens}


def finished_run(dev: DagsterDev, run: str) -> str:
    return poll(lambda: _unless(ui.run_status(dev, run), {"QUEUED", "NOT_STARTED", "STARTING", "STARTED"}), "the run")


def finished_backfill(dev: DagsterDev, backfill: str) -> str:
    return poll(lambda: _unless(ui.backfill_status(dev, backfill), {"REQUESTED", "FAILING"}), "the backfill")


def _unless(status: str, under_way: set[str]) -> str | None:
    return None if status in under_way else status


def held_days(deployment: Deployment) -> dict[str, set[date]]:
    """The days of which each table holds rows."""
    return {name: {day for (day,) in deployment.rows(table, [table.day])} for name, table in TABLES.items()}


def published(deployment: Deployment, days: list[date]) -> set[date]:
    """The days whose metrics TikTok has published of any account."""
    now = deployment.clock.now()
    return {
        date.fromisoformat(day["date"])
        for account in deployment.world.accounts
        for day in deployment.world.metrics(account, days[0], days[-1], now)
    }
