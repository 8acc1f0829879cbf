"""The checks that look into the warehouse: red by name whatever the runs said, and green where nothing is wrong."""

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
import time_machine
from dagster import (
    AssetCheckEvaluation,
    AssetCheckKey,
    AssetCheckSeverity,
    AssetKey,
    DagsterInstance,
    TableMetadataValue,
)

from tiktok_organic_dagster.simulator import Fault, faults
from tiktok_organic_dagster.simulator.changes import ABSENT
from tiktok_organic_dagster.tables import (
    ACCOUNT,
    ACCOUNT_METRICS,
    AUDIENCE_ACTIVITY,
    CATALOGUE,
    COMMENTS,
    METRIC_TABLES,
    VIDEOS,
    Table,
)
from tiktok_organic_dagster.warehouse import open_warehouse
from tiktok_organic_dagster_tests.orchestration.deployment import Deployment
from tiktok_organic_dagster_tests.orchestration.runs import ALL_TABLES, Run, code_location

pytestmark = pytest.mark.usefixtures("duckdb_stays_open")

DAY = timedelta(days=1)
TABLES_WITH = {"freshness": CATALOGUE, "no_missing_days": METRIC_TABLES, "gap_ledger": (ACCOUNT,)}


class Checks:
    """The results of one run of the job `warehouse_checks`, or of some of its checks, as each takes its time."""

    def __init__(self, instance: DagsterInstance, *names: str) -> None:
        job = code_location().resolve_job_def("warehouse_checks")
        keys = {AssetCheckKey(AssetKey(table.name), name) for name in names for table in TABLES_WITH[name]}
        result = job.get_subset(asset_check_selection=keys or None).execute_in_process(
            instance=instance,
            raise_on_error=False,
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        )  # fmt: skip
        self.succeeded = result.success
        self._found = result.get_asset_check_evaluations()

    def of(self, table: Table, name: str) -> AssetCheckEvaluation:
        (found,) = [each for each in self._found if each.asset_key == AssetKey(table.name) and each.check_name == name]
        return found

    def failing(self, name: str) -> dict[str, set[str]]:
        """The accounts for which a check fails, by table."""
        return {
            each.asset_key.to_user_string(): set(_accounts(each))
            for each in self._found
            if each.check_name == name and not each.passed
        }


def _accounts(result: AssetCheckEvaluation) -> dict[str, Any]:
    return result.metadata["failing accounts"].value  # type: ignore[return-value]


def _delete(deployment: Deployment, table: Table, where: str, *values: Any) -> None:
    with open_warehouse(deployment.settings).session() as session:
        session.execute(f"DELETE FROM {session.name_of(table)} WHERE {where}", *values)


def _live(deployment: Deployment, noon: time_machine.Traveller, days: int, accounts: Sequence[int] = (0, 1)) -> None:
    """Days on which everything is read, of some accounts."""
    for _ in range(days):
        noon.shift(DAY)
        chosen = [deployment.account(index) for index in accounts]
        deployment.read_account(accounts=chosen)
        deployment.read_metrics(7, accounts=chosen)
        deployment.read_videos(accounts=chosen)
        deployment.read_comments(accounts=chosen)


def test_on_an_empty_warehouse_without_an_account_nothing_is_wrong(
    new_deployment: Callable[..., Deployment], instance: DagsterInstance
) -> None:
    new_deployment()

    checks = Checks(instance)

    assert checks.succeeded
    assert checks.failing("freshness") == checks.failing("no_missing_days") == {}
    assert checks.of(ACCOUNT, "gap_ledger").passed


def test_accounts_connected_today_are_not_stale_and_days_later_without_a_reading_they_are(
    deployment: Deployment, instance: DagsterInstance, noon: time_machine.Traveller
) -> None:
    assert Checks(instance, "freshness").failing("freshness") == {}
    noon.shift(DAY)

    stale = Checks(instance, "freshness").failing("freshness")

    both = {f"@{deployment.username(0)}", f"@{deployment.username(1)}"}
    assert stale == dict.fromkeys(ALL_TABLES, both)


def test_readings_of_yesterday_and_metrics_of_today_are_fresh(
    deployment: Deployment, instance: DagsterInstance, noon: time_machine.Traveller
) -> None:
    deployment.read_everything()
    noon.shift(DAY)
    deployment.read_metrics(7)

    checks = Checks(instance, "freshness", "no_missing_days")

    assert checks.failing("freshness") == {}
    assert checks.failing("no_missing_days") == {}
    assert checks.of(ACCOUNT, "freshness").description == "2 accounts have what there is up to 2026-11-23."
    assert checks.of(ACCOUNT_METRICS, "freshness").description == "2 accounts have what there is up to 2026-11-21."


