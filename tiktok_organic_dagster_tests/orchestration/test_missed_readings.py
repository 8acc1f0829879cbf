"""The sensor `missed_readings`: what it tries again, when, how often, and why it tries nothing."""

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import Any

import pytest
import time_machine
from dagster import AssetKey, DagsterInstance, DagsterRun, DagsterRunStatus

from tiktok_organic_dagster.automation.jobs import for_accounts
from tiktok_organic_dagster.automation.looking import range_tags
from tiktok_organic_dagster.simulator import Fault, faults
from tiktok_organic_dagster.tables import COMMENTS, VIDEOS
from tiktok_organic_dagster.warehouse import open_warehouse
from tiktok_organic_dagster_tests.conftest import NOON
from tiktok_organic_dagster_tests.orchestration.deployment import Deployment
from tiktok_organic_dagster_tests.orchestration.runs import code_location
from tiktok_organic_dagster_tests.orchestration.ticks import (
    MISSED,
    READING_STEPS,
    READINGS,
    Asked,
    carry_out,
    ids,
    move_to,
    sensor_tick,
)

pytestmark = pytest.mark.usefixtures("duckdb_stays_open")

TODAY = NOON.date()
DAY = timedelta(days=1)


@pytest.fixture
def deployment(noon: time_machine.Traveller, new_deployment: Callable[..., Deployment]) -> Deployment:
    """Two accounts that have been connected since yesterday, at noon."""
    noon.shift(-DAY)
    made = new_deployment()
    made.connect_all()
    noon.shift(DAY)
    return made


def _missed(instance: DagsterInstance, before: Asked | None = None) -> Asked:
    return sensor_tick(instance, MISSED, before.cursor if before else None)


@pytest.mark.usefixtures("deployment")
def test_before_the_hour_of_the_schedule_nothing_is_missed(
    instance: DagsterInstance, noon: time_machine.Traveller
) -> None:
    for hour, minute in ((0, 5), (4, 59), (5, 0), (5, 14)):
        move_to(noon, hour, minute, TODAY)
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
    for hour in (5, 6, 8, 13, 16, 22, 23):
        for minute in (0, 14, 15):
            move_to(noon, hour, minute, TODAY)
            asked = _missed(instance, asked)
            assert bool(asked.requests) != bool(asked.why_not)
            if not asked.requests:
                continue
            tried.append(f"{hour:02}:{minute:02}")
            assert asked.accounts == [dict.fromkeys(READING_STEPS, ids(deployment, 0, 1))]
            assert asked.days == [(TODAY, TODAY)]

    assert tried == ["05:15", "06:00", "08:00", "13:00", "22:00"]
    assert asked is not None
    assert "2 accounts wait for the next attempt, or had all 5 of the day" in asked.why_not


def test_an_account_connected_just_now_is_left_to_the_sensor_for_new_ones(
    deployment: Deployment, instance: DagsterInstance, noon: time_machine.Traveller
) -> None:
    deployment.store.forget(deployment.business_id(0))
    deployment.connect(0)

    asked = _missed(instance)
    assert asked.accounts == [dict.fromkeys(READING_STEPS, ids(deployment, 1))]
    noon.shift(timedelta(minutes=15))
    assert _missed(instance, asked).accounts == [dict.fromkeys(READING_STEPS, ids(deployment, 0))]


@pytest.mark.usefixtures("deployment")
def test_a_new_day_begins_anew(instance: DagsterInstance, noon: time_machine.Traveller) -> None:
    asked: Asked | None = None
    for hour in (6, 7, 9, 14, 23, 23):
        move_to(noon, hour, 0, TODAY)
        asked = _missed(instance, asked)
    assert asked is not None
    assert asked.requests == []
    move_to(noon, 5, 15, TODAY + DAY)

    assert _missed(instance, asked).days == [(TODAY + DAY, TODAY + DAY)]


@pytest.mark.parametrize(
    "cursor", ["no JSON", "[]", "7", '{"day": "2026-11-23"}', '{"day": "2026-11-23", "attempts": [1]}']
)
@pytest.mark.usefixtures("deployment")
def test_a_cursor_that_is_none_of_ours_is_as_good_as_none(instance: DagsterInstance, cursor: str) -> None:
    assert len(sensor_tick(instance, MISSED, cursor).requests) == 1


def _a_run(
    instance: DagsterInstance, status: DagsterRunStatus, day: date = TODAY, accounts: Sequence[str] = ()
) -> DagsterRun:
    """A run of the readings of a day, which does nothing."""
    return instance.create_run_for_job(
        code_location().resolve_job_def(READINGS),
        status=status,
        run_config=for_accounts(READING_STEPS, accounts),
        tags=range_tags(day, day),
    )


