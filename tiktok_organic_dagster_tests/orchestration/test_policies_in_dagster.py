"""The examples of docs/policies.md that are about Dagster: the backfill of everything, and runs near midnight."""

from datetime import UTC, date, datetime

import pytest
import time_machine
from dagster import AssetExecutionContext, DagsterInstance, asset, materialize

from tiktok_organic_dagster.assets.step import run_date
from tiktok_organic_dagster_tests.orchestration import ui
from tiktok_organic_dagster_tests.orchestration.dagster_in_process import Dagster
from tiktok_organic_dagster_tests.orchestration.deployment import Deployment
from tiktok_organic_dagster_tests.pages import examples, page, table
from tiktok_organic_dagster_tests.policy_examples import PAGE, TODAY, days_of, moment_of

pytestmark = pytest.mark.usefixtures("duckdb_stays_open")

EXAMPLES = examples(page(PAGE))


def test_a_backfill_of_all_tables_over_59_days(
    deployment: Deployment, noon: time_machine.Traveller, dagster: Dagster
) -> None:
    noon.move_to(datetime(2026, 11, 24, 12, tzinfo=UTC))
    assert deployment.today == TODAY
    rows = table(EXAMPLES["backfill"])

    backfill = ui.backfill(dagster, [row["table"] for row in rows], days_of("2026-09-27 to 2026-11-24"))
    dagster.work_off_backfills()

    assert ui.backfill_status(dagster, backfill) == "COMPLETED_FAILED"
    for row in rows:
        assert ui.materialized(dagster, row["table"]) == days_of(row["marked after the backfill"]), row["table"]


@pytest.mark.parametrize("row", table(EXAMPLES["midnight"]), ids=lambda row: row["the run starts"])
def test_the_day_that_a_run_belongs_to(instance: DagsterInstance, row: dict[str, str]) -> None:
    seen: list[date] = []

    with time_machine.travel(moment_of(row["the run starts"]).astimezone(UTC)) as traveller:

        @asset
        def reading(context: AssetExecutionContext) -> None:
            traveller.move_to(moment_of(row["TikTok answers"]).astimezone(UTC))
            seen.append(run_date(context))

        materialize([reading], instance=instance)

    assert seen == [date.fromisoformat(row["stored under"])]
