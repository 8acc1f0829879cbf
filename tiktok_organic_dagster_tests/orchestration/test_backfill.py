"""Backfills as the UI starts them: web server and backfill daemon of Dagster in this process."""

import pytest

from tiktok_organic_dagster_tests import truth
from tiktok_organic_dagster_tests.orchestration import ui
from tiktok_organic_dagster_tests.orchestration.dagster_in_process import Dagster
from tiktok_organic_dagster_tests.orchestration.deployment import Deployment
from tiktok_organic_dagster_tests.orchestration.runs import ACCOUNT, COMMENTS, METRIC_TABLES, METRICS, VIDEOS

pytestmark = pytest.mark.usefixtures("duckdb_stays_open")


def test_a_backfill_of_all_four_steps_over_some_days_loads_what_each_of_them_can(
    deployment: Deployment, dagster: Dagster
) -> None:
    days = [deployment.days_ago(back) for back in (4, 3, 2, 1, 0)]
    one_of_each_step = (ACCOUNT, METRICS, VIDEOS, COMMENTS)

    backfill = ui.backfill(dagster, one_of_each_step, days)
    dagster.work_off_backfills()

    assert ui.backfill_status(dagster, backfill) == "COMPLETED_FAILED"
    assert [run["status"] for run in ui.runs(dagster)] == ["FAILURE", "SUCCESS", "SUCCESS"]
    for table in one_of_each_step:
        assert ui.materialized(dagster, table) == (days if table == METRICS else [deployment.today]), table
    loaded, expected = deployment.everything(), truth.everything(deployment)
    for table in (ACCOUNT, VIDEOS, COMMENTS):
        assert loaded[table] == expected[table], table
    assert loaded[METRICS] == [row for row in expected[METRICS] if row[1] in days]


def test_a_backfill_of_58_days_of_account_metrics_is_one_run(deployment: Deployment, dagster: Dagster) -> None:
    days = [deployment.days_ago(back) for back in range(58, 0, -1)]

    backfill = ui.backfill(dagster, METRIC_TABLES, days)
    dagster.work_off_backfills()

    assert ui.backfill_status(dagster, backfill) == "COMPLETED_SUCCESS"
    (run,) = ui.runs(dagster)
    assert run["status"] == "SUCCESS"
    assert len(deployment.simulator.calls) == 2
    assert ui.materialized(dagster, METRICS) == days


def test_a_backfill_that_reaches_too_far_back_loads_and_marks_the_days_that_it_can(
    deployment: Deployment, dagster: Dagster
) -> None:
    asked = [deployment.days_ago(back) for back in (60, 59, 58, 57)]

    backfill = ui.backfill(dagster, METRIC_TABLES, asked)
    dagster.work_off_backfills()

    assert ui.backfill_status(dagster, backfill) == "COMPLETED_FAILED"
    (run,) = ui.runs(dagster)
    said = next(event["failureMetadata"]["description"] for event in run["eventConnection"]["events"] if event)
    assert "2026-09-24 to 2026-09-25 (2 days)" in said
    for table in METRIC_TABLES:
        assert ui.materialized(dagster, table) == asked[2:]
