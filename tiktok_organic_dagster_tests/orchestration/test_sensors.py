"""The sensors `new_account` and `missed_readings`: what they ask for, when, how often, and why they ask for nothing."""

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from dagster import AssetKey, DagsterInstance, DagsterRunStatus, DefaultSensorStatus

from tiktok_organic_dagster.simulator import Fault, faults
from tiktok_organic_dagster.tables import ACCOUNT, ACCOUNT_METRICS, COMMENTS, VIDEOS
from tiktok_organic_dagster.warehouse import open_warehouse
from tiktok_organic_dagster_tests.conftest import NOON
from tiktok_organic_dagster_tests.databases_that_refuse import held_by_another_program
from tiktok_organic_dagster_tests.orchestration.deployment import Deployment
from tiktok_organic_dagster_tests.orchestration.runs import code_location
from tiktok_organic_dagster_tests.orchestration.ticks import Asked, carry_out, sensor_tick

TODAY = NOON.date()
NEW = "new_account"
MISSED = "missed_readings"
READINGS = "daily_readings"
METRICS = "account_metrics_refresh"
READING_STEPS = ["account", "comments", "videos"]
DAY = timedelta(days=1)


def _at(noon: time_machine.Traveller, hour: int, minute: int, day: date = TODAY) -> None:
    noon.move_to(datetime(day.year, day.month, day.day, hour, minute, tzinfo=UTC))


def _file(deployment: Deployment) -> Path:
    return Path(deployment.settings.warehouse_url.removeprefix("duckdb:///"))


def _ids(deployment: Deployment, *indexes: int) -> list[str]:
    return sorted(deployment.business_id(index) for index in indexes)


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


# New accounts.


def test_an_account_just_connected_gets_58_days_of_metrics_and_todays_reading(
    deployment: Deployment, instance: DagsterInstance
) -> None:
    asked = sensor_tick(instance, NEW)

    assert [request.job_name for request in asked.requests] == [METRICS, READINGS]
    assert asked.days == [(date(2026, 9, 26), date(2026, 11, 22)), (TODAY, TODAY)]
    assert asked.accounts == [
        {"account_metrics": _ids(deployment, 0, 1)},
        dict.fromkeys(READING_STEPS, _ids(deployment, 0, 1)),
    ]


@pytest.mark.usefixtures("deployment")
def test_a_connection_is_answered_once(instance: DagsterInstance) -> None:
    first = sensor_tick(instance, NEW)

    again = sensor_tick(instance, NEW, first.cursor)

    assert again.requests == []
    assert again.why_not == "No account is new: 2 accounts connected."


@pytest.mark.parametrize("cursor", ["", "no JSON", "[1, 2]", "3", "null", '{"x": 7}'])
@pytest.mark.usefixtures("deployment")
def test_with_a_cursor_that_is_lost_the_same_runs_are_asked_for_so_that_dagster_knows_them(
    instance: DagsterInstance, cursor: str
) -> None:
    first = sensor_tick(instance, NEW)

    again = sensor_tick(instance, NEW, cursor)

    assert {request.run_key for request in again.requests} == {request.run_key for request in first.requests}
    assert again.cursor == first.cursor


def test_an_account_that_was_read_is_not_new_whatever_the_cursor_says(
    deployment: Deployment, instance: DagsterInstance
) -> None:
    deployment.read_account(accounts=[deployment.store.find(deployment.business_id(0))])

    asked = sensor_tick(instance, NEW)

    assert asked.accounts[0] == {"account_metrics": _ids(deployment, 1)}
    assert json.loads(asked.cursor or "").keys() == set(_ids(deployment, 0, 1))


def test_an_account_whose_authorization_is_renewed_is_not_new(
    deployment: Deployment, instance: DagsterInstance, noon: time_machine.Traveller
) -> None:
    first = sensor_tick(instance, NEW)
    noon.shift(3 * DAY)
    deployment.connect(0)

    assert sensor_tick(instance, NEW, first.cursor).requests == []


def test_an_account_that_is_disconnected_and_connected_anew_is_new_again(
    deployment: Deployment, instance: DagsterInstance, noon: time_machine.Traveller
) -> None:
    deployment.read_everything()
    first = sensor_tick(instance, NEW)
    deployment.store.forget(deployment.business_id(0))
    without = sensor_tick(instance, NEW, first.cursor)
    assert without.why_not == "No account is new: 1 account connected."
    noon.shift(20 * DAY)
    deployment.connect(0)

    asked = sensor_tick(instance, NEW, without.cursor)

    assert [each.keys() for each in asked.accounts] == [{"account_metrics"}, set(READING_STEPS)]
    assert asked.accounts[0] == {"account_metrics": _ids(deployment, 0)}
    assert not {request.run_key for request in asked.requests} & {request.run_key for request in first.requests}


