"""Days are UTC days: past midnight, in other time zones, when clocks are put forward and back, and on leap days."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest

from tiktok_organic_dagster.simulator import Fault
from tiktok_organic_dagster.simulator.faults import Data, change
from tiktok_organic_dagster.tables import ACCOUNT, ACCOUNT_METRICS, STEPS, VIDEO_TABLES, VIDEOS
from tiktok_organic_dagster_tests import truth
from tiktok_organic_dagster_tests.faults import killing, kills, works
from tiktok_organic_dagster_tests.lab import Clock, Lab

TOMORROW_THERE, YESTERDAY_THERE, PUT_FORWARD, PUT_BACK = (
    datetime(2026, 11, 23, 12, 0, tzinfo=UTC),
    datetime(2026, 11, 24, 3, 30, tzinfo=UTC),
    datetime(2027, 3, 28, 0, 59, 30, tzinfo=UTC),  # 01:59:30 in Berlin; half a minute later it is three o'clock
    datetime(2027, 10, 31, 0, 59, 30, tzinfo=UTC),  # 02:59:30 in Berlin; half a minute later it is two o'clock
)


@pytest.mark.parametrize("warehouse_url", ["duckdb"], indirect=True)
def test_no_row_is_dated_by_the_clock_on_the_wall(
    new_lab: Callable[..., Lab], warehouse_url: str, clock: Clock
) -> None:
    clock.moment = TOMORROW_THERE
    lab = new_lab(warehouse_url, accounts=1, videos=2)
    lab.simulator.oauth.access_token_life = 400 * 86_400.0
    lab.connect(0)
    for moment, zone, step in (
        (TOMORROW_THERE, "Pacific/Kiritimati", "account_metrics"),
        (YESTERDAY_THERE, "America/Los_Angeles", "account"),
        (PUT_FORWARD, "Europe/Berlin", "account_metrics"),
        (PUT_BACK, "Europe/Berlin", "account"),
    ):
        clock.moment = moment
        arguments = (lab.settings, moment, step)
        assert not killing.run(works.read, *arguments, folder=lab.settings.home, variables={"TZ": zone})
        _is_dated(lab, moment.date(), step)


def test_a_run_that_passes_midnight_is_dated_by_its_beginning(new_lab: Callable[..., Lab], warehouse_url: str) -> None:
    lab = new_lab(warehouse_url, accounts=1, videos=45)
    lab.clock.moment = lab.clock.moment.replace(hour=23, minute=59)
    before_midnight = lab.clock.moment
    lab.simulator.clock = lambda: before_midnight

    def a_day_later(data: Data) -> Data:
        lab.clock.moment = before_midnight + timedelta(minutes=2)
        return data

    lab.simulator.faults.add(Fault(change(a_day_later), path="business/video/list/", nth=2))
    (outcome,) = lab.read_videos()

    assert outcome.error is None
    assert lab.clock.today == before_midnight.date() + timedelta(days=1)
    lab.clock.moment = before_midnight
    kills.assert_exact(lab, VIDEO_TABLES)
    assert {row[0] for row in lab.rows(VIDEOS, ["metric_date"])} == {before_midnight.date()}


def test_a_leap_day_is_a_day_like_others(new_lab: Callable[..., Lab], clock: Clock) -> None:
    clock.moment = datetime(2028, 2, 28, 12, tzinfo=UTC)
    lab = new_lab(accounts=1, videos=2)
    for _ in range(3):
        assert [outcome.error for outcome in (*lab.read_account(), *lab.read_metrics())] == [None, None]
        _is_dated(lab, clock.today, "account")
        _is_dated(lab, clock.today, "account_metrics")
        clock.next_day()
    days = {row[0] for row in lab.rows(ACCOUNT, ["metric_date"])}
    assert days == {date(2028, 2, 28), date(2028, 2, 29), date(2028, 3, 1)}
    clock.next_day()
    lab.read_metrics()
    assert date(2028, 2, 29) in {row[0] for row in lab.rows(ACCOUNT_METRICS, ["metric_date"])}


def _is_dated(lab: Lab, day: date, step: str) -> None:
    """The profile of a day, or the metrics of the 58 days before it, are what the simulated world says."""
    condition = f"metric_date = '{day}'" if step == "account" else f"metric_date >= '{day - timedelta(days=58)}'"
    for table in STEPS[step]:
        assert lab.rows(table, where=condition) == truth.rows_of(lab, table.name)
