"""Everything in PostgreSQL: the warehouse, the state and Dagster's own storage."""

from collections.abc import Callable
from pathlib import Path

import pytest
from dagster import DagsterInstance
from dagster_postgres import PostgresEventLogStorage, PostgresRunStorage

from tiktok_organic_dagster.tables import COMMENTS
from tiktok_organic_dagster.warehouse import open_warehouse
from tiktok_organic_dagster_tests import truth
from tiktok_organic_dagster_tests.orchestration.deployment import Deployment
from tiktok_organic_dagster_tests.orchestration.runs import ALL_TABLES, METRIC_TABLES, Run, marked
from tiktok_organic_dagster_tests.unit.warehouse.rows import tables_counted


@pytest.mark.usefixtures("noon")
def test_all_tables_are_materialized_with_warehouse_state_and_dagster_in_postgres(
    new_deployment: Callable[..., Deployment],
    in_postgres: dict[str, str],
    dagster_postgres_home: Path,
) -> None:
    deployment = new_deployment(**in_postgres)
    deployment.connect_all()
    days = [deployment.days_ago(back) for back in (7, 6, 5, 4)]

    with DagsterInstance.from_config(str(dagster_postgres_home)) as instance:
        assert isinstance(instance.run_storage, PostgresRunStorage)
        assert isinstance(instance.event_log_storage, PostgresEventLogStorage)
        assert Run(instance, ALL_TABLES, deployment.today).succeeded
        assert Run(instance, METRIC_TABLES, days[0], days[-1]).succeeded

    with DagsterInstance.from_config(str(dagster_postgres_home)) as again:
        assert len(again.get_runs()) == 2
        for table in ALL_TABLES:
            expected = [*days, deployment.today] if table in METRIC_TABLES else [deployment.today]
            assert marked(again, table) == expected, table

    loaded, expected = deployment.everything(), truth.everything(deployment)
    for table in ALL_TABLES:
        rows = [row for row in expected[table] if table not in METRIC_TABLES or row[1] in days]
        assert loaded[table] == rows, table
    assert not list(Path(deployment.settings.home).glob("*.d*b"))
    with open_warehouse(deployment.settings).session() as session:  # of a table with many rows
        assert tables_counted(session) == {COMMENTS.name}