@pytest.mark.usefixtures("noon")
def test_many_new_accounts_are_split_into_runs(
    new_deployment: Callable[..., Deployment], instance: DagsterInstance
) -> None:
    deployment = new_deployment(accounts=3, videos=1, TIKTOK_ORGANIC_ACCOUNTS_PER_RUN="2")
    deployment.connect_all()

    asked = sensor_tick(instance, NEW)

    of_metrics = [each["account_metrics"] for each in asked.accounts if "account_metrics" in each]
    of_readings = [each["videos"] for each in asked.accounts if "videos" in each]
    assert [len(each) for each in of_metrics] == [len(each) for each in of_readings] == [2, 1]
    assert sorted(of_metrics[0] + of_metrics[1]) == sorted(of_readings[0] + of_readings[1]) == _ids(deployment, 0, 1, 2)
    assert len({request.run_key for request in asked.requests}) == 4


@pytest.mark.usefixtures("noon")
def test_on_the_first_day_of_all_a_new_account_gets_its_reading_alone(
    new_deployment: Callable[..., Deployment], instance: DagsterInstance
) -> None:
    new_deployment(TIKTOK_ORGANIC_START_DATE=TODAY.isoformat()).connect_all()

    assert [request.job_name for request in sensor_tick(instance, NEW).requests] == [READINGS]


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


def test_the_runs_of_a_new_account_close_its_ledger(deployment: Deployment, instance: DagsterInstance) -> None:
    deployment.read_everything()
    deployment.store.forget(deployment.business_id(1))
    with open_warehouse(deployment.settings).session() as session:
        for table in (ACCOUNT.name, ACCOUNT_METRICS.name, "_ledger", "_readings"):
            session.execute(f'DELETE FROM "{table}" WHERE _business_id = ?', deployment.business_id(1))  # noqa: S608
    deployment.connect(1)
    deployment.simulator.calls.clear()
    asked = sensor_tick(instance, NEW)

    for request in asked.requests:
        assert carry_out(instance, request, READINGS).success

    assert len(deployment.rows(ACCOUNT, ["_business_id"])) == 2
    assert len(deployment.rows(ACCOUNT_METRICS, where=f"_business_id = '{deployment.business_id(1)}'")) >= 55
    assert len(deployment.simulator.calls.to("business/get/")) == 2  # for one account: profile, metrics
    assert sensor_tick(instance, NEW, asked.cursor).why_not == "No account is new: 2 accounts connected."
    assert sensor_tick(instance, MISSED).why_not == "Nothing is missing today: 2 accounts read."


# Missed readings.


def _missed(instance: DagsterInstance, before: Asked | None = None) -> Asked:
    return sensor_tick(instance, MISSED, before.cursor if before else None)


@pytest.mark.usefixtures("deployment")
def test_before_the_hour_of_the_schedule_nothing_is_missed(
    instance: DagsterInstance, noon: time_machine.Traveller
) -> None:
    for hour, minute in ((0, 5), (4, 59), (5, 0), (5, 14)):
        _at(noon, hour, minute)
        asked = _missed(instance)
        assert asked.requests == []
        assert asked.why_not == (
            "The reading of 2026-11-23 is taken at 05:00 UTC; what is missing of it is tried again from 05:15 on."
        )


def test_a_missing_reading_is_tried_five_times_a_day_with_growing_pauses(
    deployment: Deployment, instance: DagsterInstance, noon: time_machine.Traveller
) -> None:
    tried: list[str] = []
    asked: Asked | None = None
    for hour in (5, 6, 8, 10, 12, 16, 23):
        for minute in (14, 15, 44, 45):
            _at(noon, hour, minute)
            asked = _missed(instance, asked)
            assert bool(asked.requests) != bool(asked.why_not)
            if not asked.requests:
                continue
            tried.append(f"{hour:02}:{minute:02}")
            assert asked.accounts == [dict.fromkeys(READING_STEPS, _ids(deployment, 0, 1))]
            assert asked.days == [(TODAY, TODAY)]

    assert tried == ["05:15", "05:45", "06:45", "08:45", "12:45"]
    assert asked is not None
    assert "2 accounts wait for the next attempt, or had all 5 of the day" in asked.why_not


@pytest.mark.usefixtures("deployment")
def test_a_new_day_begins_anew(instance: DagsterInstance, noon: time_machine.Traveller) -> None:
    asked: Asked | None = None
    for hour in (6, 7, 9, 12, 17, 22):
        _at(noon, hour, 0)
        asked = _missed(instance, asked)
    assert asked is not None
    assert asked.requests == []
    _at(noon, 5, 15, TODAY + DAY)

    assert _missed(instance, asked).days == [(TODAY + DAY, TODAY + DAY)]


@pytest.mark.parametrize(
    "cursor", ["no JSON", "[]", "7", '{"day": "2026-11-23"}', '{"day": "2026-11-23", "attempts": [1]}']
)
@pytest.mark.usefixtures("deployment")
def test_a_cursor_that_is_none_of_ours_is_as_good_as_none(instance: DagsterInstance, cursor: str) -> None:
    assert len(sensor_tick(instance, MISSED, cursor).requests) == 1


