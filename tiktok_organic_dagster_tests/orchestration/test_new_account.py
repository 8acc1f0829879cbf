"""The sensor `new_account`: what it asks for of whom, and why it asks for nothing."""

import json
from collections.abc import Callable
from datetime import date, timedelta

import pytest
import time_machine
from dagster import DagsterInstance

from tiktok_organic_dagster.tables import ACCOUNT, ACCOUNT_METRICS
from tiktok_organic_dagster.warehouse import open_warehouse
from tiktok_organic_dagster_tests.conftest import NOON
from tiktok_organic_dagster_tests.orchestration.deployment import Deployment
from tiktok_organic_dagster_tests.orchestration.ticks import (
    METRICS,
    MISSED,
    NEW,
    READING_STEPS,
    READINGS,
    carry_out,
    ids,
    sensor_tick,
)

pytestmark = pytest.mark.usefixtures("duckdb_stays_open")

TODAY = NOON.date()
DAY = timedelta(days=1)


def test_an_account_just_connected_gets_58_days_of_metrics_and_todays_reading(
    deployment: Deployment, instance: DagsterInstance
) -> None:
    asked = sensor_tick(instance, NEW)

    assert [request.job_name for request in asked.requests] == [METRICS, READINGS]
    assert asked.days == [(date(2026, 9, 26), date(2026, 11, 22)), (TODAY, TODAY)]
    assert asked.accounts == [
        {"account_metrics": ids(deployment, 0, 1)},
        dict.fromkeys(READING_STEPS, ids(deployment, 0, 1)),
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
    read = [deployment.account(0)]
    deployment.read_account(accounts=read)
    deployment.read_metrics(accounts=read)

    asked = sensor_tick(instance, NEW)

    assert asked.accounts == [
        {"account_metrics": ids(deployment, 1)},
        dict.fromkeys(READING_STEPS, ids(deployment, 1)),
    ]
    assert json.loads(asked.cursor or "").keys() == set(ids(deployment, 0, 1))


def test_an_account_whose_authorization_is_renewed_is_not_new(
    deployment: Deployment, instance: DagsterInstance, noon: time_machine.Traveller
) -> None:
    first = sensor_tick(instance, NEW)
    deployment.read_everything()
    noon.shift(DAY)
    deployment.connect(0)

    assert sensor_tick(instance, NEW, first.cursor).requests == []


def test_an_account_that_is_connected_again_after_weeks_gets_the_metrics_that_it_lacks(
    deployment: Deployment, instance: DagsterInstance, noon: time_machine.Traveller
) -> None:
    deployment.read_everything()
    first = sensor_tick(instance, NEW)
    noon.shift(30 * DAY)
    deployment.connect(0)

    asked = sensor_tick(instance, NEW, first.cursor)

    assert asked.accounts == [{"account_metrics": ids(deployment, 0)}]
    assert asked.days == [(date(2026, 10, 26), date(2026, 12, 22))]
    assert carry_out(instance, asked.requests[0], METRICS).success
    assert sensor_tick(instance, NEW).accounts == [{"account_metrics": ids(deployment, 1)}]


def test_an_account_whose_first_reading_another_run_took_still_gets_its_metrics(
    deployment: Deployment, instance: DagsterInstance
) -> None:
    deployment.read_account()
    deployment.read_videos()

    asked = sensor_tick(instance, NEW)

    assert [request.job_name for request in asked.requests] == [METRICS]


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
    assert asked.accounts[0] == {"account_metrics": ids(deployment, 0)}
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
    assert sorted(of_metrics[0] + of_metrics[1]) == sorted(of_readings[0] + of_readings[1]) == ids(deployment, 0, 1, 2)
    assert len({request.run_key for request in asked.requests}) == 4


@pytest.mark.usefixtures("noon")
def test_on_the_first_day_of_all_a_new_account_gets_its_reading_alone(
    new_deployment: Callable[..., Deployment], instance: DagsterInstance
) -> None:
    new_deployment(TIKTOK_ORGANIC_START_DATE=TODAY.isoformat()).connect_all()

    assert [request.job_name for request in sensor_tick(instance, NEW).requests] == [READINGS]


def test_the_runs_of_a_new_account_close_its_ledger(deployment: Deployment, instance: DagsterInstance) -> None:
    deployment.read_everything()
    deployment.store.forget(deployment.business_id(1))
    with open_warehouse(deployment.settings).session() as session:
        for table in (ACCOUNT.name, ACCOUNT_METRICS.name, "_ledger", "_readings"):
            session.execute(f'DELETE FROM "{table}" WHERE _business_id = ?', deployment.business_id(1))
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
