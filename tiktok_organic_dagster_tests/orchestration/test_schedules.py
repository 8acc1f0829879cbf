"""The schedules: which days and accounts a tick asks for, and why one asks for nothing."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import chain
from pathlib import Path

import pytest
import time_machine
from dagster import DagsterInstance, DagsterRunStatus, DefaultScheduleStatus
from dagster._core.test_utils import instance_for_test

from tiktok_organic_dagster.automation.looking import range_tags
from tiktok_organic_dagster.tables import ACCOUNT_METRICS
from tiktok_organic_dagster.warehouse import open_warehouse
from tiktok_organic_dagster_tests.conftest import NOON
from tiktok_organic_dagster_tests.databases_that_refuse import held_by_another_program
from tiktok_organic_dagster_tests.orchestration.deployment import Deployment
from tiktok_organic_dagster_tests.orchestration.runs import code_location
from tiktok_organic_dagster_tests.orchestration.ticks import Asked, carry_out, schedule_tick

TODAY = NOON.date()
METRICS = "account_metrics_refresh"
READINGS = "daily_readings"
CHECKS = "warehouse_checks"
ALL = (READINGS, METRICS, CHECKS)
DAY = timedelta(days=1)


def _next_morning(noon: time_machine.Traveller, days: int = 1) -> date:
    """Go to 05:00 of a later day."""
    day = datetime.now(UTC).date() + days * DAY
    noon.move_to(datetime(day.year, day.month, day.day, 5, tzinfo=UTC))
    return day


def test_all_schedules_run_by_default_in_utc() -> None:
    found = {name: code_location().get_repository_def().get_schedule_def(name) for name in ALL}

    assert {name: each.cron_schedule for name, each in found.items()} == {
        READINGS: "0 5 * * *",
        METRICS: "0 5 * * *",
        CHECKS: "0 9-21/3 * * *",
    }
    assert {each.execution_timezone for each in found.values()} == {"UTC"}
    assert {each.default_status for each in found.values()} == {DefaultScheduleStatus.RUNNING}
    assert {each.job_name for each in found.values()} == set(ALL)


@pytest.mark.parametrize("schedule", ALL)
@pytest.mark.usefixtures("noon")
def test_while_no_account_is_connected_a_tick_says_how_to_connect_one(
    new_deployment: Callable[..., Deployment], instance: DagsterInstance, schedule: str
) -> None:
    new_deployment()

    asked = schedule_tick(instance, schedule, TODAY)

    assert asked.requests == []
    assert "No account is connected in " in asked.why_not
    assert "tiktok-organic connect" in asked.why_not


@pytest.mark.parametrize(
    ("schedule", "why"),
    [
        (READINGS, "This tick of 2026-11-22 comes too late: TikTok serves no past values"),
        (METRICS, "This tick of 2026-11-22 comes late: the tick of today loads the same days"),
        (CHECKS, "This tick of 2026-11-22 05:00 comes late: the next one looks at the same"),
    ],
)
@pytest.mark.usefixtures("deployment")
def test_a_tick_that_comes_a_day_late_is_left_to_that_of_today(
    instance: DagsterInstance, schedule: str, why: str
) -> None:
    asked = schedule_tick(instance, schedule, TODAY - DAY)

    assert asked.requests == []
    assert why in asked.why_not


@pytest.mark.usefixtures("deployment")
def test_the_readings_are_those_of_the_ticks_day(instance: DagsterInstance) -> None:
    asked = schedule_tick(instance, READINGS, TODAY)

    assert asked.days == [(TODAY, TODAY)]
    assert asked.accounts == [{}]


@pytest.fixture
def stored_instance(tmp_path: Path) -> Iterator[DagsterInstance]:
    """A Dagster with files, as a schedule that asks for earlier runs needs one."""
    with instance_for_test(temp_dir=str(tmp_path)) as made:
        yield made


@pytest.mark.usefixtures("deployment")
def test_the_checks_are_asked_for_without_days(stored_instance: DagsterInstance, noon: time_machine.Traveller) -> None:
    noon.move_to(datetime(2026, 11, 23, 9, tzinfo=UTC))
    (request,) = schedule_tick(stored_instance, CHECKS, TODAY, 9).requests

    assert not any(tag.startswith("dagster/asset_partition") for tag in request.tags)


@pytest.mark.usefixtures("deployment")
def test_the_checks_wait_for_a_load_under_way_until_the_last_tick_of_the_day(
    stored_instance: DagsterInstance, noon: time_machine.Traveller
) -> None:
    def tick(hour: int) -> Asked:
        noon.move_to(datetime(2026, 11, 23, hour, tzinfo=UTC))
        stored_instance.create_run_for_job(  # which tells something again and again, as a load does
            code_location().resolve_job_def(METRICS),
            status=DagsterRunStatus.STARTED,
            tags=range_tags(TODAY, TODAY - DAY),
        )
        return schedule_tick(stored_instance, CHECKS, TODAY, hour)

    assert tick(9).why_not == "A load is under way: the tick in three hours looks at what it brings."
    assert tick(18).requests == []
    assert len(tick(21).requests) == 1


@pytest.mark.usefixtures("deployment")
def test_the_checks_are_made_once_a_day_and_not_before_the_loads_that_make_up_for_an_outage(
    stored_instance: DagsterInstance, noon: time_machine.Traveller
) -> None:
    noon.move_to(datetime(2026, 11, 23, 10, tzinfo=UTC))
    late = schedule_tick(stored_instance, CHECKS, TODAY, 9)
    assert late.why_not == "This tick of 2026-11-23 09:00 comes late: the next one looks at the same."
    noon.move_to(datetime(2026, 11, 23, 12, tzinfo=UTC))
    (request,) = schedule_tick(stored_instance, CHECKS, TODAY, 12).requests
    stored_instance.create_run_for_job(
        code_location().resolve_job_def(CHECKS), tags={**request.tags, "dagster/schedule_name": CHECKS}
    )
    noon.move_to(datetime(2026, 11, 23, 15, tzinfo=UTC))

    assert schedule_tick(stored_instance, CHECKS, TODAY, 15).why_not == "The checks of 2026-11-23 were made already."
    noon.move_to(datetime(2026, 11, 24, 9, tzinfo=UTC))
    assert len(schedule_tick(stored_instance, CHECKS, TODAY + DAY, 9).requests) == 1


def test_accounts_of_which_nothing_is_known_are_asked_for_58_days(
    deployment: Deployment, instance: DagsterInstance
) -> None:
    assert schedule_tick(instance, METRICS, TODAY).days == [(date(2026, 9, 26), date(2026, 11, 22))]
    assert deployment.days_ago(58) == date(2026, 9, 26)


def test_once_all_is_loaded_the_last_7_days_are_asked_for_and_after_an_outage_of_30_days_all_of_it(
    deployment: Deployment, instance: DagsterInstance, noon: time_machine.Traveller
) -> None:
    deployment.read_metrics()
    day = _next_morning(noon)
    assert schedule_tick(instance, METRICS, day).days == [(day - 7 * DAY, day - DAY)]
    deployment.read_metrics(7)

    day = _next_morning(noon, 30)
    (asked,) = schedule_tick(instance, METRICS, day).days

    # What was published for sure on 2026-11-24 is stored; TikTok may have been faster with the days after.
    assert date(2026, 11, 22) <= asked[0] <= date(2026, 11, 23)
    assert asked[1] == date(2026, 12, 23)


def test_the_run_after_an_outage_closes_it_and_the_next_tick_asks_for_7_days_again(
    deployment: Deployment, instance: DagsterInstance, noon: time_machine.Traveller
) -> None:
    deployment.read_metrics()
    day = _next_morning(noon, 30)
    (request,) = schedule_tick(instance, METRICS, day).requests
    deployment.simulator.calls.clear()

    assert carry_out(instance, request, METRICS).success

    assert len(deployment.simulator.calls.to("business/get/")) == 2  # one for each account
    days = {day for (day,) in deployment.rows(ACCOUNT_METRICS, ["metric_date"])}
    assert days >= {date(2026, 9, 26) + n * DAY for n in range((day - 3 * DAY - date(2026, 9, 26)).days + 1)}
    day = _next_morning(noon)
    assert schedule_tick(instance, METRICS, day).days == [(day - 7 * DAY, day - DAY)]


def test_one_old_day_that_one_account_lacks_is_asked_for(
    deployment: Deployment, instance: DagsterInstance, noon: time_machine.Traveller
) -> None:
    deployment.read_metrics()
    with open_warehouse(deployment.settings).session() as session:
        session.execute(
            f"DELETE FROM {session.name_of(ACCOUNT_METRICS)} WHERE _business_id = ? AND metric_date = ?",
            deployment.business_id(1),
            date(2026, 10, 20),
        )
    day = _next_morning(noon)

    assert schedule_tick(instance, METRICS, day).days == [(date(2026, 10, 20), day - DAY)]


def test_an_account_that_its_owner_has_to_connect_again_does_not_count(
    deployment: Deployment, instance: DagsterInstance, noon: time_machine.Traveller
) -> None:
    deployment.read_metrics(accounts=[deployment.account(0)])
    deployment.store.mark_needs_authorization(deployment.business_id(1), "revoked")
    day = _next_morning(noon)

    assert schedule_tick(instance, METRICS, day).days == [(day - 7 * DAY, day - DAY)]


@pytest.mark.usefixtures("noon")
def test_no_day_before_the_first_partition_is_asked_for(
    new_deployment: Callable[..., Deployment], instance: DagsterInstance, noon: time_machine.Traveller
) -> None:
    new_deployment(TIKTOK_ORGANIC_START_DATE="2026-11-20").connect_all()

    assert schedule_tick(instance, METRICS, TODAY).days == [(date(2026, 11, 20), date(2026, 11, 22))]
    noon.move_to(datetime(2026, 11, 20, 5, tzinfo=UTC))
    asked = schedule_tick(instance, METRICS, date(2026, 11, 20))
    assert asked.requests == []
    assert "The first partition is 2026-11-20" in asked.why_not


@pytest.mark.parametrize(
    ("schedule", "steps"), [(READINGS, {"account", "videos", "comments"}), (METRICS, {"account_metrics"})]
)
@pytest.mark.usefixtures("noon")
def test_many_accounts_are_split_into_runs_that_cover_each_of_them_once(
    new_deployment: Callable[..., Deployment], instance: DagsterInstance, schedule: str, steps: set[str]
) -> None:
    deployment = new_deployment(accounts=5, videos=1, TIKTOK_ORGANIC_ACCOUNTS_PER_RUN="2")
    deployment.connect_all()

    asked = schedule_tick(instance, schedule, TODAY)

    assert [set(each) for each in asked.accounts] == [steps] * 3
    assert all(len(set(map(tuple, each.values()))) == 1 for each in asked.accounts)
    of_runs = [next(iter(each.values())) for each in asked.accounts]
    assert [len(each) for each in of_runs] == [2, 2, 1]
    assert sorted(chain.from_iterable(of_runs)) == sorted(deployment.business_id(n) for n in range(5))
    assert len({request.run_key for request in asked.requests}) == 3
    assert len(set(asked.days)) == 1


@pytest.mark.usefixtures("noon")
def test_as_many_accounts_as_a_run_may_have_are_one_run_of_all(
    new_deployment: Callable[..., Deployment], instance: DagsterInstance
) -> None:
    new_deployment(accounts=2, videos=1, TIKTOK_ORGANIC_ACCOUNTS_PER_RUN="2").connect_all()

    assert schedule_tick(instance, READINGS, TODAY).accounts == [{}]


def test_while_the_ledger_cannot_be_read_all_58_days_are_asked_for(
    deployment: Deployment, instance: DagsterInstance, noon: time_machine.Traveller
) -> None:
    deployment.read_metrics()
    day = _next_morning(noon)
    with held_by_another_program(Path(deployment.settings.warehouse_url.removeprefix("duckdb:///"))):
        asked = schedule_tick(instance, METRICS, day)

    assert asked.days == [(day - 58 * DAY, day - DAY)]


@pytest.mark.usefixtures("noon")
def test_a_split_run_reads_its_accounts_and_no_others(
    new_deployment: Callable[..., Deployment], instance: DagsterInstance
) -> None:
    deployment = new_deployment(accounts=3, videos=1, TIKTOK_ORGANIC_ACCOUNTS_PER_RUN="2")
    deployment.connect_all()
    last = schedule_tick(instance, METRICS, TODAY).requests[1]

    assert carry_out(instance, last, METRICS).success

    stored = {business_id for (business_id,) in deployment.rows(ACCOUNT_METRICS, ["_business_id"])}
    assert stored == {max(deployment.business_id(n) for n in range(3))}