@pytest.mark.parametrize("status", [DagsterRunStatus.NOT_STARTED, DagsterRunStatus.STARTED, DagsterRunStatus.CANCELING])
@pytest.mark.usefixtures("deployment")
def test_nothing_is_tried_while_a_run_is_under_way(instance: DagsterInstance, status: DagsterRunStatus) -> None:
    run = instance.create_run_for_job(
        code_location().resolve_job_def(READINGS), status=status, run_config={}, tags={}
    )  # fmt: skip

    asked = _missed(instance)

    assert asked.requests == []
    assert asked.why_not == "A run of daily_readings is under way."
    instance.delete_run(run.run_id)
    assert len(_missed(instance).requests) == 1


def test_an_account_without_authorization_is_not_tried(deployment: Deployment, instance: DagsterInstance) -> None:
    deployment.store.mark_needs_authorization(deployment.business_id(0), "revoked")

    asked = _missed(instance)
    assert asked.accounts == [dict.fromkeys(READING_STEPS, _ids(deployment, 1))]

    for read in (deployment.read_account, deployment.read_videos, deployment.read_comments):
        read(accounts=[deployment.store.find(deployment.business_id(1))])
    assert _missed(instance, asked).why_not == "1 account must be connected again by the owner."


def test_once_everything_is_read_nothing_is_missing(deployment: Deployment, instance: DagsterInstance) -> None:
    deployment.read_everything()

    asked = _missed(instance)

    assert asked.requests == []
    assert asked.why_not == "Nothing is missing today: 2 accounts read."


def test_an_account_whose_owner_did_not_grant_comments_misses_none(
    deployment: Deployment, instance: DagsterInstance
) -> None:
    deployment.connect(0, without=["comment.list"])
    deployment.read_everything()

    assert _missed(instance).why_not == "Nothing is missing today: 2 accounts read."


def test_the_run_that_is_asked_for_closes_the_ledger(deployment: Deployment, instance: DagsterInstance) -> None:
    deployment.read_everything()
    with open_warehouse(deployment.settings).session() as session:
        session.execute("DELETE FROM _ledger WHERE _business_id = ?", deployment.business_id(0))
    asked = _missed(instance)
    (request,) = asked.requests

    result = carry_out(instance, request, READINGS)

    assert result.success
    assert {step.step_key for step in result.get_step_success_events()} == {"account", "videos", "comments"}
    assert _missed(instance, asked).why_not == "Nothing is missing today: 2 accounts read."


def test_comments_that_failed_are_read_again_alone_and_with_pauses(
    deployment: Deployment, instance: DagsterInstance, noon: time_machine.Traveller
) -> None:
    fault = deployment.simulator.faults.add(
        Fault(faults.refuse(40117, "no"), path="business/comment/list/", business_id=deployment.business_id(0))
    )
    deployment.read_everything()
    asked = _missed(instance)

    assert asked.accounts == [{"comments": _ids(deployment, 0)}]
    (request,) = asked.requests
    assert request.asset_selection == [AssetKey(COMMENTS.name)]
    noon.shift(timedelta(minutes=25))
    waiting = _missed(instance, asked)
    assert waiting.why_not == "1 account waits for the next attempt, or had all 5 of the day."
    deployment.simulator.faults.remove(fault)
    before = deployment.rows(VIDEOS, ["_loaded_at"])

    result = carry_out(instance, request, READINGS)

    assert result.success
    assert [step.step_key for step in result.get_step_success_events()] == ["comments"]
    assert deployment.rows(VIDEOS, ["_loaded_at"]) == before
    assert _missed(instance, waiting).why_not == "Nothing is missing today: 2 accounts read."


def test_comments_left_over_are_gone_on_with_as_often_as_needed(
    deployment: Deployment, instance: DagsterInstance, noon: time_machine.Traveller
) -> None:
    deployment.read_account()
    deployment.read_videos()
    one, other = (deployment.store.find(deployment.business_id(index)) for index in (0, 1))
    deployment.read_comments(accounts=[other])

    def half_an_hour_later(data: dict[str, Any]) -> dict[str, Any]:
        noon.shift(timedelta(minutes=31))
        return data

    deployment.simulator.faults.add(Fault(faults.change(half_an_hour_later), path="business/comment/list/", nth=1))
    (outcome,) = deployment.read_comments(accounts=[one])
    assert outcome.error is None
    assert outcome.notes.left_over > 0
    asked: Asked | None = None
    for _ in range(8):
        asked = _missed(instance, asked)
        assert asked.accounts == [{"comments": _ids(deployment, 0)}]
        noon.shift(timedelta(minutes=5))
    assert asked is not None

    assert carry_out(instance, asked.requests[0], READINGS).success

    assert _missed(instance, asked).why_not == "Nothing is missing today: 2 accounts read."