@pytest.mark.parametrize("status", [DagsterRunStatus.NOT_STARTED, DagsterRunStatus.STARTED, DagsterRunStatus.CANCELING])
@pytest.mark.usefixtures("deployment")
def test_nothing_is_tried_while_a_run_is_under_way(instance: DagsterInstance, status: DagsterRunStatus) -> None:
    run = _a_run(instance, status)

    asked = _missed(instance)

    assert asked.requests == []
    assert asked.why_not == "A run of daily_readings is under way."
    instance.delete_run(run.run_id)
    assert len(_missed(instance).requests) == 1


def test_a_run_of_other_accounts_holds_nobody_back(deployment: Deployment, instance: DagsterInstance) -> None:
    _a_run(instance, DagsterRunStatus.STARTED, accounts=[f"@{deployment.username(0)}"])

    assert _missed(instance).accounts == [dict.fromkeys(READING_STEPS, ids(deployment, 1))]


def test_an_account_that_failed_in_the_run_under_way_does_not_wait_for_the_others(
    deployment: Deployment, instance: DagsterInstance, noon: time_machine.Traveller
) -> None:
    _a_run(instance, DagsterRunStatus.STARTED)
    noon.shift(timedelta(minutes=5))
    deployment.store.record_error(deployment.business_id(0), "videos", "TikTok was away", deployment.clock.now())

    assert _missed(instance).accounts == [dict.fromkeys(READING_STEPS, ids(deployment, 0))]


@pytest.mark.usefixtures("deployment")
def test_a_run_that_died_with_its_machine_holds_nobody_back(
    instance: DagsterInstance, noon: time_machine.Traveller
) -> None:
    _a_run(instance, DagsterRunStatus.STARTED, TODAY - 2 * DAY)
    assert len(_missed(instance).requests) == 1
    _a_run(instance, DagsterRunStatus.STARTED)
    assert _missed(instance).requests == []

    noon.shift(timedelta(minutes=31))  # without a word from it

    assert len(_missed(instance).requests) == 1


def test_an_account_without_authorization_is_not_tried(deployment: Deployment, instance: DagsterInstance) -> None:
    deployment.store.mark_needs_authorization(deployment.business_id(0), "revoked")

    asked = _missed(instance)
    assert asked.accounts == [dict.fromkeys(READING_STEPS, ids(deployment, 1))]

    for read in (deployment.read_account, deployment.read_videos, deployment.read_comments):
        read(accounts=[deployment.account(1)])
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

    assert asked.accounts == [{"comments": ids(deployment, 0)}]
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


def _leave_comments_over(deployment: Deployment, noon: time_machine.Traveller) -> Fault:
    """One account has comments left over: each of its runs has time for one video, until the fault is removed."""
    one, other = (deployment.account(index) for index in (0, 1))
    deployment.read_account()
    deployment.read_videos()
    deployment.read_comments(accounts=[other])

    def half_an_hour_later(data: dict[str, Any]) -> dict[str, Any]:
        noon.shift(timedelta(minutes=31))
        return data

    fault = deployment.simulator.faults.add(
        Fault(faults.change(half_an_hour_later), path="business/comment/list/", business_id=one.business_id)
    )
    (outcome,) = deployment.read_comments(accounts=[one])
    assert outcome.error is None
    assert outcome.notes.left_over > 2
    return fault


def test_comments_left_over_are_gone_on_with_as_often_as_needed_while_that_gets_on(
    deployment: Deployment, instance: DagsterInstance, noon: time_machine.Traveller
) -> None:
    one = deployment.account(0)
    deployment.store.record_error(one.business_id, "comments", "TikTok was away", deployment.clock.now())
    fault = _leave_comments_over(deployment, noon)
    asked: Asked | None = None
    for _ in range(2):
        asked = _missed(instance, asked)
        assert asked.accounts == [{"comments": [one.business_id]}]
        (outcome,) = deployment.read_comments(accounts=[one])
        assert outcome.notes.left_over > 0
        noon.shift(timedelta(minutes=5))
    deployment.simulator.faults.remove(fault)
    asked = _missed(instance, asked)

    assert carry_out(instance, asked.requests[0], READINGS).success

    assert _missed(instance, asked).why_not == "Nothing is missing today: 2 accounts read."


def test_comments_left_over_of_which_runs_read_nothing_more_are_tried_as_seldom_as_anything_else(
    deployment: Deployment, instance: DagsterInstance, noon: time_machine.Traveller
) -> None:
    move_to(noon, 5, 0, TODAY)
    _leave_comments_over(deployment, noon)
    tried: list[str] = []
    asked: Asked | None = None
    for hour, minutes in ((5, (31, 45, 46)), (6, (0, 31)), (8, (30, 31)), (13, (30, 31)), (22, (30, 31)), (23, (59,))):
        for minute in minutes:
            move_to(noon, hour, minute, TODAY)
            asked = _missed(instance, asked)
            if asked.requests:
                tried.append(f"{hour:02}:{minute:02}")
                assert asked.accounts == [{"comments": ids(deployment, 0)}]

    assert tried == ["05:31", "05:46", "06:31", "08:31", "13:31", "22:31"]
    assert asked is not None
    assert asked.why_not == "1 account waits for the next attempt, or had all 5 of the day."
