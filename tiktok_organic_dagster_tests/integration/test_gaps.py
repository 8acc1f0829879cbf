"""The gap ledger after readings, done and failed: what it says is what can be found in the tables."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest

from tiktok_organic_dagster.freshness import stale_accounts
from tiktok_organic_dagster.gaps import bring_to_date
from tiktok_organic_dagster.ledger import (
    IN_PART,
    NO_RUN,
    NOT_YET,
    ROWS_GONE,
    Span,
    State,
)
from tiktok_organic_dagster.simulator import Fault, faults
from tiktok_organic_dagster.tables import (
    ACCOUNT,
    ACCOUNT_METRICS,
    AUDIENCE_ACTIVITY,
    CATALOGUE,
    COMMENTS,
    VIDEO_TABLES,
    VIDEOS,
)
from tiktok_organic_dagster.tables.own import LEDGER
from tiktok_organic_dagster.warehouse import open_warehouse
from tiktok_organic_dagster_tests.integration.ledgers import gaps, stored, told
from tiktok_organic_dagster_tests.lab import Clock, Lab

pytestmark = pytest.mark.usefixtures("duckdb_stays_open")

DAY = timedelta(days=1)
TODAY = date(2026, 11, 23)
MIDNIGHT = datetime(2026, 11, 23, 23, 55, tzinfo=UTC)


def sql(lab: Lab, statement: str, *values: object) -> None:
    with open_warehouse(lab.settings).session() as session:
        session.execute(statement, *values)


def test_what_is_loaded_is_what_the_tables_hold(new_lab: Callable[..., Lab], warehouse_url: str) -> None:
    lab = new_lab(warehouse_url, accounts=2, videos=6)
    lab.read_everything()
    lab.clock.next_day(4)
    lab.read_everything()

    now = gaps(lab)

    for account in now.accounts:
        for table in CATALOGUE:
            loaded = {
                span.first + n * DAY
                for span in now.of(account, table)
                if span.state is State.LOADED
                for n in range(span.days)
            }
            day = table.day
            found = {day for (day,) in lab.rows(table, [day], f"_business_id = '{account.business_id}'")}
            if table in (ACCOUNT, VIDEOS, ACCOUNT_METRICS):
                assert loaded == found, table.name
            elif table is AUDIENCE_ACTIVITY:
                assert loaded >= found
            else:  # a reading may hold no row: TikTok has nothing to tell, or no comment is new
                assert loaded == {TODAY, TODAY + 4 * DAY} >= found, table.name
    assert told(lab, ACCOUNT) == [
        ("11-23", "11-23", State.LOADED, ""),
        ("11-24", "11-26", State.LOST, NO_RUN),
        ("11-27", "11-27", State.LOADED, ""),
    ]


def test_each_step_writes_its_days_with_its_rows_and_knows_them_before(
    new_lab: Callable[..., Lab], warehouse_url: str
) -> None:
    lab = new_lab(warehouse_url, accounts=1, videos=3)
    lab.read_account()

    assert stored(lab, ACCOUNT) == [Span(TODAY, TODAY, State.LOADED)]
    assert stored(lab, VIDEOS) == []
    assert told(lab, VIDEOS) == [("11-23", "11-23", State.MISSING, NOT_YET)]
    lab.clock.next_day(2)
    lab.simulator.faults.add(Fault(faults.refuse(40117, "no"), path="business/get/"))
    (outcome,) = lab.read_account()
    assert [(s.first, s.state, s.why) for s in stored(lab, ACCOUNT)] == [
        (TODAY, State.LOADED, ""),
        (TODAY + DAY, State.LOST, NO_RUN),
        (TODAY + 2 * DAY, State.MISSING, NOT_YET),  # as it was when the run began
    ]
    assert told(lab, ACCOUNT)[-1] == ("11-25", "11-25", State.MISSING, outcome.error)


def test_a_day_on_which_an_account_failed_keeps_the_reason(new_lab: Callable[..., Lab]) -> None:
    lab = new_lab(accounts=1, videos=3)
    lab.read_account()
    lab.clock.next_day()
    fault = lab.simulator.faults.add(Fault(faults.refuse(40117, "no"), path="business/get/"))
    (outcome,) = lab.read_account()
    lab.simulator.faults.remove(fault)
    lab.clock.next_day()

    lab.read_account()

    assert told(lab, ACCOUNT) == [
        ("11-23", "11-23", State.LOADED, ""),
        ("11-24", "11-24", State.LOST, outcome.error),
        ("11-25", "11-25", State.LOADED, ""),
    ]


def test_a_failure_after_midnight_is_one_of_the_day_that_the_run_was_for(
    new_lab: Callable[..., Lab], clock: Clock
) -> None:
    clock.moment = MIDNIGHT
    lab = new_lab(accounts=1, videos=3)
    lab.read_videos()

    def after_midnight(data: faults.Data) -> faults.Data:
        lab.clock.moment += timedelta(minutes=10)
        return data

    lab.simulator.faults.add(Fault(faults.change(after_midnight), path="business/get/", nth=1))
    lab.simulator.faults.add(Fault(faults.refuse(40117, "no"), path="business/get/"))
    (outcome,) = lab.read_account()

    lab.clock.moment = datetime(2026, 11, 24, 5, tzinfo=UTC)
    assert told(lab, ACCOUNT)[0] == ("11-23", "11-23", State.LOST, outcome.error)


def test_a_reading_written_after_midnight_is_that_of_the_day_before(
    new_lab: Callable[..., Lab], warehouse_url: str, clock: Clock
) -> None:
    clock.moment = MIDNIGHT
    lab = new_lab(warehouse_url, accounts=1, videos=3)

    def somebody_looks_after_midnight(data: faults.Data) -> faults.Data:
        lab.clock.moment = datetime(2026, 11, 24, 0, 5, tzinfo=UTC)
        with open_warehouse(lab.settings).session() as session:
            accounts = lab.store.accounts()
            bring_to_date(session, lab.store, accounts, since=lab.settings.start_date, today=lab.clock.today)
        assert stored(lab, ACCOUNT)[0].state is State.LOST
        return data

    lab.simulator.faults.add(Fault(faults.change(somebody_looks_after_midnight), path="business/get/"))
    (outcome,) = lab.read_account()

    assert outcome.error is None
    assert told(lab, ACCOUNT) == [
        ("11-23", "11-23", State.LOADED, ""),
        ("11-24", "11-24", State.MISSING, NOT_YET),
    ]


def test_rows_of_metrics_that_somebody_deleted_are_missing_and_come_back(
    new_lab: Callable[..., Lab], warehouse_url: str
) -> None:
    lab = new_lab(warehouse_url, accounts=2, videos=3)
    lab.read_metrics()
    before = lab.rows(ACCOUNT_METRICS)
    sql(
        lab,
        f'DELETE FROM "{ACCOUNT_METRICS.name}" WHERE _business_id = ? AND metric_date IN (?, ?)',
        lab.business_id(0), date(2026, 10, 1), date(2026, 10, 2),
    )  # fmt: skip

    assert ("10-01", "10-02", State.MISSING, ROWS_GONE) in told(lab, ACCOUNT_METRICS)
    assert State.MISSING not in {state for _, _, state, _ in told(lab, ACCOUNT_METRICS, 1)}
    lab.read_metrics()
    assert lab.rows(ACCOUNT_METRICS) == before
    assert State.MISSING not in {state for _, _, state, _ in told(lab, ACCOUNT_METRICS)}


def test_the_table_alone_of_two_that_was_loaded_is_loaded(new_lab: Callable[..., Lab]) -> None:
    lab = new_lab(accounts=1, videos=3)
    lab.read_videos([VIDEOS])

    assert told(lab, VIDEOS) == [("11-23", "11-23", State.LOADED, "")]
    assert {tuple(told(lab, table)) for table in VIDEO_TABLES if table is not VIDEOS} == {
        (("11-23", "11-23", State.MISSING, NOT_YET),)
    }


def test_comments_left_in_part_say_so_until_the_rest_is_read(new_lab: Callable[..., Lab], warehouse_url: str) -> None:
    lab = new_lab(warehouse_url, accounts=1, videos=8)
    lab.read_videos([VIDEOS])

    def later(data: faults.Data) -> faults.Data:
        lab.clock.moment += timedelta(minutes=31)
        return data

    lab.simulator.faults.add(Fault(faults.change(later), path="business/comment/list/", nth=1))
    (outcome,) = lab.read_comments()
    assert outcome.notes.left_over > 0
    assert told(lab, COMMENTS) == [("11-23", "11-23", State.LOADED, IN_PART)]

    lab.read_comments()

    assert told(lab, COMMENTS) == [("11-23", "11-23", State.LOADED, "")]


def test_comments_of_which_nothing_could_be_read_are_missing(new_lab: Callable[..., Lab]) -> None:
    lab = new_lab(accounts=1, videos=8)
    lab.read_videos([VIDEOS])
    lab.simulator.faults.add(Fault(faults.refuse(40117, "no"), path="business/comment/list/"))
    (outcome,) = lab.read_comments()

    assert told(lab, COMMENTS) == [("11-23", "11-23", State.MISSING, outcome.error)]


def test_daily_runs_leave_a_few_rows(new_lab: Callable[..., Lab], warehouse_url: str) -> None:
    lab = new_lab(warehouse_url, accounts=2, videos=2)
    lab.read_metrics()
    for _ in range(4):
        lab.read_account()
        lab.read_metrics(20)
        lab.clock.next_day()

    with open_warehouse(lab.settings).session() as session:
        rows = session.query(f"SELECT table_name, count(*) FROM {session.name_of(LEDGER)} GROUP BY 1")
    assert dict(rows)[ACCOUNT.name] == 2  # one for each account
    assert dict(rows)[ACCOUNT_METRICS.name] <= 2 * 3
    assert dict(rows)[AUDIENCE_ACTIVITY.name] <= 2 * 3


def test_stale_is_whose_rows_are_old_and_not_who_has_none(new_lab: Callable[..., Lab], warehouse_url: str) -> None:
    lab = new_lab(warehouse_url, accounts=3, videos=2)
    accounts = {index: lab.account(index) for index in range(3)}
    lab.read_account(accounts=[accounts[0], accounts[1]])
    lab.clock.next_day(3)
    lab.read_account(accounts=[accounts[0]])
    lab.clock.next_day()

    with open_warehouse(lab.settings).session() as session:
        stale = stale_accounts(session, ACCOUNT, lab.store.accounts(), lab.clock.today)

    assert {each.account.business_id: str(each) for each in stale} == {
        lab.business_id(1): "the newest row is of 2026-11-23, 3 days older than it can be (2026-11-26)",
        lab.business_id(2): "no row at all, although there should be some of 2026-11-26",
    }
