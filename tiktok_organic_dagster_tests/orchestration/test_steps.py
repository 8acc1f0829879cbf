"""The four steps, run by Dagster in this process: which rows land, what is marked, what a failure says."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from dagster import AssetCheckKey, AssetCheckSeverity, AssetKey, AssetSelection, DagsterInstance, materialize

from tiktok_organic_dagster.simulator import Call, Fault
from tiktok_organic_dagster.simulator.faults import Effect, refuse
from tiktok_organic_dagster.tables import CATALOGUE
from tiktok_organic_dagster_tests import truth
from tiktok_organic_dagster_tests.orchestration.deployment import Deployment
from tiktok_organic_dagster_tests.orchestration.runs import (
    ACCOUNT,
    ACTIVITY,
    ALL_TABLES,
    COMMENTS,
    METRIC_TABLES,
    METRICS,
    VIDEOS,
    Run,
    code_location,
    marked,
)

pytestmark = pytest.mark.usefixtures("duckdb_stays_open")

REFUSED = 40001  # a refusal that trying again does not mend
READINGS = tuple(name for name in ALL_TABLES if name not in METRIC_TABLES)
TABLES = {table.name: table for table in CATALOGUE}


def test_the_readings_of_today_are_the_rows_of_the_world_shown_with_their_number_and_a_preview(
    deployment: Deployment, instance: DagsterInstance
) -> None:
    run = Run(instance, ALL_TABLES, deployment.today)

    assert run.succeeded
    loaded, expected = deployment.everything(), truth.everything(deployment)
    for table in READINGS:
        assert expected[table], f"the world has nothing for {table}"
        assert loaded[table] == expected[table], table
        shown = run.metadata(table, deployment.today)
        assert shown["dagster/partition_row_count"] == len(expected[table])
        assert 1 <= len(shown["preview"].records) <= 10
        assert run.check(table, "accounts_loaded").passed
    for table in ALL_TABLES:
        assert marked(instance, table) == [deployment.today]
    of_comments = set(run.metadata(COMMENTS, deployment.today)["preview"].records[0].data)
    assert {"comment_id", "likes"} <= of_comments
    assert not of_comments & {"text", "display_name", "comment_author_username", "user_id", "unique_identifier"}


def test_58_days_of_account_metrics_are_one_call_for_each_account(
    deployment: Deployment, instance: DagsterInstance
) -> None:
    first, last = deployment.days_ago(58), deployment.days_ago(1)

    run = Run(instance, METRIC_TABLES, first, last)

    assert run.succeeded
    calls = deployment.simulator.calls.to("business/get")
    assert sorted(call.business_id or "" for call in calls) == sorted(map(deployment.business_id, (0, 1)))
    assert {(call.params["start_date"], call.params["end_date"]) for call in calls} == {(str(first), str(last))}
    assert len(deployment.simulator.calls) == 2
    loaded, expected = deployment.everything(), truth.everything(deployment)
    for table in METRIC_TABLES:
        assert loaded[table] == expected[table]
        assert marked(instance, table) == [deployment.days_ago(days) for days in range(58, 0, -1)]
    rows_of = dict.fromkeys(marked(instance, ACTIVITY), 0)
    for row in expected[ACTIVITY]:
        rows_of[row[1]] += 1
    counted = {day: run.metadata(ACTIVITY, day)["dagster/partition_row_count"] for day in rows_of}
    assert counted == rows_of


def test_todays_account_metrics_are_an_empty_partition_that_costs_no_call(
    deployment: Deployment, instance: DagsterInstance
) -> None:
    run = Run(instance, METRIC_TABLES, deployment.today)

    assert run.succeeded
    assert len(deployment.simulator.calls) == 0
    assert marked(instance, METRICS) == [deployment.today]
    assert run.metadata(METRICS, deployment.today)["dagster/partition_row_count"] == 0


@pytest.mark.parametrize(
    ("table", "days_ago", "allowed"),
    [
        (METRICS, 59, "2026-09-26 to 2026-11-23 (today)"),
        (ACCOUNT, 1, "2026-11-23 (today)"),
        (VIDEOS, 1, "2026-11-23 (today)"),
        (COMMENTS, 1, "2026-11-23 (today)"),
    ],
)
def test_a_day_outside_the_window_fails_at_once_and_names_the_days_allowed(
    deployment: Deployment, instance: DagsterInstance, table: str, days_ago: int, allowed: str
) -> None:
    run = Run(instance, [table], deployment.days_ago(days_ago))

    assert not run.succeeded
    (said,) = run.failures.values()
    assert str(deployment.days_ago(days_ago)) in said
    assert allowed in said
    assert not run.was_retried
    assert len(deployment.simulator.calls) == 0
    assert marked(instance, table) == []


def test_a_range_partly_inside_loads_and_marks_that_part_and_names_the_rest(
    deployment: Deployment, instance: DagsterInstance
) -> None:
    run = Run(instance, METRIC_TABLES, deployment.days_ago(60), deployment.days_ago(56))

    assert not run.succeeded
    assert "2026-09-24 to 2026-09-25 (2 days)" in run.failures["account_metrics"]
    assert not run.was_retried
    inside = [deployment.days_ago(days) for days in (58, 57, 56)]
    assert [call.params["start_date"] for call in deployment.simulator.calls] == [str(inside[0])] * 2
    expected = [row for row in truth.everything(deployment)[METRICS] if row[1] in inside]
    assert deployment.everything()[METRICS] == expected
    for table in METRIC_TABLES:
        assert marked(instance, table) == inside
    assert run.metadata(METRICS, inside[0])["dagster/partition_row_count"] == 2
    assert run.check(METRICS, "accounts_loaded").passed


@pytest.mark.parametrize("name", [lambda d: d.username(1), lambda d: f"@{d.username(1)}", lambda d: d.business_id(1)])
def test_a_run_can_be_told_which_accounts_to_read(
    deployment: Deployment, instance: DagsterInstance, name: Callable[[Deployment], str]
) -> None:
    run = Run(instance, [ACCOUNT], deployment.today, config={"account": {"accounts": [name(deployment)]}})

    assert run.succeeded
    assert {call.business_id for call in deployment.simulator.calls} == {deployment.business_id(1)}
    assert deployment.rows(TABLES[ACCOUNT], ["_business_id"]) == [(deployment.business_id(1),)]


def test_an_unknown_account_is_a_failure_that_names_the_connected_ones(
    deployment: Deployment, instance: DagsterInstance
) -> None:
    run = Run(instance, [ACCOUNT], deployment.today, config={"account": {"accounts": ["nobody.here"]}})

    assert not run.succeeded
    assert "nobody.here" in run.failures["account"]
    assert f"@{deployment.username(0)}" in run.failures["account"]
    assert not run.was_retried
    assert len(deployment.simulator.calls) == 0


@pytest.mark.usefixtures("noon")
def test_all_comments_asks_about_every_known_video_even_if_nothing_moved(
    new_deployment: Callable[..., Deployment], instance: DagsterInstance
) -> None:
    deployment = new_deployment(accounts=1)
    deployment.connect_all()
    assert Run(instance, [ACCOUNT, VIDEOS, COMMENTS], deployment.today).succeeded
    deployment.simulator.calls.clear()
    assert Run(instance, [COMMENTS], deployment.today).succeeded
    again = {call.params["video_id"] for call in deployment.simulator.calls}
    deployment.simulator.calls.clear()

    run = Run(instance, [COMMENTS], deployment.today, config={"comments": {"all_comments": True}})

    assert run.succeeded
    videos = {post["item_id"] for post in deployment.world.videos(0, deployment.clock.now())}
    assert {call.params["video_id"] for call in deployment.simulator.calls.to("comment/list")} == videos
    assert len(again) < len(videos)


def test_a_broken_account_leaves_the_others_complete_and_is_named_with_the_reason(
    deployment: Deployment, instance: DagsterInstance
) -> None:
    deployment.simulator.faults.add(
        Fault(refuse(REFUSED, "This account rests."), business_id=deployment.business_id(0))
    )

    run = Run(instance, ALL_TABLES, deployment.today)

    assert run.succeeded
    loaded, expected = deployment.everything(), truth.everything(deployment)
    for table in READINGS:
        result = run.check(table, "accounts_loaded")
        assert not result.passed
        assert result.severity is AssetCheckSeverity.ERROR
        assert f"@{deployment.username(0)}" in (result.description or "")
        assert deployment.username(1) not in (result.description or "")
        assert loaded[table] == [row for row in expected[table] if deployment.business_id(1) in row]
        assert marked(instance, table) == [deployment.today]
    assert "This account rests." in (run.check(ACCOUNT, "accounts_loaded").description or "")
    assert any(deployment.username(0) in line and "This account rests." in line for line in run.log)


def test_a_step_fails_when_every_account_does(deployment: Deployment, instance: DagsterInstance) -> None:
    deployment.simulator.faults.add(Fault(refuse(REFUSED, "TikTok rests."), path="business/video/list"))

    run = Run(instance, READINGS, deployment.today)

    assert not run.succeeded
    assert list(run.failures) == ["videos"]
    for index in (0, 1):
        assert f"@{deployment.username(index)}" in run.failures["videos"]
    assert "TikTok rests." in run.failures["videos"]
    assert not run.check(VIDEOS, "accounts_loaded").passed
    assert marked(instance, ACCOUNT) == [deployment.today]
    assert marked(instance, VIDEOS) == marked(instance, COMMENTS) == []


def test_a_check_asked_for_alone_says_that_its_table_is_to_be_materialized(
    deployment: Deployment, instance: DagsterInstance
) -> None:
    location = code_location()

    result = materialize(
        list(location.assets or ()),
        selection=AssetSelection.checks(AssetCheckKey(AssetKey(ACCOUNT), "schema")),
        resources=dict(location.resources or {}),
        instance=instance,
        raise_on_error=False,
    )

    (failure,) = result.get_step_failure_events()
    assert "materialize the table" in str(failure.step_failure_data.error)
    assert deployment.simulator.calls.count() == 0


@pytest.mark.usefixtures("noon")
def test_without_an_account_the_failure_says_how_to_connect_one(
    new_deployment: Callable[..., Deployment], instance: DagsterInstance
) -> None:
    deployment = new_deployment()

    run = Run(instance, [ACCOUNT], deployment.today)

    assert not run.succeeded
    assert "tiktok-organic connect" in run.failures["account"]
    assert str(deployment.settings.home) in run.failures["account"]
    assert not run.was_retried


@pytest.mark.parametrize(
    ("table", "fields"),
    [
        (f"{VIDEOS}_audience_genders", {"item_id", "create_time", "audience_genders"}),  # paging needs the first two
        (ACTIVITY, {"audience_activity"}),
        (ACCOUNT, {"username", *truth.PROFILE}),
        (METRICS, {"profile_image", *truth.METRICS}),
    ],
)
def test_a_table_of_a_step_asks_only_for_the_fields_it_needs(
    deployment: Deployment, instance: DagsterInstance, table: str, fields: set[str]
) -> None:
    day = deployment.days_ago(3) if table in METRIC_TABLES else deployment.today

    run = Run(instance, [table], day)

    assert run.succeeded
    asked = {name for call in deployment.simulator.calls for name in json.loads(call.params["fields"])}
    assert asked == fields
    loaded = deployment.everything()
    assert loaded[table]
    assert not [name for name, rows in loaded.items() if rows and name != table]
    assert [name for name in ALL_TABLES if marked(instance, name)] == [table]


def test_a_run_that_passes_midnight_belongs_to_the_day_on_which_it_began(
    noon: time_machine.Traveller, deployment: Deployment, instance: DagsterInstance
) -> None:
    today = deployment.today
    noon.move_to(datetime(2026, 11, 23, 23, 59, 50, tzinfo=UTC), tick=False)

    def midnight_passes(_call: Call, _is_business: bool) -> None:
        noon.move_to(datetime(2026, 11, 24, 0, 0, 10, tzinfo=UTC), tick=False)

    deployment.simulator.faults.add(Fault(Effect(check=midnight_passes), path="business/get", times=1))

    run = Run(instance, READINGS, today)

    assert run.succeeded
    assert deployment.today == today + timedelta(days=1)
    for table in READINGS:
        assert {day for (day,) in deployment.rows(TABLES[table], [TABLES[table].day])} == {today}
        assert marked(instance, table) == [today]