def test_an_account_that_was_left_out_is_stale_although_every_run_was_green(
    deployment: Deployment, instance: DagsterInstance, noon: time_machine.Traveller
) -> None:
    deployment.read_everything()
    _live(deployment, noon, 2, accounts=[0])

    checks = Checks(instance, "freshness")

    left_out = f"@{deployment.username(1)}"
    readings = {table for table in ALL_TABLES if "account_metrics" not in table}
    assert checks.failing("freshness").keys() >= readings
    assert all(names == {left_out} for names in checks.failing("freshness").values())
    result = checks.of(VIDEOS, "freshness")
    assert result.severity is AssetCheckSeverity.ERROR
    assert _accounts(result)[left_out] == ("the newest row is of 2026-11-23, 1 days older than it can be (2026-11-24)")


def test_before_the_daily_load_nothing_is_stale_that_could_not_be_loaded_yet(
    deployment: Deployment, instance: DagsterInstance, noon: time_machine.Traveller
) -> None:
    deployment.read_everything()
    _live(deployment, noon, 3, accounts=[0, 1])
    tomorrow = datetime.combine(deployment.today + DAY, time(), UTC)
    for hour in (0, 4):
        noon.move_to(tomorrow + timedelta(hours=hour))
        assert Checks(instance, "freshness").failing("freshness") == {}
    noon.move_to(tomorrow + timedelta(hours=5))
    deployment.read_everything()
    for hour in (6, 9, 23):
        noon.move_to(tomorrow + timedelta(hours=hour))
        assert Checks(instance, "freshness").failing("freshness") == {}


def test_rows_that_somebody_deleted_are_missed(
    deployment: Deployment, instance: DagsterInstance, noon: time_machine.Traveller
) -> None:
    deployment.read_everything()
    noon.shift(DAY)
    deployment.read_metrics(7)
    stale = f"@{deployment.username(1)}"
    for table in (ACCOUNT, ACCOUNT_METRICS, VIDEOS):
        _delete(deployment, table, "_business_id = ?", deployment.business_id(1))

    assert Checks(instance, "freshness").failing("freshness") == {
        ACCOUNT.name: {stale},
        ACCOUNT_METRICS.name: {stale},
        VIDEOS.name: {stale},
    }


def test_an_account_without_posts_comments_and_activity_is_fresh(
    new_deployment: Callable[..., Deployment], instance: DagsterInstance, noon: time_machine.Traveller
) -> None:
    deployment = new_deployment(accounts=1, videos=6)
    deployment.connect_all()
    for post in deployment.world.videos(0, deployment.clock.now()):
        deployment.world.changes.patch_video(post["item_id"], comments=0)
    deployment.simulator.faults.add(Fault(faults.change(_without_activity), path="business/get/"))
    deployment.read_everything()
    _live(deployment, noon, 3, accounts=[0])

    assert deployment.rows(AUDIENCE_ACTIVITY) == []
    assert Checks(instance, "freshness").failing("freshness") == {}


def test_an_account_whose_activity_by_hour_ceases_stays_fresh(
    new_deployment: Callable[..., Deployment], instance: DagsterInstance, noon: time_machine.Traveller
) -> None:
    deployment = new_deployment(accounts=1, videos=1)
    deployment.connect_all()
    deployment.read_metrics()
    last = max(day for (day,) in deployment.rows(AUDIENCE_ACTIVITY, ["metric_date"]))
    for number in range(1, 9):  # from here on fewer than 100 followers
        deployment.world.changes.patch_metrics(0, last + number * DAY, audience_activity=ABSENT)
    for _ in range(3):
        noon.shift(2 * DAY)
        deployment.read_metrics(7)
        assert f"@{deployment.username(0)}" not in Checks(instance, "freshness").failing("freshness").get(
            AUDIENCE_ACTIVITY.name, ()
        )

    assert max(day for (day,) in deployment.rows(AUDIENCE_ACTIVITY, ["metric_date"])) == last
    noon.shift(DAY)  # on which nothing runs
    assert _accounts(Checks(instance, "freshness").of(AUDIENCE_ACTIVITY, "freshness")) == {
        f"@{deployment.username(0)}": "the newest row is of 2026-11-21, 6 days older than it can be (2026-11-27)"
    }


def _without_activity(data: dict[str, Any]) -> dict[str, Any]:
    days = [{key: value for key, value in day.items() if key != "audience_activity"} for day in data.get("metrics", [])]
    return {**data, **({"metrics": days} if "metrics" in data else {})}


def test_comments_that_tiktok_refuses_for_days_are_stale(
    deployment: Deployment, instance: DagsterInstance, noon: time_machine.Traveller
) -> None:
    deployment.read_everything()
    deployment.simulator.faults.add(
        Fault(faults.refuse(40117, "no"), path="business/comment/list/", business_id=deployment.business_id(0))
    )
    for index in (0, 1):
        for post in deployment.world.videos(index, deployment.clock.now()):
            deployment.world.changes.patch_video(post["item_id"], comments=(post.get("comments") or 0) + 5)
    _live(deployment, noon, 3)

    assert Checks(instance, "freshness").failing("freshness") == {COMMENTS.name: {f"@{deployment.username(0)}"}}


def test_comments_that_the_owner_did_not_grant_are_not_expected(
    deployment: Deployment, instance: DagsterInstance, noon: time_machine.Traveller
) -> None:
    deployment.connect(0, without=["comment.list"])
    deployment.read_everything()
    noon.shift(DAY)
    deployment.read_metrics(7)

    assert Checks(instance, "freshness").failing("freshness") == {}


def test_a_hole_that_can_still_be_loaded_is_an_error_by_account_and_day(
    deployment: Deployment, instance: DagsterInstance
) -> None:
    deployment.read_everything()
    for table in (ACCOUNT_METRICS, AUDIENCE_ACTIVITY):
        _delete(
            deployment, table, "_business_id = ? AND metric_date = ?", deployment.business_id(0), date(2026, 10, 20)
        )

    result = Checks(instance, "no_missing_days").of(ACCOUNT_METRICS, "no_missing_days")

    assert not result.passed
    assert result.severity is AssetCheckSeverity.ERROR
    assert _accounts(result) == {
        f"@{deployment.username(0)}": "2026-10-20 missing, its rows are no longer in the table"
    }


def test_days_lost_lately_are_an_error_and_days_lost_long_ago_a_warning(
    deployment: Deployment, instance: DagsterInstance, noon: time_machine.Traveller
) -> None:
    deployment.read_everything()
    noon.shift(70 * DAY)  # 2027-02-01; the oldest day that can be had is 2026-12-05
    deployment.read_metrics()

    result = Checks(instance, "no_missing_days").of(ACCOUNT_METRICS, "no_missing_days")

    assert result.severity is AssetCheckSeverity.ERROR
    names = {f"@{deployment.username(index)}" for index in (0, 1)}
    assert set(_accounts(result)) == names
    lost = "2026-12-04 lost, no run asked TikTok for it while it could"
    assert all(text.endswith(lost) for text in _accounts(result).values())
    for _ in range(2):
        noon.shift(5 * DAY)
        deployment.read_metrics()
    assert (
        Checks(instance, "no_missing_days").of(ACCOUNT_METRICS, "no_missing_days").severity is AssetCheckSeverity.WARN
    )


def test_the_ledger_is_shown_with_the_gaps_on_top_and_written_down(
    deployment: Deployment, instance: DagsterInstance, noon: time_machine.Traveller
) -> None:
    deployment.read_everything()
    noon.shift(3 * DAY)

    result = Checks(instance, "gap_ledger").of(ACCOUNT, "gap_ledger")

    assert not result.passed
    assert result.severity is AssetCheckSeverity.WARN
    # 10 tables of readings in 3 steps, 2 accounts: today is missing, two days are lost.
    metadata = {name: value.value for name, value in result.metadata.items() if name.startswith("days ")}
    assert metadata["days lost"] == 2 * 3 * 2
    ledger = result.metadata["ledger"]
    assert isinstance(ledger, TableMetadataValue)
    states = [str(record.data["state"]) for record in ledger.records]
    assert states == sorted(states, key=["missing", "lost", "provisional", "not offered", "loaded"].index)
    with open_warehouse(deployment.settings).session() as session:
        written = session.query("SELECT DISTINCT first_day, last_day FROM _ledger WHERE state = 'lost'")
    assert written == [(date(2026, 11, 24), date(2026, 11, 25))]


@pytest.mark.parametrize(
    ("job", "steps"),
    [("daily_readings", {"account", "videos", "comments"}), ("account_metrics_refresh", {"account_metrics"})],
)
def test_the_loading_jobs_make_no_check_that_looks_into_the_warehouse(job: str, steps: set[str]) -> None:
    found = code_location().resolve_job_def(job)

    assert {node.name for node in found.nodes} == steps


def test_the_checks_of_a_table_can_be_made_with_it(deployment: Deployment, instance: DagsterInstance) -> None:
    run = Run(instance, [ACCOUNT.name], deployment.today)

    assert run.succeeded
    assert run.check(ACCOUNT.name, "freshness").passed
    assert run.check(ACCOUNT.name, "accounts_loaded").passed


def test_a_run_of_one_account_still_names_another_that_failed_before(
    deployment: Deployment, instance: DagsterInstance
) -> None:
    failing, fine = (f"@{deployment.username(index)}" for index in (0, 1))
    deployment.simulator.faults.add(
        Fault(faults.refuse(40117, "no access"), path="business/get/", business_id=deployment.business_id(0))
    )
    Run(instance, [ACCOUNT.name], deployment.today)

    run = Run(instance, [ACCOUNT.name], deployment.today, config={"account": {"accounts": [fine]}})

    assert run.succeeded
    result = run.check(ACCOUNT.name, "accounts_loaded")
    assert not result.passed
    assert set(_accounts(result)) == {failing}
    assert "in an earlier run: " in _accounts(result)[failing]
    assert run.check(ACCOUNT.name, "schema").metadata["accounts of this run"].value == [fine]
    deployment.simulator.faults.clear()
    Run(instance, [ACCOUNT.name], deployment.today, config={"account": {"accounts": [failing]}})
    assert Run(instance, [ACCOUNT.name], deployment.today).check(ACCOUNT.name, "accounts_loaded").passed
